from __future__ import annotations

import pytest

from ukrom.cloud.guard import Guard
from ukrom.cloud.waits import Wait, Waits


@pytest.fixture
def waits(clock):
    return Waits(Guard(), clock)


def until(condition, deadline=None):
    came = yield Wait(condition, deadline)
    return "came" if came else "late"


def test_wait_that_holds_already_ends_at_once(waits):
    assert waits.future(until(lambda: True)).result(0) == "came"


def test_wait_goes_on_when_its_condition_comes_true(waits):
    door = []
    future = waits.future(until(lambda: bool(door)))
    assert not future.done()

    door.append("open")
    with waits.guard:
        waits.changed()

    assert future.result(0) == "came"
    assert not waits.sleeping


def test_deadline_ends_a_wait(waits, clock):
    future = waits.future(until(lambda: False, clock.seconds + 5))
    clock.advance(4.9)
    assert not future.done()

    clock.advance(0.2)

    assert future.result(0) == "late"


def test_timer_is_called_off_when_the_wait_ends(waits, clock):
    door = []
    waits.future(until(lambda: bool(door), clock.seconds + 5))
    door.append("open")
    with waits.guard:
        waits.changed()

    assert clock.pending == []


def test_deadline_in_the_past_does_not_wait(waits, clock):
    assert waits.future(until(lambda: False, clock.seconds)).result(0) == "late"


def test_wait_of_many_years_is_no_shorter(waits, clock):
    waits.future(until(lambda: False, clock.seconds + 1e12)).cancel()
    waits.future(until(lambda: False, clock.seconds + 1e12))

    assert [timer.due - clock.seconds for timer in clock.pending] == [1e12]


def test_condition_that_held_for_a_moment_counts(waits):
    door = []
    future = waits.future(until(lambda: bool(door)))
    with waits.guard:
        door.append("open")
        waits.changed()
        door.clear()

    assert future.result(0) == "came"


def test_change_of_one_thing_leaves_waits_about_others_alone(waits):
    asked = []

    def about(thing):
        yield Wait(lambda: asked.append(thing), about=thing)

    for thing in ("web", "db", None):
        waits.future(about(thing))
    asked.clear()
    with waits.guard:
        waits.changed("web")

    assert sorted(asked, key=str) == [None, "web"]


def test_change_of_anything_concerns_all_waits(waits):
    door = []

    def about(thing):
        yield Wait(lambda: bool(door), about=thing)

    futures = [waits.future(about(thing)) for thing in ("web", "db", None)]
    door.append("open")
    with waits.guard:
        waits.changed()

    assert all(future.done() for future in futures)
    assert not waits.sleeping


def test_wait_that_follows_is_about_something_else(waits):
    doors = {"web": False, "db": False}

    def both():
        yield Wait(lambda: doors["web"], about="web")
        yield Wait(lambda: doors["db"], about="db")

    future = waits.future(both())
    for thing in doors:
        doors[thing] = True
        assert not future.done()
        with waits.guard:
            waits.changed(thing)

    assert future.done()


def test_cancelled_future_leaves_nothing_behind(waits, clock):
    future = waits.future(until(lambda: False, clock.seconds + 5))
    future.cancel()

    assert not waits.sleeping
    assert clock.pending == []


def test_result_after_cancellation_is_handed_back(waits):
    unwanted = []
    future = waits.future(until(lambda: True), unwanted.append)
    assert future.result(0) == "came"
    with waits.guard:
        late = waits.future(until(lambda: True), unwanted.append)
        late.cancel()

    assert unwanted == ["came"]


def test_error_of_a_handler_becomes_the_futures(waits):
    def broken():
        yield Wait(lambda: True)
        raise LookupError("no such thing")

    with pytest.raises(LookupError, match="no such thing"):
        waits.future(broken()).result(0)
