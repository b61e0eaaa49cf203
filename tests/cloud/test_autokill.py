from __future__ import annotations

from dataclasses import replace

import pytest

from ukrom.cloud import (
    Alarm,
    Autokill,
    DomainOrder,
    ErrorCode,
    GroupOrder,
    Ref,
    Refusal,
    ServiceOrder,
    State,
    StopOrder,
    TemplateOrder,
)

SOON = Autokill(5000)
WEB = GroupOrder(
    name="web", services=(ServiceOrder(443, 8080),), domains=(DomainOrder("web"),), autokill=SOON
)


@pytest.fixture
def exists(space):
    """Tell whether there is an instance."""
    return lambda instance: any(one is instance for one in space.instances)


@pytest.fixture
def ended(create, start, runner):
    """An instance that ran and stopped."""

    def make(**fields):
        instance = create(**{"autokill": SOON, **fields})
        start(instance)
        runner.last.up()
        runner.last.exit(0)
        return instance

    return make


@pytest.fixture
def group(cloud, space):
    with cloud.guard:
        return space.create_group(WEB)


@pytest.fixture
def ask(cloud, runner):
    def do(instance):
        route = cloud.gateway.route(instance.group.domains[0].fqdn("unikraft.app"), 443)
        return cloud.gateway.lease(route).result(0)

    return do


@pytest.mark.parametrize("persistent", [True, False])
def test_group_with_a_negative_time_is_refused_and_leaves_nothing(cloud, space, order, persistent):
    never = replace(WEB, autokill=Autokill(-1))
    with cloud.guard, pytest.raises(Refusal, match="Invalid 'time_ms' -1") as caught:
        space.create_group(never) if persistent else space.create_instances(order(service_group=never))

    assert caught.value.code is ErrorCode.INVALID
    assert (len(space.groups), len(space.instances)) == (0, 0)


def test_stopped_instance_is_deleted_after_its_time(ended, exists, clock):
    instance = ended()
    clock.advance(4.9)
    assert exists(instance)

    clock.advance(0.1)

    assert not exists(instance)
    assert instance.state is State.DELETED


def test_instance_that_never_ran_is_left_alone(create, exists, clock):
    instance = create(autokill=SOON)
    clock.advance(3600)

    assert exists(instance)


def test_start_calls_it_off(ended, exists, start, runner, clock):
    instance = ended()
    start(instance)
    runner.last.up()
    clock.advance(3600)

    assert exists(instance)
    assert Alarm.AUTOKILL not in instance.alarms


def test_zero_turns_it_off(ended, exists, clock):
    instance = ended(autokill=Autokill(0, 0))
    clock.advance(86_400)

    assert exists(instance)


def test_delete_lock_wins(cloud, ended, exists, clock):
    instance = ended()
    instance.delete_lock = True
    clock.advance(60)
    assert exists(instance)

    with cloud.guard:
        instance.delete_lock = False
        cloud.autokill.changed(instance)
    clock.advance(5)

    assert not exists(instance)


def test_policy_that_is_changed_counts_anew(cloud, ended, exists, clock):
    instance = ended()
    clock.advance(4)
    with cloud.guard:
        instance.autokill = Autokill(10_000)
        cloud.autokill.changed(instance)
    clock.advance(9.9)
    assert exists(instance)

    clock.advance(0.1)

    assert not exists(instance)


def test_instance_that_served_enough_is_stopped_and_deleted(create, start, runner, ask, exists):
    instance = create(autokill=Autokill(0, 2))
    start(instance)
    runner.last.up()
    runner.last.listen(8080)
    ask(instance).release()
    assert instance.state is State.RUNNING
    first, second = ask(instance), ask(instance)
    first.release()
    assert instance.state is State.RUNNING, "one is still in flight"
    second.release()
    assert (instance.state, exists(instance)) == (State.STOPPING, True)

    runner.last.exit(0)

    assert not exists(instance)
    assert instance.stop_reason == 7


def test_delete_lock_keeps_one_that_served_enough(create, start, runner, ask, exists):
    instance = create(autokill=Autokill(0, 1))
    instance.delete_lock = True
    start(instance)
    runner.last.up()
    runner.last.listen(8080)
    ask(instance).release()

    assert instance.state is State.RUNNING


def test_one_that_served_enough_goes_when_it_is_unlocked(cloud, create, start, runner, ask, exists):
    instance = create(autokill=Autokill(num_requests=1))
    instance.delete_lock = True
    start(instance)
    runner.last.up()
    runner.last.listen(8080)
    ask(instance).release()
    runner.last.exit(0)
    with cloud.guard:
        instance.delete_lock = False
        cloud.autokill.changed(instance)

    assert not exists(instance)


def test_group_goes_some_time_after_its_last_instance(cloud, space, group, create, clock):
    instance = create(service_group=GroupOrder(name="web"))
    clock.advance(60)
    assert group.alarms == {}
    with cloud.guard:
        cloud.remove(instance)
    clock.advance(4.9)
    assert space.group(Ref(name="web")) is group

    clock.advance(0.1)

    with pytest.raises(Refusal):
        space.group(Ref(name="web"))
    assert cloud.gateway.route("web.fra.unikraft.app", 443) is None


def test_group_that_is_joined_again_stays(cloud, space, group, create, clock):
    with cloud.guard:
        cloud.remove(create(service_group=GroupOrder(name="web")))
    clock.advance(4)
    create(service_group=GroupOrder(name="web"))
    clock.advance(60)

    assert space.group(Ref(name="web")) is group


def test_group_that_never_had_an_instance_stays(space, group, clock):
    clock.advance(3600)

    assert space.group(Ref(name="web")) is group


@pytest.fixture
def template(cloud, create):
    instance = create(name="base", service=False)
    with cloud.guard:
        cloud.templates.convert(instance, SOON)
    return instance


@pytest.fixture
def clone(create):
    def make():
        return create(service=False, image=None, template=TemplateOrder(Ref(name="base")))

    return make


def test_template_that_nobody_clones_is_deleted(template, exists, clock):
    clock.advance(4.9)
    assert exists(template)

    clock.advance(0.1)

    assert not exists(template)


def test_template_counts_from_its_last_clone(cloud, template, clone, exists, clock):
    clock.advance(4)
    with cloud.guard:
        cloud.remove(clone())
    clock.advance(4.9)
    assert exists(template)

    clock.advance(0.1)

    assert not exists(template)


def test_template_with_a_clone_stays_until_that_is_gone(cloud, template, clone, exists, clock):
    made = clone()
    clock.advance(3600)
    assert exists(template)

    with cloud.guard:
        cloud.remove(made)
    clock.advance(5)

    assert not exists(template)


def test_locked_template_stays(template, exists, clock):
    template.delete_lock = True
    clock.advance(3600)

    assert exists(template)


def test_stop_by_hand_counts_as_well(cloud, create, start, runner, exists, clock):
    instance = create(autokill=SOON)
    start(instance)
    runner.last.up()
    with cloud.guard:
        cloud.lifecycle.stop(instance, StopOrder(force=True))
    runner.last.end()
    clock.advance(5)

    assert not exists(instance)
