from __future__ import annotations

import re

import pytest

from ukrom.cloud import Alarm, ErrorCode, Limits, Ref, VolumeOrder, VolumeState


def test_volume_is_initializing_until_its_create_is_answered(cloud, space):
    with cloud.guard:
        volume = cloud.volumes.create(space, VolumeOrder(size_mb=64))
        answered = volume.state

    assert answered is VolumeState.INITIALIZING
    assert volume.state is VolumeState.AVAILABLE


def test_volume_settles_after_the_time_of_the_settings(make_cloud, clock):
    cloud = make_cloud(volume_settle_s=5.0)
    space = cloud.space(cloud.account("token"))
    with cloud.guard:
        volume = cloud.volumes.create(space, VolumeOrder(size_mb=64))
    clock.advance(4.9)
    before = volume.state
    clock.advance(0.2)

    assert before is VolumeState.INITIALIZING
    assert volume.state is VolumeState.AVAILABLE
    assert Alarm.SETTLE not in volume.alarms


def test_volume_that_is_deleted_while_it_settles_leaves_no_timer(make_cloud, clock):
    cloud = make_cloud(volume_settle_s=5.0)
    space = cloud.space(cloud.account("token"))
    with cloud.guard:
        volume = cloud.volumes.create(space, VolumeOrder(size_mb=64))
        cloud.volumes.delete(space, volume)

    assert not space.volumes
    assert not clock.pending


def test_volume_has_the_documented_defaults(make):
    volume = make()

    assert re.fullmatch(r"vol-[a-z0-9]{5}", volume.name)
    assert (volume.filesystem, volume.access_mode, volume.quota_policy) == ("ext4", "rwo", "static")
    assert (volume.persistent, volume.delete_lock, volume.free_mb) == (True, False, 64)


def test_directory_of_the_host_has_no_size_and_is_shared_by_virtiofs(make):
    volume = make(host_path="/srv/data", uid=1000, gid=0)

    assert (volume.size_mb, volume.filesystem) == (0, "virtiofs")
    assert (volume.host_path, volume.uid, volume.gid) == ("/srv/data", 1000, 0)


@pytest.mark.parametrize("size_mb", [8, 20480])
def test_smallest_and_largest_volume_are_made(make, size_mb):
    assert make(size_mb=size_mb).size_mb == size_mb


def test_file_system_of_the_customers_own_takes_arguments(make):
    volume = make(filesystem="my-xfs", args={"level": "9"})

    assert (volume.filesystem, volume.args) == ("my-xfs", {"level": "9"})


def test_duplicate_tags_collapse(make):
    assert make(tags=("a", "b", "a")).tags == ("a", "b")


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({}, ErrorCode.INVALID),
        ({"size_mb": 7}, ErrorCode.INVALID),
        ({"size_mb": 20481}, ErrorCode.INVALID),
        ({"size_mb": -1}, ErrorCode.INVALID),
        ({"size_mb": 64, "host_path": "/srv"}, ErrorCode.NOT_BOTH),
        ({"template": Ref(name="t"), "host_path": "/srv"}, ErrorCode.NOT_BOTH),
        ({"host_path": "srv"}, ErrorCode.INVALID),
        ({"host_path": "/srv/../etc"}, ErrorCode.INVALID),
        ({"host_path": "/srv\0"}, ErrorCode.INVALID),
        ({"host_path": "/srv", "uid": -1}, ErrorCode.INVALID),
        ({"size_mb": 64, "gid": 0}, ErrorCode.INVALID),
        ({"size_mb": 64, "name": "a/b"}, ErrorCode.INVALID),
        ({"size_mb": 64, "name": ""}, ErrorCode.INVALID),
        ({"size_mb": 64, "name": "x" * 256}, ErrorCode.TOO_LONG),
        ({"size_mb": 64, "tags": ("no spaces",)}, ErrorCode.INVALID),
        ({"size_mb": 64, "tags": tuple(map(str, range(17)))}, ErrorCode.TOO_MANY),
        ({"size_mb": 64, "filesystem": ""}, ErrorCode.INVALID),
        ({"size_mb": 64, "filesystem": "../x"}, ErrorCode.INVALID),
        ({"size_mb": 64, "access_mode": "rwx"}, ErrorCode.INVALID),
        ({"size_mb": 64, "args": {"": "x"}}, ErrorCode.INVALID),
        ({"size_mb": 64, "args": {"a": "\0"}}, ErrorCode.INVALID),
        ({"size_mb": 64, "args": {str(key): "" for key in range(254)}}, ErrorCode.TOO_MANY),
        ({"template": Ref(name="ghost")}, ErrorCode.NOT_FOUND),
    ],
)
def test_what_cannot_be_is_refused_and_leaves_nothing(cloud, space, refused, fields, code):
    with cloud.guard:
        refused(code, cloud.volumes.create, space, VolumeOrder(**fields))

    assert not space.volumes


def test_virtiofs_can_be_shared_by_writers(make):
    assert make(filesystem="virtiofs", access_mode="rwx").access_mode == "rwx"


def test_taken_name_is_refused_and_a_deleted_ones_is_free(make, delete, refused):
    volume = make(name="data")
    message = refused(ErrorCode.ALREADY_EXISTS, make, name="data")
    delete(volume)

    assert message == "A volume with the name 'data' already exists"
    assert make(name="data").uuid != volume.uuid


def test_volumes_beyond_their_number_or_their_size_are_refused(make_cloud, refused):
    cloud = make_cloud(limits=Limits(volumes=3, total_volume_mb=100))
    space = cloud.space(cloud.account("token"))
    with cloud.guard:
        cloud.volumes.create(space, VolumeOrder(size_mb=60))
        message = refused(ErrorCode.QUOTA, cloud.volumes.create, space, VolumeOrder(size_mb=41))
        cloud.volumes.create(space, VolumeOrder(size_mb=32))
        cloud.volumes.create(space, VolumeOrder(size_mb=8))
        refused(ErrorCode.QUOTA, cloud.volumes.create, space, VolumeOrder(host_path="/srv"))

    assert message == "Failed to create. Quota exceeded"


def test_deleted_volume_frees_its_quota(make_cloud):
    cloud = make_cloud(limits=Limits(total_volume_mb=64))
    space = cloud.space(cloud.account("token"))
    with cloud.guard:
        cloud.volumes.delete(space, cloud.volumes.create(space, VolumeOrder(size_mb=64)))
        cloud.volumes.create(space, VolumeOrder(size_mb=64))

    assert len(space.volumes) == 1


def test_locked_volume_is_not_deleted(make, delete, refused, space):
    volume = make()
    volume.delete_lock = True

    assert refused(ErrorCode.NOT_ALLOWED, delete, volume) == "Deletion protection enabled"
    assert volume in tuple(space.volumes)


def test_attached_volume_is_not_deleted(make, attach, create, delete, refused, space):
    volume, instance = make(name="data"), create(name="web")
    attach(volume, instance)

    message = refused(ErrorCode.ATTACHED, delete, volume)
    assert message == "Volume 'data' is still attached to 'web'"
    assert volume in tuple(space.volumes)


def test_reset_deletes_volumes_locked_and_attached_ones_too(cloud, space, make, attach, create):
    volume = make()
    volume.delete_lock = True
    attach(volume, create())
    make()
    cloud.reset(space.account)

    assert not space.volumes
    assert not space.instances
