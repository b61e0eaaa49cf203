from __future__ import annotations

import pytest

from ukrom.cloud import Alarm, Ref, State, StopOrder
from ukrom.cloud.instances.restarts import back_off_s


@pytest.fixture
def policy(create, start, runner):
    """An instance with a restart policy, running."""

    def make(policy, **fields):
        instance = create(restart_policy=policy, **fields)
        start(instance)
        runner.last.up()
        return instance

    return make


@pytest.fixture
def waiting(policy, runner):
    """An instance that was restarted once, at once, and waits to be restarted again."""
    instance = policy("always")
    runner.last.exit(1)
    runner.last.up()
    runner.last.exit(1)
    return instance


def test_back_off_doubles_from_five_seconds_to_five_minutes():
    delays = [back_off_s(attempt) for attempt in range(1, 10)]

    assert delays == [0, 5, 10, 20, 40, 80, 160, 300, 300]
    assert back_off_s(10**6) == 300


@pytest.mark.parametrize(
    ("name", "end", "comes_back"),
    [
        ("never", lambda machine: machine.exit(1), False),
        ("never", lambda machine: machine.end(kernel_code=818948), False),
        ("always", lambda machine: machine.exit(0), True),
        ("always", lambda machine: machine.exit(1), True),
        ("always", lambda machine: machine.end(kernel_code=818948), True),
        ("on-failure", lambda machine: machine.exit(0), False),
        ("on-failure", lambda machine: machine.exit(1), True),
        ("on-failure", lambda machine: machine.end(kernel_code=818948), True),
        ("always", lambda machine: machine.end(error="QEMU died"), False),
    ],
)
def test_what_comes_back_is_what_the_policy_says(policy, runner, clock, name, end, comes_back):
    instance = policy(name)
    end(runner.last)
    clock.advance(1)

    assert len(runner.machines) == (2 if comes_back else 1)
    assert instance.restart_count == int(comes_back)
    assert (instance.state is State.STARTING) is comes_back


def test_restarts_come_later_and_later(policy, runner, clock):
    instance = policy("always")
    waits = []
    for _ in range(5):
        runner.last.exit(1)
        at = instance.restart.next_at
        waits.append(0 if at is None else (at - clock.now()).total_seconds())
        clock.advance(waits[-1])
        runner.last.up()

    assert waits == [0, 5, 10, 20, 40]
    assert (instance.restart.attempt, instance.restart.next_at) == (5, None)
    assert (instance.restart_count, instance.start_count) == (5, 6)


def test_first_restart_takes_no_time(policy, runner):
    instance = policy("always")
    runner.last.exit(1)

    assert instance.state is State.STARTING


def test_nothing_starts_before_the_back_off_is_over(waiting, clock):
    clock.advance(4.9)
    assert waiting.state is State.STOPPED

    clock.advance(0.1)

    assert waiting.state is State.STARTING


def test_ten_good_seconds_end_the_sequence(policy, runner, clock):
    instance = policy("always")
    for _ in range(3):
        runner.last.exit(1)
        clock.advance(300)
        runner.last.up()
    clock.advance(10)
    assert instance.restart is None

    runner.last.exit(1)

    assert instance.restart.attempt == 1


def test_less_than_ten_seconds_do_not(policy, runner, clock):
    instance = policy("always")
    runner.last.exit(1)
    clock.advance(0)
    runner.last.up()
    clock.advance(9.9)
    runner.last.exit(1)

    assert instance.restart.attempt == 2


@pytest.mark.parametrize("by_hand", ["start", "stop"])
def test_whoever_starts_or_stops_it_by_hand_ends_the_sequence(cloud, waiting, start, clock, by_hand):
    instance = waiting
    if by_hand == "start":
        start(instance)
    else:
        with cloud.guard:
            cloud.lifecycle.stop(instance, StopOrder())
    clock.advance(600)

    assert instance.restart is None
    assert instance.restart_count == 1
    assert instance.alarms == {}
    assert (instance.state is State.STARTING) is (by_hand == "start")


def test_stop_by_hand_is_followed_by_no_restart(cloud, policy, runner, clock):
    instance = policy("always")
    with cloud.guard:
        cloud.lifecycle.stop(instance, StopOrder())
    runner.last.exit(0)
    clock.advance(600)

    assert (instance.state, instance.restart) == (State.STOPPED, None)


def test_restart_that_cannot_begin_ends_the_sequence(policy, runner, clock):
    instance = policy("always")
    runner.missing = "qemu"
    runner.last.exit(1)
    clock.advance(600)

    assert (instance.stop_reason, instance.restart, instance.alarms) == (4, None, {})


def test_restart_for_one_that_depends_on_it_needs_no_other(create, waiting, start, runner, clock):
    start(create(name="web", dependencies=(Ref(uuid=waiting.uuid),)))
    clock.advance(3)
    runner.machines[-1].up()

    assert (waiting.state, waiting.restart.attempt, waiting.restart.next_at) == (State.RUNNING, 2, None)
    assert list(waiting.alarms) == [Alarm.STEADY]


def test_deleted_instance_does_not_come_back(cloud, waiting, runner, clock):
    assert Alarm.RESTART in waiting.alarms
    with cloud.guard:
        cloud.remove(waiting)
    clock.advance(600)

    assert len(runner.machines) == 2
