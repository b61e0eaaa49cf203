"""What waits for a stop, and what is pinned, is the same again."""

from __future__ import annotations

import pytest

from ukrom.cloud import (
    Autokill,
    Change,
    FileOrder,
    ImageOrder,
    Op,
    PinOrder,
    Ref,
    RomOrder,
    ScaleToZero,
    StopOrder,
)

CHANGES = [
    Change("image", Op.SET, ImageOrder("org/rom:1", "always"), given=True, wire={"url": "org/rom:1"}),
    Change("args", Op.SET, ("/other",), given=True, wire=["/other"]),
    Change("env", Op.ADD, {"A": "1"}, given=True, wire={"A": "1"}),
    Change("env", Op.DEL, ("A",), given=True, wire="A"),
    Change("memory_mb", Op.SET),
    Change("vcpus", Op.SET, 2, given=True, wire=2),
    Change("scale_to_zero", Op.SET, ScaleToZero("idle"), given=True, wire={"policy": "idle"}),
    Change("roms", Op.ADD, (RomOrder("r", files=(FileOrder("f", "x"),), at="/r"),), given=True, wire=[{}]),
    Change("roms", Op.ADD, (RomOrder("i", ImageOrder("org/rom:1")),), given=True, wire=[{}]),
    Change("dependencies", Op.SET, (Ref(name="other"),), given=True, wire=["other"]),
]


@pytest.fixture
def account(space):
    return space.account


def test_changes_that_wait_are_the_same_again_and_can_be_made(running, create, cloud, account, runner, space):
    create(service=False, name="other")
    with cloud.guard:
        for change in CHANGES:
            cloud.changes.instance(space, running, change)
    state = cloud.dump(account)
    cloud.load(account, state)
    loaded = next(one for one in space.instances if one.uuid == running.uuid)
    updates = [update.change for update in loaded.updates]
    again = cloud.dump(account)
    with cloud.guard:
        cloud.lifecycle.stop(loaded, StopOrder())
    runner.last.end()

    assert updates == CHANGES
    assert again == state
    assert loaded.updates == []
    assert (loaded.args, loaded.vcpus, [rom.name for rom in loaded.roms]) == (("/other",), 2, ["r", "i"])
    assert len(loaded.dependencies) == 1


def test_pins_are_the_same_again_and_go_in_time(cloud, account, space, store, clock):
    store.by_reference["oci://unikraft.io/org/web:1@" + store.resolve("org/web:1").digest] = store.resolve(
        "org/web:1"
    )
    with cloud.guard:
        pinned = cloud.pins.pin(space, PinOrder(ImageOrder("org/web:1"), Autokill(5000)))
    clock.advance(3)
    state = cloud.dump(account)
    cloud.load(account, state)
    (loaded,) = space.pins
    again = cloud.dump(account)
    clock.advance(1.9)
    before = len(space.pins)
    clock.advance(0.2)

    assert loaded is not pinned
    assert (loaded.uuid, loaded.image) == (pinned.uuid, pinned.image)
    assert again == state
    assert (before, len(space.pins)) == (1, 0)


def test_pin_of_an_image_that_is_gone_is_left_out(cloud, account, space, store):
    with cloud.guard:
        cloud.pins.pin(space, PinOrder(ImageOrder("org/web:1")))
    state = cloud.dump(account)
    store.by_reference.clear()
    cloud.load(account, state)

    assert len(space.pins) == 0


def test_change_of_what_nothing_is_known_of_fails_at_the_stop(running, cloud, account, runner, space):
    with cloud.guard:
        cloud.changes.instance(space, running, CHANGES[1])
    state = cloud.dump(account)
    (document,) = state["metros"]["fra"]["instances"]
    document["updates"][0]["prop"] = "colour"
    cloud.load(account, state)
    (loaded,) = space.instances
    runner.last.exit(0)

    assert [update.error for update in loaded.updates] == ["'colour' cannot be changed"]
