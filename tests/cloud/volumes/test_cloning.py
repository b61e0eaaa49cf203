from __future__ import annotations

import re

import pytest

from ukrom.cloud import CloneVolumeOrder, ErrorCode, Limits, VolumeOrder, VolumeState


def test_copy_is_a_volume_of_its_own_with_the_sources_properties(make, clone):
    source = make(
        name="data", filesystem="my-xfs", quota_policy="dynamic", args={"a": "b"}, access_mode="rox"
    )
    copy = clone(source)

    assert copy.uuid != source.uuid
    assert re.fullmatch(r"vol-[a-z0-9]{5}", copy.name)
    assert (copy.size_mb, copy.filesystem, copy.args) == (64, "my-xfs", {"a": "b"})
    assert (copy.quota_policy, copy.access_mode) == ("dynamic", "rox")
    assert (copy.source, copy.state, copy.persistent) == (source.uuid, VolumeState.AVAILABLE, True)


def test_copy_gets_what_is_asked_for(make, clone):
    source = make(filesystem="virtiofs", tags=("a",))
    copy = clone(source, vol_name="copy", quota_policy="dynamic", tags=("b",), access_mode="rwx")

    assert (copy.name, copy.quota_policy, copy.tags, copy.access_mode) == ("copy", "dynamic", ("b",), "rwx")


def test_tags_and_lock_are_not_handed_down(make, clone):
    source = make(tags=("a",))
    source.delete_lock = True
    copy = clone(source)

    assert (copy.tags, copy.delete_lock) == ((), False)


def test_copy_is_initializing_until_its_request_is_answered(cloud, space, make):
    source = make()
    with cloud.guard:
        copy = cloud.volumes.clone(space, source, CloneVolumeOrder())
        answered = copy.state

    assert (answered, copy.state) == (VolumeState.INITIALIZING, VolumeState.AVAILABLE)


def test_mounted_volume_is_copied_too(make, attach, create, up, clone):
    source, instance = make(), create()
    attach(source, instance)
    up(instance)

    assert clone(source).attached_to == {}
    assert source.state is VolumeState.MOUNTED


def test_volume_with_copies_is_not_deleted_before_them(make, clone, delete, refused, space):
    source = make(name="data")
    copy = clone(source, vol_name="copy")
    message = refused(ErrorCode.ATTACHED, delete, source)
    delete(copy)
    delete(source)

    assert message == "Volume 'data' still has clones: 'copy'"
    assert not space.volumes


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"vol_name": "data"}, ErrorCode.ALREADY_EXISTS),
        ({"vol_name": "a/b"}, ErrorCode.INVALID),
        ({"tags": ("no spaces",)}, ErrorCode.INVALID),
        ({"access_mode": "rwx"}, ErrorCode.INVALID),
    ],
)
def test_copy_that_cannot_be_is_refused_and_leaves_nothing(make, clone, refused, space, fields, code):
    refused(code, clone, make(name="data"), **fields)

    assert len(space.volumes) == 1


def test_copy_beyond_the_quota_is_refused(make_cloud, refused):
    cloud = make_cloud(limits=Limits(total_volume_mb=100))
    space = cloud.space(cloud.account("token"))
    with cloud.guard:
        source = cloud.volumes.create(space, VolumeOrder(size_mb=64))
    with cloud.guard:
        refused(ErrorCode.QUOTA, cloud.volumes.clone, space, source, CloneVolumeOrder())


def test_volume_that_is_not_ready_is_not_copied(make_cloud, refused):
    cloud = make_cloud(volume_settle_s=5.0)
    space = cloud.space(cloud.account("token"))
    with cloud.guard:
        source = cloud.volumes.create(space, VolumeOrder(size_mb=64))
        refused(ErrorCode.CANNOT_BE_USED, cloud.volumes.clone, space, source, CloneVolumeOrder())


def test_template_is_not_copied_by_a_clone(make, convert, clone, refused):
    message = refused(ErrorCode.CANNOT_BE_USED, clone, convert(make(name="data")))

    assert message == "Volume 'data' is a template: name it as the 'template' of a new volume"
