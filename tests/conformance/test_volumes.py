"""Volumes (specification, B.4, C.9, D.18)."""

from __future__ import annotations

import pytest
from unikraft_cloud import NotFoundError
from unikraft_cloud.core.errors import AlreadyExistsError

from .availability import available
from .refusals import refused

pytestmark = pytest.mark.anyio

GHOST = "00000000-0000-4000-8000-00000000dead"


@pytest.fixture
async def data(ukc, fresh):
    return await available(ukc, await ukc.volumes.create(name=fresh("data"), size_mb=64, tags=["a"]))


@pytest.mark.covers("POST /v1/volumes", kind="change")
async def test_created_volume_becomes_available(data):
    assert data.state == "available"
    assert (data.size_mb, data.persistent, data.tags) == (64, True, ["a"])
    assert data.filesystem == "ext4"
    assert not data.attached_to


@pytest.mark.covers("POST /v1/volumes", kind="change")
async def test_volume_without_a_name_gets_one(ukc):
    made = await ukc.volumes.create(size_mb=64)

    assert made.name.startswith("vol-")
    assert len(made.name) == 9


@pytest.mark.covers("POST /v1/volumes", kind="change")
async def test_create_answers_with_name_and_state_alone(platform, fresh):
    answer = await platform.volumes.create_volume(body={"name": fresh("data"), "size_mb": 64})

    assert answer.data.volumes[0].model_fields_set == {"status", "uuid", "name", "state"}


@pytest.mark.covers("POST /v1/volumes", kind="refusal")
async def test_taken_volume_name_is_refused(ukc, data):
    with pytest.raises(AlreadyExistsError, match=f"'{data.name}' already exists"):
        await ukc.volumes.create(name=data.name, size_mb=64)


@pytest.mark.covers("POST /v1/volumes", kind="refusal")
@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"size_mb": 1},
        {"size_mb": 64, "host_path": "/data"},
        {"size_mb": 64, "access_mode": "rwx"},
        {"size_mb": 64, "access_mode": "any"},
        {"size_mb": 64, "colour": "red"},
        {"size_mb": 64, "tags": ["no spaces"]},
        {"size_mb": 64, "template": {"name": "x"}, "host_path": "/data"},
    ],
)
async def test_volume_that_makes_no_sense_is_refused(platform, fields):
    assert await refused(platform.volumes.create_volume(body=fields))


@pytest.mark.covers("POST /v1/volumes", kind="refusal")
async def test_volumes_beyond_the_quota_are_refused(platform, ukc, emulator):
    (quota,) = await ukc.users.quotas()
    left = quota.hard.total_volume_mb - quota.used.total_volume_mb
    size = min(left + 1, quota.limits.max_volume_mb)
    if size <= left:
        await platform.volumes.create_volume(body={"size_mb": size})
    said = await refused(platform.volumes.create_volume(body={"size_mb": quota.limits.max_volume_mb}))

    assert said


@pytest.mark.covers("GET /v1/volumes", kind="change")
async def test_volumes_are_listed_by_tag_as_references(platform, data):
    answer = await platform.volumes.get_volumes(tags=["a"])
    found = {item.uuid: item for item in answer.data.volumes}

    assert found[data.uuid].model_fields_set == {"status", "uuid", "name"}


@pytest.mark.covers("GET /v1/volumes/{uuid}", kind="change")
async def test_volume_is_read_by_the_uuid_in_the_path(platform, data):
    answer = await platform.volumes.get_volume_by_uuid(data.uuid, details=True)

    assert [(item.name, item.size_mb) for item in answer.data.volumes] == [(data.name, 64)]


@pytest.mark.covers("GET /v1/volumes", kind="refusal")
async def test_missing_volume_is_absent(ukc, fresh):
    name = fresh("ghost")
    with pytest.raises(NotFoundError, match=f"No volume with name '{name}'") as caught:
        await ukc.volumes.get(name=name)

    assert caught.value.absent


@pytest.mark.covers("GET /v1/volumes/{uuid}", kind="refusal")
async def test_missing_uuid_of_a_volume_is_not_found(platform):
    assert (await platform.volumes.get_volume_by_uuid(GHOST)).data.volumes[0].error == 8


@pytest.mark.covers("POST /v1/volumes/clone", kind="change")
async def test_clone_of_a_volume_is_one_of_its_own(platform, ukc, data, fresh):
    name = fresh("copy")
    answer = await platform.volumes.clone_volumes(body=[{"uuid": data.uuid, "vol_name": name, "tags": ["c"]}])
    (made,) = answer.data.volumes
    read = await ukc.volumes.get(uuid=made.uuid)

    assert made.uuid != data.uuid
    assert (read.name, read.size_mb, read.tags) == (name, 64, ["c"])


@pytest.mark.covers("POST /v1/volumes/{uuid}/clone", kind="change")
async def test_volume_is_cloned_by_the_uuid_in_the_path(platform, data):
    answer = await platform.volumes.clone_volume_by_uuid(data.uuid, body={})

    assert answer.data.volumes[0].name.startswith("vol-")


@pytest.mark.covers("POST /v1/volumes/clone", kind="refusal")
async def test_clone_under_a_taken_name_is_refused(platform, data):
    answer = await platform.volumes.clone_volumes(body=[{"uuid": data.uuid, "vol_name": data.name}])

    assert answer.data.volumes[0].error == 23


@pytest.mark.covers("POST /v1/volumes/{uuid}/clone", kind="refusal")
async def test_missing_volume_is_not_cloned(platform):
    assert (await platform.volumes.clone_volume_by_uuid(GHOST, body={})).data.volumes[0].error == 8


@pytest.mark.covers("DELETE /v1/volumes", kind="change")
async def test_deleted_volume_is_gone(ukc, data):
    deleted = await ukc.volumes.get(uuid=data.uuid).delete()

    assert deleted.uuid == data.uuid
    with pytest.raises(NotFoundError):
        await ukc.volumes.get(uuid=data.uuid)


@pytest.mark.covers("DELETE /v1/volumes/{uuid}", kind="change")
async def test_volume_is_deleted_by_the_uuid_in_the_path(platform, data):
    await platform.volumes.delete_volume_by_uuid(data.uuid)

    assert (await platform.volumes.get_volume_by_uuid(data.uuid)).data.volumes[0].error == 8


@pytest.mark.covers("DELETE /v1/volumes/{uuid}", kind="refusal")
async def test_missing_volume_is_not_deleted(platform):
    assert (await platform.volumes.delete_volume_by_uuid(GHOST)).data.volumes[0].error == 8
