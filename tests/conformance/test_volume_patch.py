"""PATCH of volumes and volume templates (specification, A.13, B.4, C.13)."""

from __future__ import annotations

import pytest
from unikraft_cloud import UnikraftCloudError

from .availability import available
from .refusals import refused

pytestmark = pytest.mark.anyio

GHOST = "00000000-0000-4000-8000-00000000dead"


@pytest.fixture
async def data(ukc, fresh):
    return await available(ukc, await ukc.volumes.create(name=fresh("data"), size_mb=64, tags=["a"]))


@pytest.fixture
async def template(platform, data):
    await platform.volumes.create_template_volume(body=[{"uuid": data.uuid}])
    return (await platform.volumes.get_template_volume_by_uuid(data.uuid, details=True)).data.volumes[0]


@pytest.mark.covers("PATCH /v1/volumes", kind="change")
async def test_size_tags_and_lock_of_a_volume_change(ukc, data):
    await ukc.volumes.get(uuid=data.uuid).update(size_mb=128, tags=["b"], delete_lock=True)
    read = await ukc.volumes.get(uuid=data.uuid)
    with pytest.raises(UnikraftCloudError, match="Deletion protection enabled") as caught:
        await ukc.volumes.get(uuid=data.uuid).delete()
    await ukc.volumes.get(uuid=data.uuid).update(delete_lock=False)

    assert (read.size_mb, read.tags, read.delete_lock) == (128, ["b"], True)
    assert caught.value.errors[0].code == 14


@pytest.mark.covers("PATCH /v1/volumes/{uuid}", kind="change")
async def test_quota_policy_changes_by_path(platform, ukc, data):
    body = {"id": "q", "prop": "quota_policy", "op": "set", "value": "dynamic"}
    answer = await platform.volumes.update_volume_by_uuid(data.uuid, body=body)

    assert answer.data.volumes[0].id == "q"
    assert (await ukc.volumes.get(uuid=data.uuid)).quota_policy == "dynamic"


@pytest.mark.covers("PATCH /v1/volumes", kind="refusal")
@pytest.mark.parametrize(
    ("prop", "op", "value"),
    [("name", "set", "x"), ("size_mb", "set", 1), ("size_mb", "add", 8), ("quota_policy", "set", "none")],
)
async def test_change_of_a_volume_that_makes_no_sense_is_refused(platform, data, prop, op, value):
    body = [{"uuid": data.uuid, "prop": prop, "op": op, "value": value}]

    assert await refused(platform.volumes.update_volumes(body=body))


@pytest.mark.covers("PATCH /v1/volumes/{uuid}", kind="refusal")
async def test_change_of_a_missing_volume_is_not_found(platform):
    body = {"prop": "size_mb", "op": "set", "value": 64}

    assert (await platform.volumes.update_volume_by_uuid(GHOST, body=body)).data.volumes[0].error == 8


@pytest.mark.covers("PATCH /v1/volumes/templates", kind="change")
async def test_tags_of_a_volume_template_change(platform, template):
    body = [{"uuid": template.uuid, "id": "t", "prop": "tags", "op": "add", "value": ["b"]}]
    answer = await platform.volumes.update_template_volumes(body=body)
    read = await platform.volumes.get_template_volume_by_uuid(template.uuid, details=True)

    assert answer.data.volumes[0].id == "t"
    assert sorted(read.data.volumes[0].tags) == ["a", "b"]


@pytest.mark.covers("PATCH /v1/volumes/templates/{uuid}", kind="change")
@pytest.mark.covers("DELETE /v1/volumes/templates/{uuid}", kind="refusal")
async def test_locked_volume_template_is_not_deleted(platform, template):
    lock = {"prop": "delete_lock", "op": "set"}
    await platform.volumes.update_template_volume_by_uuid(template.uuid, body={**lock, "value": True})
    deleted = await platform.volumes.delete_template_volume_by_uuid(template.uuid)
    await platform.volumes.update_template_volume_by_uuid(template.uuid, body={**lock, "value": False})

    assert (deleted.data.volumes[0].error, deleted.data.volumes[0].message) == (
        14,
        "Deletion protection enabled",
    )


@pytest.mark.covers("PATCH /v1/volumes/templates", kind="refusal")
async def test_volume_template_is_otherwise_immutable(platform, template):
    body = [{"uuid": template.uuid, "prop": "size_mb", "op": "set", "value": 128}]

    assert await refused(platform.volumes.update_template_volumes(body=body))


@pytest.mark.covers("PATCH /v1/volumes/templates/{uuid}", kind="refusal")
async def test_change_of_a_volume_template_takes_one_triple(raw, template):
    triples = [{"prop": "tags", "op": "set", "value": []}] * 2

    assert (await raw("PATCH", f"/volumes/templates/{template.uuid}", triples, status=400))[
        "status"
    ] == "error"
