"""Branches of instances (specification, D.11)."""

from __future__ import annotations

import pytest

from ukrom.cloud import (
    ErrorCode,
    FileOrder,
    MountOrder,
    Ref,
    Refusal,
    RomOrder,
    SaveFailed,
    ScaleToZero,
    State,
    StopOrder,
    VolumeOrder,
)

BASE = RomOrder("base", files=(FileOrder("a", "A"),))


@pytest.fixture
def branch(attempt):
    return lambda source, **fields: attempt(branch_from=Ref(uuid=source.uuid), **fields)


@pytest.fixture
def refused(branch):
    def check(source, **fields):
        with pytest.raises(Refusal) as caught:
            branch(source, **fields)
        return caught.value.code, caught.value.message

    return check


def test_branch_of_a_running_instance_resumes_its_memory_once(branch, running, start, runner, saved):
    made = branch(running, name="copy")
    assert not made.over
    saved(ends=False)
    (copy,) = made.instances
    assert (copy.state, running.state) == (State.STOPPED, State.RUNNING)

    start(copy)
    assert runner.last.snapshot is copy.snapshot is not None
    runner.last.up()
    runner.last.exit(0)
    start(copy)

    assert runner.last.snapshot is None
    assert running.snapshot is None


def test_branch_of_a_stopped_instance_is_made_at_once_and_boots_afresh(branch, create, start, runner):
    source = create(memory_mb=512, env={"A": "1"}, roms=(BASE,))
    (copy,) = branch(source, roms=(RomOrder("more", files=(FileOrder("b", "B"),)),)).instances
    start(copy)

    assert (copy.memory_mb, copy.env, copy.template, copy.group) == (512, {"A": "1"}, None, None)
    assert [rom.name for rom in copy.roms] == ["base", "more"]
    assert copy.roms[0].source is source.roms[0].source
    assert runner.last.snapshot is None


def test_branch_of_a_suspended_instance_shares_its_memory(cloud, branch, running, start, runner, saved):
    with cloud.guard:
        cloud.lifecycle.suspend(running, 0)
    saved()
    snapshot = running.snapshot
    (copy,) = branch(running).instances
    start(copy)
    runner.last.up()
    assert (runner.dropped, running.snapshot) == ([], snapshot)

    start(running)
    runner.last.up()

    assert runner.dropped == [snapshot]


def test_instance_on_standby_is_branched(branch, create):
    source = create(scale_to_zero=ScaleToZero("on"))
    assert source.state is State.STANDBY

    assert branch(source).instances[0].state is State.STOPPED
    assert source.state is State.STANDBY


def test_volumes_are_copied_without_their_names(branch, create):
    source = create(volumes=(MountOrder("/data", new=VolumeOrder("data", size_mb=16)),))
    (copy,) = branch(source).instances

    assert [(mount.at, mount.volume.source) for mount in copy.volumes] == [
        ("/data", source.volumes[0].volume.uuid)
    ]
    assert copy.volumes[0].volume.name != "data"


def test_missing_source_is_refused(attempt):
    with pytest.raises(Refusal, match="No instance with name 'ghost'"):
        attempt(branch_from=Ref(name="ghost"))


def test_template_is_no_source(refused, create, convert):
    source = create(service=False)
    convert(source)

    assert refused(source) == (
        ErrorCode.FAILED_WRONG_VM_STATE,
        "Cannot branch from VM in state 'template'",
    )


def test_instance_on_its_way_is_no_source(cloud, refused, create, start, runner):
    source = create()
    start(source)
    assert refused(source)[1] == "Cannot branch from VM in state 'starting'"
    runner.last.up()
    with cloud.guard:
        cloud.lifecycle.stop(source, StopOrder())

    assert refused(source)[1] == "Cannot branch from VM in state 'stopping'"


def test_source_that_is_being_saved_is_refused(refused, branch, running):
    branch(running)

    assert refused(running) == (
        ErrorCode.FAILED_WRONG_VM_STATE,
        "Cannot branch from VM with pending snapshot",
    )


def test_memory_that_cannot_be_saved_fails_the_branch(branch, running, runner, space):
    made = branch(running)
    runner.last.report(SaveFailed(runner.last.saves[0], "no space left"))

    assert made.error.code is ErrorCode.FAILED_OPERATION
    assert made.error.message == f"Failed to branch from instance '{running.name}': no space left"
    assert (running.state, len(space.instances)) == (State.RUNNING, 1)


def test_source_that_is_deleted_meanwhile_fails_the_branch(cloud, branch, running):
    made = branch(running)
    with cloud.guard:
        cloud.remove(running)

    assert made.error.code is ErrorCode.FAILED_OPERATION


def test_memory_of_a_branch_that_cannot_be_made_is_dropped(branch, create, running, runner, saved):
    made = branch(running, name="copy")
    create(name="copy")
    uuid = saved(ends=False)

    assert made.error.code is ErrorCode.ALREADY_EXISTS
    assert [snapshot.uuid for snapshot in runner.dropped] == [uuid]


def test_memory_of_a_branch_that_nobody_waits_for_is_dropped(cloud, branch, running, runner, saved):
    made = branch(running)
    with cloud.guard:
        made.task.drop()
    uuid = saved(ends=False)

    assert [snapshot.uuid for snapshot in runner.dropped] == [uuid]


def test_branches_in_replicas_share_the_memory_until_the_last_is_gone(cloud, branch, running, runner, saved):
    made = branch(running, replicas=1)
    uuid = saved(ends=False)
    first, second = made.instances
    with cloud.guard:
        cloud.remove(first)
        assert runner.dropped == []
        cloud.remove(second)

    assert [snapshot.uuid for snapshot in runner.dropped] == [uuid]
