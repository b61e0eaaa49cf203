from __future__ import annotations

import pytest

from ukrom.cloud import AttachOrder, ErrorCode, FileOrder, ImageOrder, Ref, RomOrder, VolumeOrder

from .triples import by_image, inline


@pytest.fixture
def web(create):
    return create(service=False, roms=(inline("one", "/one"), by_image("two", "/two")))


def names(instance):
    return [rom.name for rom in instance.roms]


def test_set_replaces_the_list_and_frees_its_content(web, change, space):
    old = web.roms[0].source.uuid
    change(web, "roms", "set", (inline("new"),))

    assert names(web) == ["new"]
    assert list(space.inline_images) == [web.roms[0].source.uuid]
    assert old not in space.inline_images


def test_add_appends_and_keeps_the_others_content(web, change, space):
    kept = web.roms[0].source
    change(web, "roms", "add", (inline("three", "/three"), RomOrder(files=(FileOrder("f", ""),))))

    assert names(web) == ["one", "two", "three", "rom3"]
    assert web.roms[0].source is kept
    assert len(space.inline_images) == 3


def test_del_takes_out_by_name(web, change, space):
    change(web, "roms", "del", ("one",))

    assert names(web) == ["two"]
    assert space.inline_images == {}


def test_cleared_list_is_empty(web, change, space):
    change(web, "roms", "set")

    assert web.roms == ()
    assert space.inline_images == {}


def test_content_that_a_replica_still_has_stays(space, cloud, order, change):
    with cloud.guard:
        one, two = space.create_instances(order(service=False, roms=(inline("rom"),), replicas=1))
    change(one, "roms", "set")
    kept = list(space.inline_images)
    change(two, "roms", "set")

    assert kept == [two_source := kept[0]]
    assert two_source not in space.inline_images


def test_image_is_pulled_when_it_is_set(web, change, store):
    change(web, "roms", "set", (by_image("rom"),))

    assert web.roms[0].source.image is store.by_reference["org/rom:1"]


@pytest.mark.parametrize(
    ("op", "value", "code"),
    [
        ("del", ("ghost",), ErrorCode.NOT_FOUND),
        ("del", ("one", "ghost"), ErrorCode.NOT_FOUND),
        ("add", (inline("one"),), ErrorCode.ALREADY_EXISTS),
        ("add", (inline("new", "/one"),), ErrorCode.INVALID),
        ("add", tuple(inline(f"r{n}") for n in range(7)), ErrorCode.TOO_MANY),
        ("set", tuple(inline(f"r{n}") for n in range(9)), ErrorCode.TOO_MANY),
        ("set", (inline("a", "/x"), inline("b", "/x")), ErrorCode.INVALID),
        ("set", (inline("a", "relative"),), ErrorCode.INVALID),
        ("set", (RomOrder("a"),), ErrorCode.INVALID),
        ("set", (RomOrder("a", ImageOrder("org/rom:1"), (FileOrder("f", ""),)),), ErrorCode.NOT_BOTH),
        ("set", (by_image("a", image="no image"),), ErrorCode.INVALID),
        ("set", (inline("a", data="x" * (1 << 20) + "y"),), ErrorCode.TOO_LONG),
    ],
)
def test_list_that_a_create_would_refuse_is_refused(web, refused, space, op, value, code):
    before = web.roms

    assert refused(web, "roms", op, value) is code
    assert web.roms == before
    assert len(space.inline_images) == 1


def test_mount_path_of_a_volume_is_taken(web, cloud, space, refused):
    with cloud.guard:
        volume = cloud.volumes.create(space, VolumeOrder(size_mb=64))
    with cloud.guard:
        cloud.volumes.attach(space, volume, AttachOrder(Ref(uuid=web.uuid), "/data"))

    assert refused(web, "roms", "add", (inline("rom", "/data"),)) is ErrorCode.INVALID


def test_next_machine_has_the_new_roms(web, change, start, runner):
    change(web, "roms", "add", (inline("three"),))
    start(web)

    assert [rom.name for rom in runner.last.spec.roms] == ["one", "two", "three"]
