"""Changes of templates, volumes and volume templates."""

from __future__ import annotations

import pytest

from ukrom.cloud import (
    AttachOrder,
    Autokill,
    ErrorCode,
    Limits,
    Ref,
    Refusal,
    VolumeOrder,
    VolumeState,
)

from .triples import ABSENT, triple


@pytest.fixture
def template(create, cloud):
    made = create(service=False, tags=("a",))
    with cloud.guard:
        cloud.lifecycle.freeze(made, lambda _: None)
    return made


@pytest.fixture
def volume(cloud, space):
    with cloud.guard:
        return cloud.volumes.create(space, VolumeOrder(size_mb=64, tags=("a",)))


@pytest.fixture
def frozen(cloud, volume):
    with cloud.guard:
        cloud.volumes.freeze(volume)
    return volume


@pytest.fixture
def alter(cloud, space):
    """Change a template, volume or volume template."""

    def do(kind, resource, prop, op, value=ABSENT):
        with cloud.guard:
            getattr(cloud.changes, kind)(space, resource, triple(prop, op, value))

    return do


@pytest.fixture
def refused(alter):
    def do(*arguments):
        with pytest.raises(Refusal) as caught:
            alter(*arguments)
        return caught.value.code

    return do


def test_template_changes_tags_lock_and_autokill(template, alter):
    alter("template", template, "tags", "add", ("b",))
    alter("template", template, "delete_lock", "set", True)
    alter("template", template, "autokill", "set", Autokill(60_000))
    changed = template.tags, template.delete_lock, template.template_autokill
    alter("template", template, "autokill", "set")

    assert changed == (("a", "b"), True, Autokill(60_000))
    assert template.template_autokill == template.autokill == Autokill()


@pytest.mark.parametrize("prop", ["env", "memory_mb", "roms", "image", "annotations", "name"])
def test_rest_of_a_template_is_frozen(template, refused, prop):
    assert refused("template", template, prop, "set") is ErrorCode.UNKNOWN


def test_unused_template_dies_in_time_after_its_policy_was_set(template, alter, clock, space):
    alter("template", template, "autokill", "set", Autokill(5000))
    clock.advance(4.9)
    before = len(space.instances)
    clock.advance(0.2)

    assert (before, len(space.instances)) == (1, 0)


def test_policy_that_counted_for_the_instance_does_not_count_for_its_template(
    create, start, runner, cloud, clock, space
):
    web = create(service=False, autokill=Autokill(5000))
    start(web)
    runner.last.exit(0)
    with cloud.guard:
        cloud.lifecycle.freeze(web, lambda _: None)
    clock.advance(60)

    assert list(space.instances) == [web]


def test_locked_template_outlives_its_policy(template, alter, clock, space):
    alter("template", template, "delete_lock", "set", True)
    alter("template", template, "autokill", "set", Autokill(5000))
    clock.advance(60)
    locked = len(space.instances)
    alter("template", template, "delete_lock", "set")
    clock.advance(5.1)

    assert (locked, len(space.instances)) == (1, 0)


def test_volume_changes_size_tags_policy_and_lock(volume, alter):
    alter("volume", volume, "size_mb", "set", 128)
    alter("volume", volume, "tags", "del", ("a",))
    alter("volume", volume, "quota_policy", "set", "dynamic")
    alter("volume", volume, "delete_lock", "set", True)
    changed = volume.size_mb, volume.tags, volume.quota_policy, volume.delete_lock
    alter("volume", volume, "quota_policy", "set")

    assert changed == (128, (), "dynamic", True)
    assert volume.quota_policy == "static"


@pytest.mark.parametrize(
    ("prop", "op", "value", "code"),
    [
        ("size_mb", "set", 63, ErrorCode.INVALID),
        ("size_mb", "set", 20_481, ErrorCode.INVALID),
        ("size_mb", "set", ABSENT, ErrorCode.INVALID),
        ("size_mb", "add", 1, ErrorCode.INVALID),
        ("tags", "set", ("no spaces",), ErrorCode.INVALID),
        ("name", "set", "other", ErrorCode.UNKNOWN),
        ("access_mode", "set", "rox", ErrorCode.UNKNOWN),
    ],
)
def test_volume_that_cannot_be_is_refused(volume, refused, prop, op, value, code):
    assert refused("volume", volume, prop, op, value) is code
    assert (volume.size_mb, volume.tags) == (64, ("a",))


def test_quota_of_volumes_holds(make_cloud):
    cloud = make_cloud(limits=Limits(total_volume_mb=100))
    space = cloud.space(cloud.account("token"))
    with cloud.guard:
        volume = cloud.volumes.create(space, VolumeOrder(size_mb=64))
        cloud.changes.volume(space, volume, triple("size_mb", "set", 100))
        with pytest.raises(Refusal) as caught:
            cloud.changes.volume(space, volume, triple("size_mb", "set", 101))

    assert (caught.value.code, caught.value.message) == (ErrorCode.QUOTA, "Failed to update. Quota exceeded")
    assert volume.size_mb == 100


def test_directory_of_the_host_has_no_size(cloud, space, refused):
    with cloud.guard:
        volume = cloud.volumes.create(space, VolumeOrder(host_path="/data"))

    assert refused("volume", volume, "size_mb", "set", 64) is ErrorCode.INVALID


def test_next_machine_sees_the_new_size(volume, alter, create, start, runner, cloud, space):
    web = create(service=False)
    with cloud.guard:
        cloud.volumes.attach(space, volume, AttachOrder(Ref(uuid=web.uuid), "/data"))
    alter("volume", volume, "size_mb", "set", 128)
    start(web)

    assert [device.size_mb for device in runner.last.spec.volumes] == [128]


def test_locked_volume_is_not_deleted(volume, alter, cloud, space):
    alter("volume", volume, "delete_lock", "set", True)
    with cloud.guard, pytest.raises(Refusal) as caught:
        cloud.volumes.delete(space, volume)

    assert caught.value.code is ErrorCode.NOT_ALLOWED


def test_volume_template_changes_tags_and_lock(frozen, alter):
    alter("volume_template", frozen, "tags", "set", ("b",))
    alter("volume_template", frozen, "delete_lock", "set", True)

    assert frozen.state is VolumeState.TEMPLATE
    assert (frozen.tags, frozen.delete_lock) == (("b",), True)


@pytest.mark.parametrize("prop", ["size_mb", "quota_policy", "name"])
def test_rest_of_a_volume_template_is_frozen(frozen, refused, prop):
    assert refused("volume_template", frozen, prop, "set") is ErrorCode.UNKNOWN
