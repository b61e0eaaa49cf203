"""Timers that fire by themselves, while time flows."""

from __future__ import annotations

import gc
import logging
import threading
import time
import tracemalloc
import weakref
from datetime import UTC, datetime, timedelta

import pytest

PATIENCE_S = 30
SOON_S = 0.002
NEVER_S = 3600


def timer_threads():
    return [thread for thread in threading.enumerate() if thread.name == "ukrom-timer"]


def wait_for_turn(clock):
    """Come back when the clock has made everything that is due now."""
    done = threading.Event()
    clock.call_later(0, done.set)
    assert done.wait(PATIENCE_S)


class Thing:
    def touch(self):
        pass


def test_call_is_made_once_and_not_before_its_delay(any_clock):
    made = []
    done = threading.Event()
    start = any_clock.monotonic()
    any_clock.call_later(0.02, lambda: (made.append(any_clock.monotonic()), done.set()))

    assert done.wait(PATIENCE_S)
    wait_for_turn(any_clock)
    assert len(made) == 1
    assert made[0] - start >= 0.02


def test_timers_fire_in_the_order_in_which_they_are_due(any_clock):
    made = []
    done = threading.Event()
    for number in range(100):
        any_clock.call_later(SOON_S, lambda number=number: made.append(number))
    any_clock.call_later(SOON_S, done.set)

    assert done.wait(PATIENCE_S)
    assert made == list(range(100))


def test_earlier_timer_wakes_a_clock_that_sleeps_for_a_later_one(any_clock):
    done = threading.Event()
    any_clock.call_later(NEVER_S, lambda: None)
    wait_for_turn(any_clock)
    any_clock.call_later(SOON_S, done.set)

    assert done.wait(PATIENCE_S)


@pytest.mark.parametrize("delay", [0, -5, -1e300])
def test_delay_of_nothing_or_less_is_at_once(any_clock, delay):
    done = threading.Event()
    any_clock.call_later(delay, done.set)

    assert done.wait(PATIENCE_S)


@pytest.mark.parametrize("delay", [float("inf"), float("-inf"), float("nan")])
def test_delay_that_is_no_span_of_time_is_refused(any_clock, delay):
    with pytest.raises(ValueError, match="is no span of time"):
        any_clock.call_later(delay, lambda: None)


def test_delay_longer_than_a_lock_can_wait_is_taken(any_clock):
    any_clock.call_later(1e300, lambda: pytest.fail("fired"))
    wait_for_turn(any_clock)

    # It went to sleep for that, and wakes again.
    wait_for_turn(any_clock)


def test_cancelled_timer_does_not_fire(any_clock):
    made = []
    done = threading.Event()

    def call():
        # The thread is busy with this, so they cannot fire before they are called off.
        timers = [any_clock.call_later(delay, lambda: made.append("fired")) for delay in (0, SOON_S)]
        for timer in timers * 2:
            timer.cancel()
        any_clock.call_later(2 * SOON_S, done.set)

    any_clock.call_later(0, call)

    assert done.wait(PATIENCE_S)
    assert made == []


def test_timer_may_be_cancelled_when_it_is_over(any_clock):
    done = threading.Event()
    timer = any_clock.call_later(0, done.set)

    assert done.wait(PATIENCE_S)
    timer.cancel()
    wait_for_turn(any_clock)


def test_what_was_cancelled_or_made_is_let_go(any_clock):
    cancelled, made = Thing(), Thing()
    gone = [weakref.ref(cancelled), weakref.ref(made)]
    timers = [any_clock.call_later(NEVER_S, cancelled.touch), any_clock.call_later(0, made.touch)]
    timers[0].cancel()
    wait_for_turn(any_clock)
    del cancelled, made
    gc.collect()

    assert [ref() for ref in gone] == [None, None]


def test_cancelled_timers_do_not_pile_up(any_clock):
    any_clock.call_later(NEVER_S, lambda: None)
    tracemalloc.start()
    try:
        for _ in range(20_000):
            any_clock.call_later(NEVER_S, test_cancelled_timers_do_not_pile_up).cancel()
        kept = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()

    # One that stays takes some 250 bytes.
    assert kept < 200_000


def test_all_timers_share_one_thread(any_clock):
    before = len(timer_threads())
    for _ in range(10_000):
        any_clock.call_later(NEVER_S, lambda: None)

    assert len(timer_threads()) == before + 1


def test_clock_without_timers_has_no_thread(any_clock):
    before = timer_threads()
    any_clock.monotonic()
    any_clock.now()

    assert timer_threads() == before


@pytest.mark.parametrize("error", [RuntimeError("boom"), SystemExit(3)])
def test_call_that_raises_is_logged_and_others_go_on(any_clock, caplog, error):
    def fail():
        raise error

    any_clock.call_later(0, fail)
    wait_for_turn(any_clock)

    (record,) = caplog.records
    assert (record.name.split(".")[0], record.levelno) == ("ukrom", logging.ERROR)
    assert record.exc_info[1] is error


def test_call_may_set_and_cancel_timers(any_clock):
    made = []
    done = threading.Event()
    doomed = any_clock.call_later(NEVER_S, lambda: made.append("doomed"))

    def call():
        doomed.cancel()
        any_clock.call_later(SOON_S, lambda: (made.append("next"), done.set()))

    any_clock.call_later(0, call)

    assert done.wait(PATIENCE_S)
    assert made == ["next"]


def test_closing_ends_the_thread(any_clock):
    before = timer_threads()
    any_clock.call_later(NEVER_S, lambda: None)
    during = timer_threads()
    any_clock.close()
    any_clock.close()

    assert len(during) == len(before) + 1
    assert timer_threads() == before


def test_closing_waits_for_the_call_that_is_being_made(any_clock):
    entered, go_on, made = threading.Event(), threading.Event(), []
    any_clock.call_later(0, lambda: (entered.set(), go_on.wait(PATIENCE_S), made.append("whole")))
    assert entered.wait(PATIENCE_S)
    threading.Timer(0.01, go_on.set).start()
    any_clock.close()

    assert made == ["whole"]


def test_call_may_close_its_own_clock_which_calls_off_the_others(any_clock):
    before = timer_threads()
    made = []
    done = threading.Event()

    def call():
        any_clock.call_later(0, lambda: made.append("due"))
        any_clock.close()
        done.set()

    any_clock.call_later(0, call)

    assert done.wait(PATIENCE_S)
    any_clock.close()
    assert made == []
    assert timer_threads() == before


def test_timer_of_a_closed_clock_never_fires(any_clock):
    before = timer_threads()
    any_clock.close()
    timer = any_clock.call_later(0, lambda: pytest.fail("fired"))

    # No thread is left or made that could fire it.
    assert timer_threads() == before
    timer.cancel()


def test_closed_clock_still_tells_the_time(any_clock):
    any_clock.close()

    assert any_clock.monotonic() <= any_clock.monotonic()
    assert any_clock.now().tzinfo is UTC


def test_date_is_the_machine_s(any_clock):
    assert abs(any_clock.now() - datetime.now(UTC)) < timedelta(seconds=5)


def test_time_flows_when_a_test_stops_its_own_time(any_clock, monkeypatch):
    for name in ("time", "monotonic", "perf_counter"):
        monkeypatch.setattr(time, name, lambda: 0.0)
    done = threading.Event()
    start = any_clock.monotonic()
    any_clock.call_later(SOON_S, done.set)

    assert done.wait(PATIENCE_S)
    assert any_clock.monotonic() >= start + SOON_S
