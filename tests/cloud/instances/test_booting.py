from __future__ import annotations

import pytest

from ukrom.cloud import ErrorCode, ImageOrder, MissingImage, Refusal, RomOrder, State
from ukrom.errors import ImageError


def rom(reference, **fields):
    return RomOrder(name="code", image=ImageOrder(reference, **fields))


def assert_pull_failed(instance, reason):
    assert instance.state is State.STOPPED
    assert (instance.stop_reason, instance.stop_code) == (4, 1)
    assert instance.failure == reason


def test_unknown_image_stops_the_start(create, start, runner):
    instance = create(image=ImageOrder("org/nope:1"))
    start(instance)

    assert_pull_failed(instance, "image 'org/nope:1' not found")
    assert runner.machines == []


def test_unknown_rom_stops_the_start(create, start):
    instance = create(roms=(rom("org/nope:1"),))
    start(instance)

    assert_pull_failed(instance, "ROM image 'org/nope:1' not found")


def test_rom_for_another_architecture_stops_the_start_with_its_own_message(create, start, store):
    store.put("org/arm:1", rom=True, architecture="arm64")
    instance = create(roms=(rom("org/arm:1"),))
    start(instance)

    assert instance.state is State.STOPPED
    assert (instance.stop_reason, instance.stop_code) == (4, 1)
    assert "built for arm64" in instance.failure
    assert "for x86_64" in instance.failure


def test_rom_image_is_no_base_image(create, start):
    instance = create(image=ImageOrder("org/rom:1"))
    start(instance)

    assert_pull_failed(instance, "image 'org/rom:1' has no root file system; it is a ROM")


def test_base_image_may_serve_as_a_rom(create, start, runner, store):
    instance = create(roms=(rom("org/web:1"),))
    start(instance)

    assert runner.last.spec.roms[0].content is store.resolve("org/web:1").root


def test_damaged_image_stops_the_start(create, start, store, monkeypatch):
    def damaged(reference):
        raise ImageError("blob sha256:00 is 12 bytes, expected 4096")

    monkeypatch.setattr(store, "resolve", damaged)
    instance = create()
    start(instance)

    assert_pull_failed(
        instance, "image 'org/web:1' cannot be used: blob sha256:00 is 12 bytes, expected 4096"
    )


def test_image_that_comes_later_is_found_at_the_next_start(create, start, store, runner):
    instance = create(image=ImageOrder("org/late:1"))
    start(instance)
    store.put("org/late:1")
    start(instance)
    runner.last.up()

    assert instance.state is State.RUNNING
    assert instance.failure is None


def test_moved_tag_does_not_change_an_instance(create, start, store, runner):
    instance = create(roms=(rom("org/rom:1"),))
    before = store.resolve("org/rom:1").rom
    store.put("org/rom:1", rom=True)
    start(instance)

    assert runner.last.spec.roms[0].content is before


def test_moved_tag_is_followed_with_pull_policy_always(create, start, store, runner):
    instance = create(roms=(rom("org/rom:1", pull_policy="always"),))
    moved = store.put("org/rom:1", rom=True)
    start(instance)

    assert runner.last.spec.roms[0].content is moved.rom


def test_reference_that_is_none_is_refused_at_create(create):
    with pytest.raises(Refusal, match="Invalid ROM image 'not a reference'") as caught:
        create(roms=(rom("not a reference"),))

    assert caught.value.code is ErrorCode.INVALID


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"image": ImageOrder("org/nope:1")}, "No image with name 'org/nope:1'"),
        ({"roms": (rom("org/nope:1"),)}, "No ROM image with name 'org/nope:1'"),
    ],
)
def test_unknown_images_are_refused_at_create_when_switched_so(make_cloud, order, fields, message):
    cloud = make_cloud(missing_image=MissingImage.AT_CREATE)
    space = cloud.space(cloud.account("token"))
    with cloud.guard, pytest.raises(Refusal, match=message) as caught:
        space.create_instances(order(**fields))

    assert caught.value.code is ErrorCode.NOT_FOUND
    assert not space.instances
    assert not space.groups
