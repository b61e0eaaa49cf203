"""Instances become templates, by the API and by their guest (specification, D.9)."""

from __future__ import annotations

import pytest

from ukrom.cloud import (
    Ability,
    Autokill,
    ErrorCode,
    GroupOrder,
    Ref,
    Refusal,
    SaveFailed,
    ServiceOrder,
    State,
    TemplateWritten,
)


def test_running_instance_is_saved_and_becomes_a_template(running, convert, saved, runner, space):
    before = (running.uuid, running.name)
    conversion = convert(running, Autokill(60_000))
    assert not conversion.over
    saved()

    assert conversion.over
    assert conversion.error is None
    assert (running.uuid, running.name, running.state) == (*before, State.TEMPLATE)
    assert running.template_autokill == Autokill(60_000)
    assert running.snapshot is not None
    assert runner.dropped == []
    assert space.template(Ref(name=running.name)) is running


def test_stopped_instance_becomes_a_cold_template_at_once(create, convert, runner):
    instance = create(service=False, tags=("a",))
    conversion = convert(instance)

    assert conversion.over
    assert (instance.state, instance.snapshot, instance.tags) == (State.TEMPLATE, None, ("a",))
    assert runner.machines == []


def test_suspended_instance_becomes_a_template_with_its_memory(cloud, create, start, runner, convert, saved):
    instance = create(service=False)
    start(instance)
    runner.last.up()
    with cloud.guard:
        cloud.lifecycle.suspend(instance, 0)
    saved()
    snapshot = instance.snapshot
    convert(instance)

    assert (instance.state, instance.snapshot, instance.suspended) == (State.TEMPLATE, snapshot, False)


def test_template_is_no_instance(create, convert, space):
    instance = create(name="tpl", service=False)
    convert(instance)

    for ref in (Ref(name="tpl"), Ref(uuid=instance.uuid)):
        with pytest.raises(Refusal, match="No instance with"):
            space.instance(ref)


def test_name_of_a_template_stays_taken(create, convert):
    convert(create(name="tpl", service=False))
    with pytest.raises(Refusal) as caught:
        create(name="tpl")

    assert caught.value.code is ErrorCode.ALREADY_EXISTS


def test_ephemeral_group_goes_and_a_persistent_one_stays(cloud, space, create, convert):
    with cloud.guard:
        kept = space.create_group(GroupOrder(name="kept", services=(ServiceOrder(443),)))
    first, second = create(), create(service_group=GroupOrder(name="kept"))
    for instance in (first, second):
        convert(instance)

    assert list(space.groups) == [kept]
    assert kept.instances == {}
    assert first.group is second.group is None


@pytest.mark.parametrize("prepare", ["starting", "stopping", "saving"])
def test_instance_on_its_way_cannot_become_a_template(cloud, create, start, runner, convert, prepare):
    instance = create()
    start(instance)
    if prepare != "starting":
        runner.last.up()
        with cloud.guard:
            if prepare == "saving":
                cloud.lifecycle.suspend(instance, 0)
            else:
                from ukrom.cloud import StopOrder

                cloud.lifecycle.stop(instance, StopOrder())
    with pytest.raises(Refusal) as caught:
        convert(instance, Autokill(5))

    assert caught.value.code is ErrorCode.FAILED_WRONG_VM_STATE
    assert instance.template_autokill == Autokill()


def test_policy_that_cannot_be_is_refused(create, convert):
    instance = create()
    with pytest.raises(Refusal) as caught:
        convert(instance, Autokill(-1))

    assert (caught.value.code, instance.state) == (ErrorCode.INVALID, State.STOPPED)


def test_runner_that_cannot_save_makes_cold_templates_alone(create, start, runner, convert):
    runner.abilities = frozenset({Ability.VOLUMES})
    instance, other = create(), create()
    start(instance)
    runner.last.up()
    with pytest.raises(Refusal, match="not emulated by real machines yet") as caught:
        convert(instance)
    convert(other)

    assert caught.value.code is ErrorCode.NOT_SUPPORTED
    assert (instance.state, other.state) == (State.RUNNING, State.TEMPLATE)


def test_instance_whose_memory_cannot_be_saved_goes_on(running, convert, runner):
    conversion = convert(running)
    runner.last.report(SaveFailed(runner.last.suspends[0], "no space left"))

    assert (conversion.over, conversion.error) == (True, "no space left")
    assert running.state is State.RUNNING


def test_machine_that_dies_while_it_is_saved_leaves_no_template(running, convert, runner):
    conversion = convert(running)
    runner.last.end()

    assert conversion.over
    assert "ended before its memory was saved" in conversion.error
    assert running.state is State.STOPPED


def test_instance_that_is_deleted_while_it_is_saved_is_over(cloud, running, convert, runner):
    conversion = convert(running)
    with cloud.guard:
        cloud.remove(running)

    assert conversion.over
    assert running.state is State.DELETED


def test_guest_makes_its_instance_a_template(running, write):
    write()

    assert running.state is State.TEMPLATE
    assert running.snapshot is not None


def test_guest_that_writes_while_it_is_branched_is_obeyed_after_that(attempt, running, runner, saved):
    branch = attempt(branch_from=Ref(uuid=running.uuid))
    runner.last.report(TemplateWritten())
    assert runner.last.suspends == []
    saved(ends=False)
    saved()

    assert running.state is State.TEMPLATE
    assert branch.instances[0].state is State.STOPPED


def test_guest_that_writes_on_its_way_down_is_not_heard(cloud, running, runner):
    from ukrom.cloud import StopOrder

    with cloud.guard:
        cloud.lifecycle.stop(running, StopOrder())
    runner.last.report(TemplateWritten())
    runner.last.exit(0)

    assert running.state is State.STOPPED
    assert runner.last.suspends == []


def test_clone_becomes_a_template_of_its_own(hot, make, start, runner, write):
    from ukrom.cloud import TemplateOrder

    template = hot(name="inner")
    clone = make(name="outer", template=TemplateOrder(Ref(name="inner")))
    start(clone)
    runner.last.up()
    write()

    assert clone.state is State.TEMPLATE
    assert clone.snapshot is not template.snapshot
    assert runner.dropped == []
