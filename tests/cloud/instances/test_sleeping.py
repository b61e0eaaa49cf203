from __future__ import annotations

import pytest

from ukrom.cloud import (
    Alarm,
    ErrorCode,
    Kind,
    NoAnswer,
    Ref,
    Refusal,
    SaveFailed,
    ScaleToZero,
    ScaleToZeroDisabled,
    State,
    StopOrder,
)

ON = ScaleToZero("on", cooldown_time_ms=2000)
IDLE = ScaleToZero("idle", cooldown_time_ms=2000)
STATEFUL = ScaleToZero("on", stateful=True, cooldown_time_ms=2000)


@pytest.fixture
def awake(create, start, runner):
    """An instance that runs, and scales to zero."""

    def make(policy=ON):
        instance = create(scale_to_zero=policy)
        start(instance)
        runner.last.up()
        runner.last.listen(8080)
        return instance

    return make


@pytest.fixture
def ask(cloud):
    """Ask for the instance as a request or connection does."""

    def do(instance, kind=Kind.REQUEST):
        route = cloud.gateway.route(instance.group.domains[0].fqdn("unikraft.app"), 443)
        return cloud.gateway.lease(route, kind)

    return do


@pytest.fixture
def asleep(awake, clock, runner):
    def make(policy=ON):
        instance = awake(policy)
        clock.advance(2)
        if policy.stateful:
            runner.last.saved(runner.last.suspends[0])
            runner.last.end()
        else:
            runner.last.exit(0)
        return instance

    return make


def test_instance_that_nobody_asks_goes_to_standby(awake, clock, runner):
    instance = awake()
    clock.advance(1.9)
    assert (instance.state, runner.last.stops) == (State.RUNNING, [])

    clock.advance(0.1)
    assert instance.state is State.STOPPING
    runner.last.exit(1)

    assert (instance.state, instance.stop_reason) == (State.STANDBY, 39)
    assert (instance.exit_code, instance.stop_code) == (1, 0x8100)


def test_stateful_one_keeps_its_memory(asleep, runner):
    instance = asleep(STATEFUL)

    assert (instance.state, instance.stop_reason) == (State.STANDBY, 36)
    assert instance.snapshot is not None
    assert (instance.exit_code, instance.stop_code) == (None, None)


def test_policy_off_never_sleeps(create, start, runner, clock):
    instance = create(scale_to_zero=ScaleToZero("off"))
    start(instance)
    runner.last.up()
    clock.advance(86_400)

    assert instance.state is State.RUNNING
    assert instance.alarms == {}


@pytest.mark.parametrize("policy", [ON, IDLE])
def test_request_in_flight_keeps_it_awake(awake, ask, clock, policy):
    instance = awake(policy)
    lease = ask(instance).result(0)
    clock.advance(60)
    assert instance.state is State.RUNNING

    lease.release()
    clock.advance(1.9)
    assert instance.state is State.RUNNING
    clock.advance(0.1)

    assert instance.state is State.STOPPING


def test_request_counts_from_its_end(awake, ask, clock):
    instance = awake()
    clock.advance(1)
    ask(instance).result(0).release()
    clock.advance(1.9)
    assert instance.state is State.RUNNING

    clock.advance(0.1)

    assert instance.state is State.STOPPING


def test_requests_need_no_alarm_each(awake, ask, clock):
    instance = awake()
    before = len(clock.timers)
    for _ in range(100):
        ask(instance).result(0).release()

    assert len(clock.timers) == before


def test_open_connection_keeps_it_awake_by_policy_on(awake, ask, clock):
    instance = awake(ON)
    ask(instance, Kind.CONNECTION).result(0)
    clock.advance(60)

    assert instance.state is State.RUNNING


def test_silent_connection_does_not_by_policy_idle(awake, ask, clock):
    instance = awake(IDLE)
    lease = ask(instance, Kind.CONNECTION).result(0)
    clock.advance(1)
    lease.touch()
    clock.advance(1.9)
    assert instance.state is State.RUNNING

    clock.advance(0.1)

    assert instance.state is State.STOPPING


def test_guest_can_veto(awake, clock, runner):
    instance = awake()
    runner.last.report(ScaleToZeroDisabled(2))
    clock.advance(60)
    assert instance.state is State.RUNNING

    runner.last.report(ScaleToZeroDisabled(0))

    assert instance.state is State.STOPPING


def test_request_wakes_it_and_is_answered(asleep, ask, clock, runner):
    instance = asleep()
    future = ask(instance)
    assert (instance.state, future.done()) == (State.STARTING, False)
    assert instance.traffic.queued == 1
    runner.last.up()
    clock.advance(0.5)
    runner.last.listen(8080)

    assert future.result(0).instance_uuid == instance.uuid
    assert (instance.traffic.queued, instance.traffic.in_flight) == (0, 1)
    assert instance.traffic.wakeups_ms == [500]
    assert (instance.start_count, instance.stop_reason) == (2, None)


def test_connection_wakes_it_too(asleep, ask, runner):
    instance = asleep()
    future = ask(instance, Kind.CONNECTION)
    runner.last.up()
    runner.last.listen(8080)
    future.result(0)

    assert (instance.traffic.connections, instance.traffic.requests) == (1, 0)


def test_stateful_one_wakes_from_its_memory(asleep, ask, runner):
    instance = asleep(STATEFUL)
    snapshot = instance.snapshot
    ask(instance)

    assert runner.last.snapshot is snapshot


def test_request_while_it_falls_asleep_waits_and_wakes_it(awake, ask, clock, runner):
    instance = awake()
    clock.advance(2)
    future = ask(instance)
    assert (instance.state, future.done()) == (State.STOPPING, False)
    runner.last.exit(0)
    assert instance.state is State.STARTING
    runner.last.up()
    runner.last.listen(8080)

    assert future.result(0).instance_uuid == instance.uuid


def test_every_held_request_is_answered_when_the_wake_up_fails(asleep, ask, runner):
    instance = asleep()
    futures = [ask(instance) for _ in range(3)]
    runner.last.end(started=False, error="QEMU died")

    for future in futures:
        with pytest.raises(NoAnswer, match="QEMU died"):
            future.result(0)
    assert instance.traffic.queued == 0


def test_waking_with_no_cooldown_still_answers(create, start, ask, clock, runner):
    instance = create(scale_to_zero=ScaleToZero("on", cooldown_time_ms=0))
    future = ask(instance)
    runner.last.up()
    clock.advance(1)
    assert instance.state is State.RUNNING
    runner.last.listen(8080)
    lease = future.result(0)
    lease.release()
    clock.advance(0)

    assert instance.state is State.STOPPING


def test_new_instance_behind_a_service_that_scales_to_zero_is_in_standby(create):
    assert create(scale_to_zero=ON).state is State.STANDBY
    assert create(scale_to_zero=ScaleToZero("off")).state is State.STOPPED


def test_stopped_one_is_woken_by_nobody(cloud, asleep, ask):
    instance = asleep(STATEFUL)
    with cloud.guard:
        cloud.lifecycle.stop(instance, StopOrder())

    assert (instance.state, instance.snapshot) == (State.STOPPED, None)
    with pytest.raises(NoAnswer):
        ask(instance).result(0)


def test_crash_leads_to_stopped_and_not_to_standby(awake, runner):
    instance = awake()
    runner.last.end(kernel_code=818948)

    assert (instance.state, instance.alarms) == (State.STOPPED, {})


def test_policy_that_is_set_parks_and_cleared_unparks(cloud, create):
    instance = create()
    with cloud.guard:
        instance.scale_to_zero = ON
        cloud.sleeping.policy_changed(instance)
        assert instance.state is State.STANDBY
        instance.scale_to_zero = None
        cloud.sleeping.policy_changed(instance)

    assert instance.state is State.STOPPED
    assert instance.start_count == 0


def test_stateful_one_needs_a_runner_that_saves(create, runner):
    runner.abilities = frozenset()
    with pytest.raises(Refusal, match="not emulated by real machines yet") as caught:
        create(scale_to_zero=STATEFUL)

    assert caught.value.code is ErrorCode.NOT_SUPPORTED


def test_deleted_instance_has_no_alarm(cloud, awake, clock):
    instance = awake()
    assert Alarm.COOL in instance.alarms
    with cloud.guard:
        cloud.remove(instance)

    assert instance.alarms == {}


def test_instance_that_is_being_branched_sleeps_after_that(awake, attempt, clock, runner):
    source = awake()
    branch = attempt(branch_from=Ref(uuid=source.uuid))
    clock.advance(60)
    assert source.state is State.RUNNING
    runner.last.saved(runner.last.saves[0])

    assert branch.instances is not None
    assert source.state is State.STOPPING


def test_memory_that_could_not_be_saved_is_saved_later(awake, clock, runner):
    instance = awake(ScaleToZero("on", stateful=True, cooldown_time_ms=0))
    runner.last.report(SaveFailed(runner.last.suspends[0], "no space left"))
    clock.advance(0.9)
    assert instance.state is State.RUNNING

    clock.advance(0.1)

    assert instance.state is State.STOPPING
    assert len(runner.last.suspends) == 2
