from __future__ import annotations

import pytest

from ukrom.cloud import ErrorCode, Refusal, SaveFailed, ScaleToZero, State, StopOrder


@pytest.fixture
def suspend(cloud):
    def do(instance, drain_timeout_ms=0):
        with cloud.guard:
            cloud.lifecycle.suspend(instance, drain_timeout_ms)
            return instance.state

    return do


@pytest.fixture
def suspended(running, suspend, runner):
    suspend(running)
    runner.last.saved(runner.last.suspends[0])
    runner.last.end()
    return running


@pytest.fixture
def stop(cloud):
    def do(instance, **fields):
        with cloud.guard:
            cloud.lifecycle.stop(instance, StopOrder(**fields))

    return do


def refused(call, *arguments):
    with pytest.raises(Refusal) as caught:
        call(*arguments)
    return caught.value.code, caught.value.message


def test_suspend_saves_the_memory_and_ends_the_machine(running, suspend, runner):
    assert suspend(running) is State.STOPPING
    (uuid,) = runner.last.suspends
    runner.last.saved(uuid)
    assert running.state is State.STOPPING

    runner.last.end()

    assert running.state is State.STOPPED
    assert (running.stop_reason, running.stop_code, running.exit_code) == (44, None, None)
    assert running.snapshot.uuid == uuid


def test_start_resumes_and_uses_the_memory_up(suspended, start, runner):
    snapshot = suspended.snapshot
    start(suspended)
    assert runner.last.snapshot is snapshot
    assert runner.dropped == []

    runner.last.up()

    assert suspended.state is State.RUNNING
    assert suspended.snapshot is None
    assert runner.dropped == [snapshot]


def test_start_after_a_resumed_run_is_a_cold_boot(suspended, start, stop, runner):
    start(suspended)
    runner.last.up()
    stop(suspended)
    runner.last.exit(0)
    start(suspended)

    assert runner.last.snapshot is None


def test_memory_outlives_a_start_that_fails(suspended, start, runner):
    runner.missing = "qemu"
    start(suspended)

    assert (suspended.stop_reason, suspended.state) == (4, State.STOPPED)
    assert suspended.snapshot is not None
    assert runner.dropped == []


def test_stop_of_a_suspended_instance_drops_its_memory(suspended, stop, start, runner):
    stop(suspended)
    assert (suspended.snapshot, len(runner.dropped)) == (None, 1)

    start(suspended)

    assert runner.last.snapshot is None


def test_second_suspend_changes_nothing(running, suspend, runner):
    suspend(running)
    suspend(running)
    runner.last.saved(runner.last.suspends[0])
    runner.last.end()

    assert suspend(running) is State.STOPPED
    assert len(runner.last.suspends) == 1


def test_instance_with_scale_to_zero_is_suspended_to_standby(create, start, suspend, runner):
    instance = create(scale_to_zero=ScaleToZero("on"))
    start(instance)
    runner.last.up()
    suspend(instance)
    runner.last.saved(runner.last.suspends[0])
    runner.last.end()

    assert (instance.state, instance.stop_reason) == (State.STANDBY, 44)
    assert suspend(instance) is State.STANDBY


def test_suspend_of_what_does_not_run_is_refused(create, suspend, start):
    instance = create()

    assert refused(suspend, instance) == (
        ErrorCode.FAILED_WRONG_VM_STATE,
        "Cannot suspend an instance in state 'stopped'",
    )
    start(instance)
    assert refused(suspend, instance) == (
        ErrorCode.FAILED_WRONG_VM_STATE,
        "Cannot suspend an instance in state 'starting'",
    )


def test_runner_that_cannot_save_is_not_asked_to(running, suspend, runner):
    runner.abilities = frozenset()
    code, message = refused(suspend, running)

    assert code is ErrorCode.NOT_SUPPORTED
    assert "not emulated by real machines yet" in message
    assert (running.state, runner.last.suspends) == (State.RUNNING, [])


def test_instance_whose_memory_cannot_be_saved_goes_on(running, suspend, runner):
    suspend(running)
    runner.last.report(SaveFailed(runner.last.suspends[0], "the disk is full"))

    assert (running.state, running.snapshot) == (State.RUNNING, None)


def test_machine_that_dies_while_it_is_saved_has_crashed(running, suspend, runner):
    suspend(running)
    runner.last.end(kernel_code=818948)

    assert (running.state, running.stop_reason, running.stop_code) == (State.STOPPED, 1, 818948)
    assert running.snapshot is None


def test_stop_wins_over_a_suspend_that_is_under_way(running, suspend, stop, runner):
    suspend(running)
    stop(running, force=True)
    runner.last.saved(runner.last.suspends[0])
    runner.last.end()

    assert (running.state, running.stop_reason, running.snapshot) == (State.STOPPED, 28, None)
    assert len(runner.dropped) == 1


def test_stop_before_it_has_resumed_drops_its_memory(suspended, start, stop, runner):
    start(suspended)
    stop(suspended)
    runner.last.end(started=False)

    assert (suspended.state, suspended.snapshot, suspended.suspended) == (State.STOPPED, None, False)
    assert len(runner.dropped) == 1


def test_suspend_drains_first(cloud, running, suspend, runner):
    runner.last.listen(8080)
    route = cloud.gateway.route(running.group.domains[0].fqdn("unikraft.app"), 443)
    lease = cloud.gateway.lease(route).result(0)
    assert suspend(running, 5000) is State.DRAINING
    assert runner.last.suspends == []

    lease.release()

    assert running.state is State.STOPPING
    assert len(runner.last.suspends) == 1


def test_draining_ends_with_its_time(cloud, clock, running, suspend, runner):
    runner.last.listen(8080)
    cloud.gateway.lease(cloud.gateway.route(running.group.domains[0].fqdn("unikraft.app"), 443)).result(0)
    suspend(running, 5000)
    clock.advance(5)

    assert len(runner.last.suspends) == 1


def test_stop_wins_over_a_suspend_that_drains(cloud, running, suspend, stop, runner):
    runner.last.listen(8080)
    cloud.gateway.lease(cloud.gateway.route(running.group.domains[0].fqdn("unikraft.app"), 443)).result(0)
    suspend(running, 5000)
    stop(running)
    runner.last.exit(0)

    assert runner.last.suspends == []
    assert (running.state, running.stop_reason, running.snapshot) == (State.STOPPED, 15, None)


def test_snapshot_of_a_deleted_instance_is_forgotten(cloud, suspended, runner):
    with cloud.guard:
        cloud.remove(suspended)

    assert len(runner.dropped) == 1


def test_snapshot_that_comes_after_the_deletion_is_forgotten(cloud, running, suspend, runner):
    suspend(running)
    with cloud.guard:
        cloud.remove(running)
    runner.last.saved(runner.last.suspends[0])

    assert len(runner.dropped) == 1


def test_snapshot_that_came_before_the_deletion_is_forgotten(cloud, running, suspend, runner):
    suspend(running)
    runner.last.saved(runner.last.suspends[0])
    with cloud.guard:
        cloud.remove(running)

    assert len(runner.dropped) == 1


def test_saving_for_a_branch_lets_the_machine_go_on(cloud, running, runner):
    came = []
    with cloud.guard:
        cloud.lifecycle.save(running, lambda *outcome: came.append(outcome))
    runner.last.saved(runner.last.saves[0])

    ((snapshot, error),) = came
    assert (snapshot.uuid, error) == (runner.last.saves[0], None)
    assert (running.state, running.snapshot) == (State.RUNNING, None)


def test_only_one_snapshot_is_made_at_a_time(cloud, running, suspend, runner):
    with cloud.guard:
        cloud.lifecycle.save(running, lambda *_: None)

    assert refused(suspend, running) == (
        ErrorCode.FAILED_WRONG_VM_STATE,
        "Cannot suspend an instance with a pending snapshot",
    )


@pytest.mark.parametrize("way", ["stop", "delete", "fail"])
def test_whoever_waits_for_a_snapshot_is_told_that_there_is_none(cloud, running, stop, runner, way):
    came = []
    with cloud.guard:
        cloud.lifecycle.save(running, lambda *outcome: came.append(outcome))
    if way == "delete":
        with cloud.guard:
            cloud.remove(running)
    elif way == "stop":
        stop(running)
        runner.last.exit(0)
    else:
        runner.last.report(SaveFailed(runner.last.saves[0], "the disk is full"))

    ((snapshot, error),) = came
    assert snapshot is None
    assert error in {
        "the machine ended before its memory was saved",
        "the instance was deleted",
        "the disk is full",
    }


def test_freezing_saves_the_memory_for_the_clones(cloud, running, runner):
    came = []
    with cloud.guard:
        cloud.lifecycle.freeze(running, came.append)
    runner.last.saved(runner.last.suspends[0])
    assert came == []
    runner.last.end()

    assert came == [None]
    assert running.state is State.TEMPLATE
    assert running.snapshot.uuid == runner.last.suspends[0]
    assert running.template_time_us == 50_000


def test_what_does_not_run_is_frozen_at_once(cloud, create):
    came = []
    instance = create()
    with cloud.guard:
        cloud.lifecycle.freeze(instance, came.append)

    assert came == [None]
    assert (instance.state, instance.snapshot) == (State.TEMPLATE, None)


def test_freezing_that_fails_says_why_and_leaves_the_instance_running(cloud, running, runner):
    came = []
    with cloud.guard:
        cloud.lifecycle.freeze(running, came.append)
    runner.last.report(SaveFailed(runner.last.suspends[0], "the disk is full"))

    assert came == ["the disk is full"]
    assert running.state is State.RUNNING
