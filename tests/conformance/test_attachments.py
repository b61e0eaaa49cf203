"""Volumes at instances (specification, B.4, C.9, D.18)."""

from __future__ import annotations

import pytest
from unikraft_cloud import NotFoundError

from .availability import available
from .conftest import IMAGE
from .refusals import refused

pytestmark = pytest.mark.anyio

GHOST = "00000000-0000-4000-8000-00000000dead"


@pytest.fixture
async def data(ukc, fresh):
    return await available(ukc, await ukc.volumes.create(name=fresh("data"), size_mb=64, tags=["a"]))


@pytest.fixture
async def web(ukc, fresh):
    return await ukc.instances.create(image=IMAGE, name=fresh())


@pytest.mark.covers("PUT /v1/volumes/attach", kind="change")
@pytest.mark.covers("PUT /v1/volumes/detach", kind="change")
async def test_volume_is_attached_mounted_while_running_and_detached(ukc, data, web):
    await ukc.volumes.get(uuid=data.uuid).attach(to=web.name, at="/data", readonly=True)
    attached = await ukc.volumes.get(uuid=data.uuid)
    instance = await ukc.instances.get(uuid=web.uuid)
    await ukc.instances.get(uuid=web.uuid).start()
    await ukc.instances.get(uuid=web.uuid).wait(state="running", timeout_seconds=30)
    mounted = await ukc.volumes.get(uuid=data.uuid)
    await ukc.instances.get(uuid=web.uuid).stop()
    await ukc.instances.get(uuid=web.uuid).wait(state="stopped", timeout_seconds=30)
    await ukc.volumes.get(uuid=data.uuid).detach()
    detached = await ukc.volumes.get(uuid=data.uuid)

    assert [(one.uuid, one.name) for one in attached.attached_to] == [(web.uuid, web.name)]
    assert [(one.uuid, one.at, one.readonly) for one in instance.volumes] == [(data.uuid, "/data", True)]
    assert mounted.state == "mounted"
    assert [(one.uuid, one.readonly) for one in mounted.mounted_by] == [(web.uuid, True)]
    assert (detached.state, detached.attached_to or []) == ("available", [])


@pytest.mark.covers("PUT /v1/volumes/{uuid}/attach", kind="change")
@pytest.mark.covers("PUT /v1/volumes/{uuid}/detach", kind="change")
async def test_volume_is_attached_and_detached_by_the_uuid_in_the_path(platform, ukc, data, web):
    body = {"attach_to": {"uuid": web.uuid}, "at": "/data"}
    await platform.volumes.attach_volume_by_uuid(data.uuid, body=body)
    attached = await ukc.volumes.get(uuid=data.uuid)
    await platform.volumes.detach_volume_by_uuid(data.uuid, body={"from": {"name": web.name}})
    detached = await ukc.volumes.get(uuid=data.uuid)

    assert [one.uuid for one in attached.attached_to] == [web.uuid]
    assert not detached.attached_to


@pytest.mark.covers("PUT /v1/volumes/attach", kind="refusal")
@pytest.mark.parametrize("at", ["data", "/data/../etc", "/da:ta", ""])
async def test_bad_mount_path_is_refused(platform, data, web, at):
    body = [{"uuid": data.uuid, "attach_to": {"uuid": web.uuid}, "at": at}]

    assert await refused(platform.volumes.attach_volumes(body=body))


@pytest.mark.covers("PUT /v1/volumes/attach", kind="refusal")
async def test_volume_for_one_writer_is_not_attached_twice(platform, ukc, data, web, fresh):
    other = await ukc.instances.create(image=IMAGE, name=fresh("other"))
    await ukc.volumes.get(uuid=data.uuid).attach(to=web.name, at="/data")
    body = [{"uuid": data.uuid, "attach_to": {"uuid": other.uuid}, "at": "/data"}]

    assert await refused(platform.volumes.attach_volumes(body=body))


@pytest.mark.covers("PUT /v1/volumes/{uuid}/attach", kind="refusal")
async def test_volume_is_not_attached_to_a_missing_instance(platform, data):
    body = {"attach_to": {"uuid": GHOST}, "at": "/data"}

    assert await refused(platform.volumes.attach_volume_by_uuid(data.uuid, body=body))


@pytest.mark.covers("PUT /v1/volumes/detach", kind="refusal")
async def test_volume_that_is_not_attached_is_not_detached(platform, data, web):
    body = [{"uuid": data.uuid, "from": {"uuid": web.uuid}}]
    answer = await platform.volumes.detach_volumes(body=body)

    assert answer.data.volumes[0].error == 21


@pytest.mark.covers("PUT /v1/volumes/{uuid}/detach", kind="refusal")
async def test_missing_volume_is_not_detached(platform):
    assert (await platform.volumes.detach_volume_by_uuid(GHOST, body={})).data.volumes[0].error == 8


@pytest.mark.covers("DELETE /v1/volumes", kind="refusal")
async def test_attached_volume_is_not_deleted(platform, ukc, data, web):
    await ukc.volumes.get(uuid=data.uuid).attach(to=web.name, at="/data")
    answer = await platform.volumes.delete_volumes(body=[{"uuid": data.uuid}])

    assert answer.data.volumes[0].error == 15
    assert (await ukc.volumes.get(uuid=data.uuid)).name == data.name


@pytest.mark.covers("POST /v1/instances", kind="change")
async def test_volume_of_a_create_goes_with_its_instance(ukc):
    made = await ukc.instances.create(image=IMAGE, volumes=[{"size_mb": 64, "at": "/data"}])
    (mount,) = made.volumes
    read = await ukc.volumes.get(uuid=mount.uuid)
    await ukc.instances.get(uuid=made.uuid).delete()

    assert (mount.at, read.persistent, read.size_mb) == ("/data", False, 64)
    with pytest.raises(NotFoundError):
        await ukc.volumes.get(uuid=mount.uuid)


@pytest.mark.covers("POST /v1/instances", kind="refusal")
async def test_fifth_volume_of_an_instance_is_refused(platform):
    volumes = [{"size_mb": 8, "at": f"/v{number}"} for number in range(5)]

    assert await refused(platform.instances.create_instance(body={"image": IMAGE, "volumes": volumes}))
