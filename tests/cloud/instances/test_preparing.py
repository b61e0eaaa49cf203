"""Templates on demand (specification, D.10)."""

from __future__ import annotations

import pytest

from ukrom.cloud import (
    Autokill,
    ErrorCode,
    FileOrder,
    ImageOrder,
    NotPrepared,
    Ref,
    Refusal,
    RomOrder,
    SaveFailed,
    ScaleToZero,
    State,
    TemplateOrder,
    TemplateWritten,
)


def names(space):
    return {instance.name: instance.state for instance in space.instances}


def test_missing_template_is_made_and_then_cloned(attempt, on_demand, runner, write, space):
    made = attempt(
        name="job",
        template=on_demand(memory_mb=512, tags=("t",), autokill=Autokill(60_000)),
        roms=(RomOrder("job", files=(FileOrder("id", "1"),)),),
    )
    assert names(space) == {"tpl": State.STARTING}
    assert runner.last.spec.preparing
    runner.last.up()
    assert not made.over
    write()

    (clone,) = made.instances
    template = space.template(Ref(name="tpl"))
    assert names(space) == {"tpl": State.TEMPLATE, "job": State.STOPPED}
    assert (clone.memory_mb, clone.snapshot, clone.template) == (512, template.snapshot, template.uuid)
    assert (template.tags, template.template_autokill, template.preparing) == (
        ("t",),
        Autokill(60_000),
        False,
    )
    assert [rom.name for rom in clone.roms] == ["job"]
    assert template.roms == ()


def test_existing_template_is_used_and_its_arguments_ignored(attempt, on_demand, hot, runner):
    template = hot(name="tpl", memory_mb=256)
    count = len(runner.machines)
    made = attempt(template=on_demand(memory_mb=512))

    assert made.instances[0].template == template.uuid
    assert made.instances[0].memory_mb == 256
    assert len(runner.machines) == count


def test_calls_for_one_name_converge_on_one_template(attempt, on_demand, runner, write, space):
    all_made = [attempt(template=on_demand()) for _ in range(3)]
    runner.last.up()
    write()

    assert len(runner.machines) == 1
    assert len({made.instances[0].template for made in all_made}) == 1
    assert len(space.instances) == 4


def test_nested_templates_are_made_from_the_innermost_outward(attempt, on_demand, runner, write, space):
    inner = on_demand("inner", memory_mb=256, roms=(RomOrder("in", image=ImageOrder("org/rom:1")),))
    outer = on_demand("outer", template=inner, roms=(RomOrder("out", image=ImageOrder("org/rom:1")),))
    made = attempt(name="job", template=outer, roms=(RomOrder("own", image=ImageOrder("org/rom:1")),))
    assert names(space) == {"inner": State.STARTING}
    runner.last.up()
    write()
    assert names(space) == {"inner": State.TEMPLATE, "outer": State.STARTING}
    assert runner.last.snapshot is space.template(Ref(name="inner")).snapshot
    runner.last.up()
    write()

    (clone,) = made.instances
    assert [rom.name for rom in clone.roms] == ["in", "out", "own"]
    assert clone.memory_mb == 256
    assert names(space) == {"inner": State.TEMPLATE, "outer": State.TEMPLATE, "job": State.STOPPED}


def test_nested_template_that_is_there_is_reused(attempt, on_demand, hot, runner, write, space):
    hot(name="inner")
    made = attempt(template=on_demand("outer", template=TemplateOrder(Ref(name="inner"))))
    runner.last.up()
    write()

    assert made.instances[0].template == space.template(Ref(name="outer")).uuid


def test_concurrent_nested_calls_share_every_level(attempt, on_demand, runner, write, space):
    nested = on_demand("outer", template=on_demand("inner"))
    all_made = [attempt(template=nested) for _ in range(2)]
    for _ in range(2):
        runner.last.up()
        write()

    assert len(runner.machines) == 2
    assert all(made.instances for made in all_made)


def test_guest_that_stops_before_it_writes_fails_the_create_and_stays(attempt, on_demand, runner, space):
    made = attempt(name="job", template=on_demand())
    runner.last.up()
    runner.last.exit(3)

    assert isinstance(made.error, NotPrepared)
    assert (made.error.state, made.error.lapsed) == (State.STOPPED, False)
    assert names(space) == {"tpl": State.STOPPED}
    assert space.instance(Ref(name="tpl")).exit_code == 3


def test_image_that_is_not_there_fails_the_create(attempt, on_demand, space):
    made = attempt(template=on_demand(image=ImageOrder("org/nope:1")))

    assert (made.error.state, made.error.lapsed) == (State.STOPPED, False)
    assert space.instance(Ref(name="tpl")).stop_reason == 4


def test_next_call_begins_anew_after_a_failure(attempt, on_demand, runner, write, space):
    attempt(template=on_demand())
    runner.last.up()
    runner.last.exit(1)
    failed = space.instance(Ref(name="tpl")).uuid
    made = attempt(template=on_demand())
    runner.last.up()
    write()

    assert made.instances[0].template not in {None, failed}
    assert len(space.instances) == 2


def test_locked_remains_of_a_failure_are_left_alone(attempt, on_demand, runner, space):
    attempt(template=on_demand())
    runner.last.up()
    runner.last.exit(1)
    space.instance(Ref(name="tpl")).delete_lock = True
    made = attempt(template=on_demand())

    assert made.error.code is ErrorCode.NOT_ALLOWED


def test_guest_that_never_writes_is_given_up_in_time(attempt, on_demand, runner, clock, space):
    made = attempt(template=on_demand(prepare_timeout_s=60))
    runner.last.up()
    clock.advance(59.9)
    assert not made.over
    clock.advance(0.2)

    assert (made.error.lapsed, made.error.state) == (True, State.RUNNING)
    assert runner.last.kills == 1
    assert not space.instances


def test_without_a_time_limit_it_is_waited_for_ever(attempt, on_demand, runner, clock):
    made = attempt(template=on_demand())
    runner.last.up()
    clock.advance(1_000_000)

    assert not made.over


def test_impatient_call_leaves_the_preparation_to_a_patient_one(attempt, on_demand, runner, clock, write):
    impatient = attempt(template=on_demand(prepare_timeout_s=1))
    patient = attempt(template=on_demand())
    runner.last.up()
    clock.advance(2)
    assert impatient.error.lapsed
    write()

    assert patient.instances


def test_time_limit_of_a_call_holds_for_what_is_nested_in_it(attempt, on_demand, runner, clock):
    nested = on_demand("outer", template=on_demand("inner", prepare_timeout_s=100), prepare_timeout_s=10)
    made = attempt(template=nested)
    runner.last.up()
    clock.advance(11)

    assert made.error.lapsed


def test_call_that_nobody_waits_for_leaves_the_preparation_alone(
    cloud, attempt, on_demand, runner, write, space
):
    made = attempt(template=on_demand(prepare_timeout_s=5))
    runner.last.up()
    with cloud.guard:
        made.task.drop()
    write()

    assert names(space) == {"tpl": State.TEMPLATE}


def test_memory_that_cannot_be_saved_fails_the_create(attempt, on_demand, runner, space):
    from ukrom.cloud import TemplateWritten

    made = attempt(template=on_demand())
    runner.last.up()
    runner.last.report(TemplateWritten())
    runner.last.report(SaveFailed(runner.last.suspends[0], "no space left"))

    assert made.error.code is ErrorCode.FAILED_OPERATION
    assert made.error.message == "Failed to create instance template 'tpl': no space left"
    assert not space.instances


def test_preparation_that_is_deleted_fails_the_create(cloud, attempt, on_demand, runner, space):
    made = attempt(template=on_demand())
    with cloud.guard:
        cloud.remove(space.instance(Ref(name="tpl")))

    assert made.error.code is ErrorCode.FAILED_OPERATION


@pytest.mark.parametrize("all_of_it", [False, True])
def test_preparation_that_is_deleted_while_it_is_saved_fails_the_create(
    cloud, attempt, on_demand, runner, space, all_of_it
):
    made = attempt(template=on_demand())
    runner.last.up()
    runner.last.report(TemplateWritten())
    (seed,) = space.instances
    if all_of_it:
        cloud.reset(space.account)
    else:
        with cloud.guard:
            cloud.remove(seed)

    assert made.error.message == "Failed to create instance template 'tpl': the instance was deleted"
    assert not space.instances
    assert runner.last.kills == 1


def test_reset_answers_whoever_waits(cloud, attempt, on_demand, space):
    made = attempt(template=on_demand())
    cloud.reset(space.account)

    assert made.over


def test_restart_policy_gives_the_guest_another_chance(attempt, on_demand, runner, clock, write):
    made = attempt(template=on_demand(restart_policy="on-failure"))
    runner.last.up()
    runner.last.end(kernel_code=1)
    clock.advance(1)
    assert len(runner.machines) == 2
    runner.last.up()
    write()

    assert made.instances


def test_preparation_is_not_scaled_to_zero(attempt, on_demand, runner, clock, space):
    attempt(template=on_demand(scale_to_zero=ScaleToZero("on", cooldown_time_ms=10)))
    runner.last.up()
    clock.advance(10)

    assert names(space) == {"tpl": State.RUNNING}


@pytest.mark.parametrize(
    ("args", "code"),
    [
        ({"memory_mb": 1}, ErrorCode.INVALID),
        ({"image": None}, ErrorCode.INVALID),
        ({"template": TemplateOrder(Ref(name="ghost"))}, ErrorCode.NOT_FOUND),
        ({"autokill": Autokill(-1)}, ErrorCode.INVALID),
    ],
)
def test_nothing_is_begun_when_the_arguments_are_not_in_order(attempt, on_demand, space, args, code):
    with pytest.raises(Refusal) as caught:
        attempt(template=on_demand(**args))

    assert caught.value.code is code
    assert not space.instances


def test_inner_arguments_are_checked_before_anything_is_begun(attempt, on_demand, space):
    with pytest.raises(Refusal):
        attempt(template=on_demand("outer", template=on_demand("inner", vcpus=99)))

    assert not space.instances


def test_order_itself_is_checked_before_anything_is_begun(attempt, on_demand, create, space):
    create(name="job")
    with pytest.raises(Refusal) as caught:
        attempt(name="job", template=on_demand())

    assert caught.value.code is ErrorCode.ALREADY_EXISTS
    assert len(space.instances) == 1


def test_template_that_cannot_be_made_for_want_of_arguments_is_not_found(attempt):
    with pytest.raises(Refusal, match="No instance template with name 'tpl'"):
        attempt(template=TemplateOrder(Ref(name="tpl"), prepare=True))


def test_name_of_an_ordinary_instance_is_taken(attempt, on_demand, create):
    create(name="tpl")
    with pytest.raises(Refusal, match="An instance with the name 'tpl' already exists"):
        attempt(template=on_demand())


def test_instance_and_its_template_cannot_share_a_name(attempt, on_demand, space):
    with pytest.raises(Refusal) as caught:
        attempt(name="tpl", template=on_demand())

    assert caught.value.code is ErrorCode.ALREADY_EXISTS
    assert not space.instances


def test_runner_that_cannot_save_prepares_nothing(attempt, on_demand, runner, space):
    runner.abilities = frozenset()
    with pytest.raises(Refusal) as caught:
        attempt(template=on_demand())

    assert caught.value.code is ErrorCode.NOT_SUPPORTED
    assert not space.instances
