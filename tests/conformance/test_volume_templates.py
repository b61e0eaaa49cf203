"""Volume templates (specification, B.4, D.18)."""

from __future__ import annotations

import pytest
from unikraft_cloud import UnikraftCloudError

from .availability import available
from .conftest import IMAGE
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


@pytest.mark.covers("POST /v1/volumes/templates", kind="change")
async def test_volume_becomes_a_template_in_place(platform, data):
    answer = await platform.volumes.create_template_volume(body=[{"name": data.name}])
    volumes = await platform.volumes.get_volumes(tags=["a"])

    assert [(one.uuid, one.name, one.state) for one in answer.data.volumes] == [
        (data.uuid, data.name, "template")
    ]
    assert data.uuid not in {one.uuid for one in volumes.data.volumes}


@pytest.mark.covers("POST /v1/volumes/templates", kind="refusal")
async def test_attached_or_missing_volume_becomes_no_template(platform, ukc, data, fresh):
    web = await ukc.instances.create(image=IMAGE, name=fresh())
    await ukc.volumes.get(uuid=data.uuid).attach(to=web.name, at="/data")
    answer = await platform.volumes.create_template_volume(body=[{"uuid": data.uuid}, {"uuid": GHOST}])

    assert [one.error for one in answer.data.volumes] == [15, 8]


@pytest.mark.covers("GET /v1/volumes/templates", kind="change")
async def test_volume_templates_are_listed(platform, template):
    answer = await platform.volumes.get_template_volumes(tags=["a"], details=True)

    assert {one.uuid: one.state for one in answer.data.volumes}[template.uuid] == "template"


@pytest.mark.covers("GET /v1/volumes/templates/{uuid}", kind="change")
async def test_volume_template_has_its_size_and_tags(template):
    assert (template.state, template.size_mb, template.tags) == ("template", 64, ["a"])


@pytest.mark.covers("GET /v1/volumes/templates", kind="refusal")
async def test_missing_volume_template_is_not_found(platform, fresh):
    answer = await platform.volumes.get_template_volumes(name=[fresh("ghost")])

    assert answer.data.volumes[0].error == 8


@pytest.mark.covers("GET /v1/volumes/templates/{uuid}", kind="refusal")
async def test_volume_is_no_template(platform, data):
    assert (await platform.volumes.get_template_volume_by_uuid(data.uuid)).data.volumes[0].error == 8


@pytest.mark.covers("POST /v1/volumes", kind="change")
async def test_volume_is_made_of_a_template(ukc, template, fresh):
    made = await ukc.volumes.create(name=fresh("copy"), template={"uuid": template.uuid})

    assert made.uuid != template.uuid
    assert made.size_mb == 64


@pytest.mark.covers("POST /v1/volumes/clone", kind="refusal")
async def test_volume_template_is_not_cloned_by_the_clone_route(platform, template):
    assert await refused(platform.volumes.clone_volumes(body=[{"uuid": template.uuid}]))


@pytest.mark.covers("DELETE /v1/volumes/templates", kind="change")
async def test_deleted_volume_template_is_gone(platform, template):
    deleted = await platform.volumes.delete_template_volumes(body=[{"name": template.name}])
    read = await platform.volumes.get_template_volume_by_uuid(template.uuid)

    assert deleted.data.volumes[0].uuid == template.uuid
    assert read.data.volumes[0].error == 8


@pytest.mark.covers("DELETE /v1/volumes/templates/{uuid}", kind="change")
async def test_volume_template_is_deleted_by_the_uuid_in_the_path(platform, template):
    deleted = await platform.volumes.delete_template_volume_by_uuid(template.uuid)

    assert deleted.status == "success"


@pytest.mark.covers("DELETE /v1/volumes/templates", kind="refusal")
async def test_delete_of_a_missing_volume_template_is_not_found(platform):
    answer = await platform.volumes.delete_template_volumes(body=[{"uuid": GHOST}])

    assert answer.data.volumes[0].error == 8


async def test_unknown_field_in_a_list_of_references_is_refused(platform, data):
    with pytest.raises(UnikraftCloudError) as caught:
        await platform.volumes.create_template_volume(body=[{"uuid": data.uuid, "colour": "red"}])

    assert caught.value.status == 400
