"""A virtual clock that stands still, or has another date."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta, timezone

import pytest

PATIENCE_S = 30
NEW_YEAR = datetime(2030, 1, 1, tzinfo=UTC)


def test_frozen_time_stands_still(clock, real_time_passes):
    clock.freeze()
    before = (clock.monotonic(), clock.now())
    real_time_passes()

    assert clock.frozen
    assert (clock.monotonic(), clock.now()) == before


def test_timer_does_not_fire_by_itself_while_time_is_frozen(clock, real_time_passes):
    fired = []
    clock.call_later(0.005, lambda: fired.append("before"))
    clock.freeze()
    clock.advance(0)
    fired.clear()
    clock.call_later(0.001, lambda: fired.append("during"))
    real_time_passes()

    assert fired == []


def test_timer_that_is_due_at_once_fires_in_frozen_time(frozen):
    done = threading.Event()
    frozen.call_later(0, done.set)

    assert done.wait(PATIENCE_S)


def test_time_flows_on_from_where_it_was_frozen(clock, real_time_passes):
    clock.freeze()
    stood = clock.monotonic()
    real_time_passes()
    clock.resume()
    done = threading.Event()
    clock.call_later(0.002, done.set)

    assert not clock.frozen
    assert done.wait(PATIENCE_S)
    assert clock.monotonic() >= stood + 0.002


def test_timer_set_in_frozen_time_fires_by_itself_after_it(clock, real_time_passes):
    done = threading.Event()
    with clock.freeze():
        clock.call_later(0.002, done.set)
        real_time_passes()

    assert done.wait(PATIENCE_S)


def test_freezing_ends_with_its_block_even_when_that_fails(clock):
    def fail():
        with clock.freeze() as frozen:
            assert frozen is clock
            assert clock.frozen
            raise RuntimeError("boom")

    with pytest.raises(RuntimeError, match="boom"):
        fail()
    assert not clock.frozen


def test_inner_block_does_not_end_the_freezing_around_it(clock):
    with clock.freeze():
        with clock.freeze():
            pass
        assert clock.frozen
    assert not clock.frozen


def test_blocks_that_overlap_end_each_for_itself(clock):
    first, second = clock.freeze(), clock.freeze()
    first.__exit__(None, None, None)

    assert clock.frozen
    second.__exit__(None, None, None)
    assert not clock.frozen


def test_resuming_within_a_block_ends_it_for_good(clock):
    with clock.freeze():
        clock.resume()
        assert not clock.frozen
        clock.freeze()
    assert clock.frozen


def test_resuming_time_that_flows_does_nothing(clock):
    before = clock.monotonic()
    clock.resume()

    assert clock.monotonic() >= before


def test_freezing_within_a_jump_holds_where_the_jump_ends(clock):
    clock.call_later(1, clock.freeze)
    before = clock.monotonic()
    clock.advance(5)
    after = clock.monotonic()

    assert clock.frozen
    assert after >= before + 5
    assert clock.monotonic() == after


def test_resuming_within_a_jump_does_not_end_the_jump(frozen, real_time_passes):
    start, seen = frozen.now(), []

    def call():
        frozen.resume()
        real_time_passes()
        seen.append(frozen.now() - start)

    frozen.call_later(1, call)
    frozen.call_later(3, lambda: seen.append(frozen.now() - start))
    frozen.advance(5)

    assert seen == [timedelta(seconds=1), timedelta(seconds=3)]
    assert not frozen.frozen


def test_date_is_set_forward_and_back(frozen):
    frozen.move_to(NEW_YEAR)
    forward = frozen.now()
    frozen.advance(90)
    later = frozen.now()
    frozen.move_to(datetime(1999, 12, 31, 23, 59, 59, 5, tzinfo=UTC))

    assert (forward, later) == (NEW_YEAR, NEW_YEAR + timedelta(seconds=90))
    assert frozen.now() == datetime(1999, 12, 31, 23, 59, 59, 5, tzinfo=UTC)


def test_date_is_told_in_utc_whatever_zone_it_was_set_in(frozen):
    frozen.move_to(NEW_YEAR.astimezone(timezone(timedelta(hours=5, minutes=30))))

    assert frozen.now().isoformat() == "2030-01-01T00:00:00+00:00"


def test_setting_the_date_lets_no_time_pass(frozen):
    fired = []
    frozen.call_later(1, lambda: fired.append("fired"))
    before = frozen.monotonic()
    frozen.move_to(NEW_YEAR)
    frozen.advance(0.5)

    assert frozen.monotonic() == pytest.approx(before + 0.5)
    assert fired == []


def test_date_without_a_time_zone_is_refused(clock):
    with pytest.raises(ValueError, match="has no time zone"):
        clock.move_to(datetime(2030, 1, 1))  # noqa: DTZ001 - what is refused.


def test_reset_brings_back_the_real_date_and_the_flow_of_time(frozen):
    frozen.advance(timedelta(days=400))
    before = frozen.monotonic()
    frozen.move_to(NEW_YEAR)
    frozen.reset()

    assert not frozen.frozen
    assert abs(frozen.now() - datetime.now(UTC)) < timedelta(seconds=5)
    assert frozen.monotonic() >= before


def test_timers_outlive_a_reset_with_what_was_left_of_their_delay(frozen):
    fired = []
    frozen.call_later(3600, lambda: fired.append("fired"))
    frozen.advance(1800)
    frozen.reset()
    frozen.freeze()
    frozen.advance(1700)
    early = list(fired)
    frozen.advance(100)

    assert early == []
    assert fired == ["fired"]
