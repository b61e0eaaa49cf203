from __future__ import annotations

import json
from dataclasses import fields

import pytest

from ukrom.cloud import (
    FileOrder,
    GroupOrder,
    Instance,
    RomOrder,
    ScaleToZero,
    ServiceGroup,
    ServiceOrder,
    State,
    StopOrder,
    Volume,
)
from ukrom.cloud.documents.resources import NOT_KEPT, GroupDocument, InstanceDocument, VolumeDocument

HELLO = RomOrder("hello", files=(FileOrder("hello.txt", "hello"),), at="/rom")


@pytest.fixture
def account(space):
    return space.account


@pytest.fixture
def again(cloud, account):
    """Dump, load, and dump again."""

    def do():
        before = cloud.dump(account)
        cloud.load(account, json.loads(json.dumps(before)))
        return before, cloud.dump(account)

    return do


@pytest.mark.parametrize(
    ("kind", "document", "made_of_others"),
    [
        (Instance, InstanceDocument, set()),
        (ServiceGroup, GroupDocument, {"instances"}),
        (Volume, VolumeDocument, {"attached_to"}),
    ],
)
def test_every_field_is_kept_or_left_out_on_purpose(kind, document, made_of_others):
    there = {field.name for field in fields(kind)}

    assert there - set(document.model_fields) == made_of_others | NOT_KEPT.get(kind, frozenset())


def test_nothing_stays_nothing(again):
    before, after = again()

    assert before == after
    assert all(not any(kinds.values()) for kinds in before["metros"].values())


def test_instances_groups_and_roms_are_the_same_again(again, create, running, runner):
    create(name="second", roms=(HELLO,), tags=("a", "b"), env={"A": "1"}, args=("x",))
    create(scale_to_zero=ScaleToZero("on"), annotations={"a": "b"}, autostart=False)
    runner.machines[0].listen(8080)
    runner.machines[0].print(b"hello\xff")

    before, after = again()

    assert before == after
    assert [one["name"] for one in after["metros"]["fra"]["instances"]][1] == "second"
    assert len(after["metros"]["fra"]["instances"]) == 3


def test_dump_is_plain_json(cloud, account, create):
    create(roms=(HELLO,))

    assert json.loads(json.dumps(cloud.dump(account))) == cloud.dump(account)


def test_inline_content_is_shared_and_freed_as_before(cloud, account, space, create):
    create(roms=(HELLO,), replicas=1)
    cloud.load(account, cloud.dump(account))
    with cloud.guard:
        first, second = space.instances
        assert first.roms[0].source is second.roms[0].source
        cloud.remove(first)
        assert len(space.inline_images) == 1
        cloud.remove(second)

        assert not space.inline_images


def test_loaded_instance_runs_on_and_can_be_stopped(cloud, account, space, running, clock):
    clock.advance(5)
    cloud.load(account, cloud.dump(account))
    (loaded,) = space.instances

    assert loaded is not running
    assert loaded.state is State.RUNNING
    assert loaded.uptime_ms(clock.monotonic()) == 5000
    with cloud.guard:
        cloud.lifecycle.stop(loaded, StopOrder(force=True))
    loaded.run.machine.end()
    assert loaded.state is State.STOPPED


def test_machine_that_is_lost_stops_its_instance(cloud, account, space, running, runner):
    runner.adopt = lambda spec, report: None

    cloud.load(account, cloud.dump(account))

    (loaded,) = space.instances
    assert loaded.state is State.STOPPED
    assert loaded.stop_reason == 4
    assert "did not outlive" in loaded.failure


def test_state_goes_into_another_account_once_the_first_is_gone(cloud, account, create):
    create(name="web")
    dumped = cloud.dump(account)
    cloud.reset(account)
    other = cloud.account("other")

    cloud.load(other, dumped)

    assert [one.name for one in cloud.instances(other)] == ["web"]
    assert cloud.instances(account) == ()


def test_loading_replaces_what_was_there(cloud, account, space, create, runner):
    empty = cloud.dump(account)
    create(name="web")

    cloud.load(account, empty)

    assert not space.instances
    assert not space.groups
    with cloud.guard:
        space.create_group(GroupOrder(name="web", services=(ServiceOrder(443),)))


def test_private_addresses_are_not_given_twice(cloud, account, space, create):
    create()
    dumped = cloud.dump(account)
    fresh = create()
    cloud.load(account, dumped)

    made = create()

    assert made.interface.private_ip > min(one.interface.private_ip for one in space.instances)
    assert len({one.interface.private_ip for one in (*space.instances, fresh)}) == 3
