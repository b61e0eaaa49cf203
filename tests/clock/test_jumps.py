"""A virtual clock that is told how far to go."""

from __future__ import annotations

import random
import threading
from datetime import timedelta

import pytest

PATIENCE_S = 30


@pytest.fixture
def made():
    return []


@pytest.fixture
def note(frozen, made):
    """Make a call that notes a word, and the seconds that have passed."""
    start = frozen.monotonic()

    def make(word):
        return lambda: made.append((word, round(frozen.monotonic() - start, 6)))

    return make


def test_due_timers_fire_in_order_each_at_its_own_moment(frozen, note, made):
    for delay in (3, 1, 2, 6):
        frozen.call_later(delay, note(delay))
    frozen.advance(5)

    assert made == [(1, 1), (2, 2), (3, 3)]


def test_date_and_monotonic_time_agree_within_a_jump(frozen):
    date, start, seen = frozen.now(), frozen.monotonic(), []
    frozen.call_later(1.5, lambda: seen.append((frozen.now() - date, frozen.monotonic() - start)))
    frozen.advance(60)

    assert seen == [(timedelta(seconds=1.5), pytest.approx(1.5))]
    assert frozen.now() - date == timedelta(minutes=1)


def test_timers_of_one_moment_fire_in_the_order_in_which_they_were_set(frozen, made):
    for number in range(100):
        frozen.call_later(1, lambda number=number: made.append(number))
    frozen.advance(1)

    assert made == list(range(100))


def test_timers_fire_on_the_calling_thread(frozen, made):
    frozen.call_later(1, lambda: made.append(threading.current_thread()))
    frozen.advance(1)

    assert made == [threading.current_thread()]


def test_timer_set_by_a_timer_fires_within_the_same_jump(frozen, note, made):
    frozen.call_later(1, lambda: frozen.call_later(2, note("second")))
    frozen.call_later(1, lambda: frozen.call_later(0, note("at once")))
    frozen.call_later(1, lambda: frozen.call_later(10, note("too late")))
    frozen.advance(5)

    assert made == [("at once", 1), ("second", 3)]


def test_ticking_timer_ticks_once_for_each_of_its_periods(frozen, note, made):
    def tick():
        note("tick")()
        frozen.call_later(0.1, tick)

    frozen.call_later(0.1, tick)
    frozen.advance(1)

    assert made == [("tick", round(number / 10, 6)) for number in range(1, 11)]


def test_timer_cancelled_within_a_jump_does_not_fire(frozen, note, made):
    doomed = frozen.call_later(2, note("doomed"))
    frozen.call_later(1, doomed.cancel)
    frozen.advance(5)

    assert made == []


def test_many_small_steps_lead_as_far_as_one_large_one(frozen, note, made):
    frozen.call_later(0.8, note("due"))
    for _ in range(7):
        frozen.advance(0.1)
    early = list(made)
    frozen.advance(0.1)

    assert early == []
    assert made == [("due", 0.8)]


def test_jump_of_a_timedelta(frozen):
    start = frozen.monotonic()
    frozen.advance(timedelta(days=1, milliseconds=5))

    assert frozen.monotonic() - start == pytest.approx(86_400.005)


def test_jump_of_nothing_does_what_is_due_now(frozen, note, made):
    frozen.call_later(0, note("now"))
    frozen.call_later(0.001, note("later"))
    frozen.advance(0)

    assert made == [("now", 0)]


@pytest.mark.parametrize("seconds", [-1, -0.001, timedelta(seconds=-1)])
def test_jump_back_is_refused_and_changes_nothing(frozen, seconds):
    before = frozen.monotonic()

    with pytest.raises(ValueError, match=r"Time cannot go back by (1|0\.001) s"):
        frozen.advance(seconds)
    assert frozen.monotonic() == before


@pytest.mark.parametrize("seconds", [float("inf"), float("nan")])
def test_jump_of_no_span_of_time_is_refused(frozen, seconds):
    with pytest.raises(ValueError, match="is no span of time"):
        frozen.advance(seconds)


@pytest.mark.parametrize("seconds", [1e12, 1e300, timedelta.max])
def test_jump_beyond_the_calendar_is_refused_and_changes_nothing(clock, seconds):
    with pytest.raises(ValueError, match="beyond the year 9999"):
        clock.advance(seconds)
    assert not clock.frozen
    assert clock.now().year < 9999


def test_time_flows_on_from_where_a_jump_ends(clock):
    before = clock.monotonic()
    clock.advance(1000)
    after = clock.monotonic()
    done = threading.Event()
    clock.call_later(0.002, done.set)

    assert after >= before + 1000
    assert done.wait(PATIENCE_S)
    assert clock.monotonic() >= after + 0.002
    assert not clock.frozen


def test_call_that_raises_is_logged_and_the_jump_goes_on(frozen, note, made, caplog):
    frozen.call_later(1, lambda: 1 / 0)
    frozen.call_later(2, note("next"))
    frozen.advance(3)

    assert made == [("next", 2)]
    assert [record.exc_info[0] for record in caplog.records] == [ZeroDivisionError]


def test_interrupted_jump_ends_where_it_was(clock, made):
    def interrupt():
        raise KeyboardInterrupt

    start = clock.monotonic()
    clock.call_later(10, interrupt)
    clock.call_later(20, lambda: made.append("after"))
    with pytest.raises(KeyboardInterrupt):
        clock.advance(60)
    reached = clock.monotonic()
    clock.advance(60)

    assert start + 10 <= reached < start + 60
    assert made == ["after"]


def test_jump_within_a_timer_is_part_of_the_one_around_it(frozen, note, made):
    start = frozen.monotonic()
    frozen.call_later(1, lambda: (frozen.advance(3), note("back")()))
    frozen.call_later(2, note("inside"))
    frozen.advance(5)

    assert made == [("inside", 2), ("back", 4)]
    assert frozen.monotonic() - start == pytest.approx(5)


def test_jump_within_a_timer_may_lead_beyond_the_one_around_it(frozen):
    start = frozen.monotonic()
    frozen.call_later(1, lambda: frozen.advance(5))
    frozen.advance(2)

    assert frozen.monotonic() - start == pytest.approx(6)


def test_time_stands_after_a_jump_within_a_jump(clock, made, real_time_passes):
    def call():
        clock.advance(1)
        made.append(clock.monotonic())
        real_time_passes()
        made.append(clock.monotonic())

    clock.call_later(1, call)
    clock.advance(5)

    assert made[0] == made[1]


def test_overdue_timer_does_not_turn_time_back(clock, made, real_time_passes):
    done = threading.Event()

    def call():
        clock.call_later(0, lambda: made.append(clock.monotonic()))
        real_time_passes()
        made.append(clock.monotonic())
        clock.advance(1)
        made.append(clock.monotonic())
        done.set()

    clock.call_later(0, call)

    assert done.wait(PATIENCE_S)
    assert len(made) == 3
    assert made == sorted(made)


def test_timers_do_not_fire_by_themselves_during_a_jump(frozen, note, made, real_time_passes):
    threads = []

    def call():
        frozen.call_later(0, lambda: threads.append(threading.current_thread()))
        real_time_passes()

    frozen.call_later(1, call)
    frozen.call_later(3600, note("far"))
    frozen.advance(5)
    real_time_passes()

    assert threads == [threading.current_thread()]
    assert made == []


def test_delay_of_less_than_nothing_does_not_overtake(frozen, note, made):
    def call():
        frozen.call_later(0, note("first"))
        frozen.call_later(-5, note("second"))

    frozen.call_later(1, call)
    frozen.advance(1)

    assert made == [("first", 1), ("second", 1)]


def test_timers_stay_in_order_when_most_are_cancelled(frozen, made):
    chance = random.Random(1)
    timers = {}
    for delay in chance.sample(range(1, 1001), 1000):
        timers[delay] = frozen.call_later(delay, lambda delay=delay: made.append(delay))
    for delay in chance.sample(range(1, 1001), 800):
        timers.pop(delay).cancel()
    frozen.advance(1000)

    assert made == sorted(timers)


def test_jump_within_a_timer_that_fired_by_itself(clock, made):
    done = threading.Event()
    clock.call_later(60, lambda: made.append("jumped over"))
    clock.call_later(0, lambda: (clock.advance(90), done.set()))

    assert done.wait(PATIENCE_S)
    assert made == ["jumped over"]


def test_jumps_of_several_threads_add_up(frozen):
    start = frozen.monotonic()
    fired = []
    for second in range(1, 41):
        frozen.call_later(second, lambda second=second: fired.append((second, frozen.monotonic())))
    threads = [threading.Thread(target=lambda: [frozen.advance(1) for _ in range(10)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_S)

    assert frozen.monotonic() - start == pytest.approx(40)
    assert [moment - start for _, moment in fired] == pytest.approx([second for second, _ in fired])
    assert [second for second, _ in fired] == list(range(1, 41))


def test_jump_comes_after_the_call_that_is_being_made(clock, made):
    entered, go_on = threading.Event(), threading.Event()
    clock.call_later(0, lambda: (entered.set(), go_on.wait(PATIENCE_S), made.append("by itself")))
    clock.call_later(5, lambda: made.append("jump"))
    assert entered.wait(PATIENCE_S)
    threading.Timer(0.01, go_on.set).start()
    clock.advance(10)

    assert made == ["by itself", "jump"]


def test_timers_are_set_and_cancelled_from_other_threads_during_a_jump(frozen, note, made):
    doomed = frozen.call_later(2, note("doomed"))

    def elsewhere():
        doomed.cancel()
        frozen.call_later(1, note("set elsewhere"))

    def call():
        thread = threading.Thread(target=elsewhere)
        thread.start()
        thread.join(PATIENCE_S)

    frozen.call_later(1, call)
    frozen.advance(5)

    assert made == [("set elsewhere", 2)]


def test_other_threads_read_the_moment_that_a_jump_has_come_to(frozen, made):
    start = frozen.monotonic()

    def call():
        thread = threading.Thread(target=lambda: made.append(frozen.monotonic() - start))
        thread.start()
        thread.join(PATIENCE_S)

    frozen.call_later(3, call)
    frozen.advance(100)

    assert made == pytest.approx([3])


def test_closing_within_a_jump_ends_the_calls_and_not_the_jump(frozen, note, made, real_time_passes):
    start = frozen.monotonic()

    def call():
        # The clock's own thread sees that this is due, and must not wait for the end of the jump.
        frozen.call_later(0, note("due"))
        real_time_passes()
        frozen.close()

    frozen.call_later(1, call)
    frozen.call_later(2, note("after"))
    frozen.advance(5)

    assert made == []
    assert frozen.monotonic() - start == pytest.approx(5)


def test_monotonic_time_never_goes_back(clock):
    seen = []
    stop = threading.Event()

    def read():
        while not stop.is_set():
            seen.append(clock.monotonic())

    reader = threading.Thread(target=read)
    reader.start()
    for _ in range(200):
        with clock.freeze():
            clock.advance(0.5)
        clock.advance(0)
        clock.reset()
    stop.set()
    reader.join(PATIENCE_S)

    assert seen == sorted(seen)
