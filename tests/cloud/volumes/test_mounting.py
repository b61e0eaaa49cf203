from __future__ import annotations

import re

import pytest

from ukrom.cloud import (
    Ability,
    ErrorCode,
    Limits,
    MountOrder,
    Ref,
    RomOrder,
    VolumeOrder,
    VolumeState,
)
from ukrom.cloud.orders import FileOrder

ROM = RomOrder(name="code", files=(FileOrder("a.py", "pass"),), at="/code")


def new(at="/data", *, readonly=False, **fields):
    return MountOrder(at, new=VolumeOrder(**({"size_mb": 64} | fields)), readonly=readonly)


def existing(volume, at="/data", **fields):
    return MountOrder(at, Ref(uuid=volume.uuid), **fields)


def test_new_volume_is_made_with_its_instance_and_ready_at_once(create, up, runner):
    instance = create(volumes=(new(readonly=True, tags=("a",)),))
    (mount,) = instance.volumes
    made = mount.volume.state
    up(instance)

    assert re.fullmatch(r"vol-[a-z0-9]{5}", mount.volume.name)
    assert (mount.at, mount.readonly, mount.volume.tags) == ("/data", True, ("a",))
    assert (made, mount.volume.persistent) == (VolumeState.IDLE, False)
    assert [device.uuid for device in runner.last.spec.volumes] == [mount.volume.uuid]


def test_new_volume_goes_with_its_instance(create, remove, space):
    remove(create(volumes=(new(),)))

    assert not space.volumes


def test_new_volume_that_was_detached_stays(create, detach, remove, space):
    instance = create(volumes=(new(),))
    volume = instance.volumes[0].volume
    detach(volume)
    remove(instance)

    assert volume.persistent
    assert list(space.volumes) == [volume]


def test_new_volume_whose_guest_still_has_it_when_it_is_deleted_stays(create, detach, remove, space, up):
    instance = up(create(volumes=(new(),)))
    volume = instance.volumes[0].volume
    detach(volume)
    remove(instance)

    assert list(space.volumes) == [volume]
    assert (volume.state, volume.attached_to) == (VolumeState.AVAILABLE, {})


def test_new_volume_that_is_locked_stays(create, remove, space):
    instance = create(volumes=(new(),))
    volume = instance.volumes[0].volume
    volume.delete_lock = True
    remove(instance)

    assert list(space.volumes) == [volume]
    assert volume.persistent


def test_new_volume_that_is_shared_goes_with_its_last_instance(create, attach, remove, space):
    first, second = create(volumes=(new(filesystem="virtiofs", access_mode="rwx"),)), create()
    volume = first.volumes[0].volume
    attach(volume, second)
    remove(first)
    kept = list(space.volumes)
    remove(second)

    assert kept == [volume]
    assert not space.volumes


def test_existing_volume_is_attached_and_stays_when_its_instance_goes(make, create, remove, space):
    volume = make(name="data")
    instance = create(volumes=(MountOrder("/data", Ref(name="data")),))
    attached = [mount.volume for mount in instance.volumes]
    remove(instance)

    assert attached == [volume]
    assert list(space.volumes) == [volume]
    assert volume.state is VolumeState.AVAILABLE


def test_each_replica_gets_a_new_volume_of_its_own(cloud, space, order):
    with cloud.guard:
        instances = space.create_instances(order(replicas=2, volumes=(new(name="data"),)))
    volumes = [mount.volume for instance in instances for mount in instance.volumes]

    assert len({volume.uuid for volume in volumes}) == 3
    assert volumes[0].name == "data"
    assert all(volume.name.startswith("vol-") for volume in volumes[1:])


def test_replicas_share_an_existing_volume_only_if_it_may_be_shared(cloud, space, order, make, refused):
    alone, shared = make(), make(filesystem="virtiofs", access_mode="rwx")
    with cloud.guard:
        refused(ErrorCode.ATTACHED, space.create_instances, order(replicas=1, volumes=(existing(alone),)))
        instances = space.create_instances(order(replicas=1, volumes=(existing(shared),)))

    assert list(shared.attached_to.values()) == instances
    assert not alone.attached_to


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"volumes": tuple(new(f"/v{number}") for number in range(5))}, ErrorCode.TOO_MANY),
        ({"volumes": (new("data"),)}, ErrorCode.INVALID),
        ({"volumes": (new("/a:b"),)}, ErrorCode.INVALID),
        ({"volumes": (new("/a"), new("/a/"))}, ErrorCode.INVALID),
        ({"volumes": (new("/code"),), "roms": (ROM,)}, ErrorCode.INVALID),
        ({"volumes": (new(size_mb=7),)}, ErrorCode.INVALID),
        ({"volumes": (new(name="a/b"),)}, ErrorCode.INVALID),
        ({"volumes": (new("/a", name="x"), new("/b", name="x"))}, ErrorCode.ALREADY_EXISTS),
        ({"volumes": (MountOrder("/data", Ref(name="ghost")),)}, ErrorCode.NOT_FOUND),
        ({"volumes": (MountOrder("/data"),)}, ErrorCode.MISSING_ID),
        ({"volumes": (new("/a", size_mb=20480), new("/b", size_mb=8))}, ErrorCode.QUOTA),
        ({"volumes": (new(size_mb=8192),), "replicas": 2}, ErrorCode.QUOTA),
    ],
)
def test_what_cannot_be_is_refused_and_leaves_nothing(create, space, refused, fields, code):
    refused(code, create, **fields)

    assert not space.instances
    assert not space.groups
    assert not space.volumes


def test_taken_name_is_refused(make, create, refused, space):
    make(name="data")

    refused(ErrorCode.ALREADY_EXISTS, create, volumes=(new(name="data"),))
    assert len(space.volumes) == 1


def test_volume_is_not_given_twice_to_one_instance(make, create, refused):
    volume = make(filesystem="virtiofs", access_mode="rwx")

    refused(ErrorCode.ATTACHED, create, volumes=(existing(volume, "/a"), existing(volume, "/b")))
    assert not volume.attached_to


def test_attached_volume_is_refused_to_a_new_instance(make, attach, create, refused):
    volume, instance = make(), create()
    attach(volume, instance)

    refused(ErrorCode.ATTACHED, create, volumes=(existing(volume),))


def test_volume_template_is_no_volume_of_an_instance(make, convert, create, refused):
    refused(ErrorCode.NOT_FOUND, create, volumes=(existing(convert(make())),))


def test_volume_for_readers_is_refused_to_a_writer(make, create, refused):
    volume = make(access_mode="rox")

    refused(ErrorCode.INVALID, create, volumes=(existing(volume),))
    assert create(volumes=(existing(volume, readonly=True),)).volumes


def test_number_of_volumes_of_an_account_holds_for_replicas(make_cloud, order, refused):
    cloud = make_cloud(limits=Limits(volumes=2))
    space = cloud.space(cloud.account("token"))
    with cloud.guard:
        refused(ErrorCode.QUOTA, space.create_instances, order(replicas=2, volumes=(new(),)))
        space.create_instances(order(replicas=1, volumes=(new(),)))

    assert len(space.volumes) == 2


def test_runner_without_volumes_gets_none_but_makes_other_instances(create, runner, refused, space):
    runner.abilities = frozenset({Ability.SNAPSHOTS})
    refused(ErrorCode.NOT_SUPPORTED, create, volumes=(new(),))

    assert create().volumes == []
    assert not space.volumes
