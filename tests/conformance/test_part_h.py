"""The checklist of the specification's Part H, one test or more for each item, by its number."""

from __future__ import annotations

import base64
from uuid import uuid4

import pytest
from unikraft_cloud import NotFoundError, UnikraftCloud, UnikraftCloudError
from unikraft_cloud.core.errors import AlreadyExistsError, UnikraftCloudWarning, WaitTimeoutError
from unikraft_cloud.resources.instances import InstanceStoppedError

from .conftest import IMAGE

pytestmark = pytest.mark.anyio

APP = {"image": IMAGE}


async def test_1_url_as_metro_needs_no_control_plane(ukc, asked, fresh):
    assert await ukc.instances.list(tags=[fresh()]) == []
    assert all(request.startswith("GET /v1/instances?") for request in asked)


@pytest.mark.through("respx", "transport", "https")
async def test_1_metro_code_works_where_its_host_name_is_redirected(recording, token):
    async with UnikraftCloud(token=token, metro="fra", transport=recording) as client:
        made = await client.instances.create(**APP)
        read = await client.metro("fra").instances.get(uuid=made.uuid)

    assert read.uuid == made.uuid
    assert read.metro == "fra"


async def test_1_url_may_end_in_v1(door, recording, token):
    async with UnikraftCloud(token=token, metro=f"{door.url}/v1", transport=recording) as client:
        made = await client.instances.create(**APP)
        await client.instances.get(uuid=made.uuid).delete()


async def test_1_without_a_metro_a_read_discovers_and_a_create_is_refused(door, recording, token, asked):
    async with UnikraftCloud(
        token=token, control_plane_url=door.control_plane_url, transport=recording
    ) as client:
        with pytest.raises(NotFoundError):
            await client.instances.get(uuid=str(uuid4()))
        before = list(asked)
        with pytest.raises(UnikraftCloudError, match="targets a single metro"):
            await client.instances.create(**APP)

    assert before[0] == "GET /v1/metros"
    assert asked == before


async def test_2_create_is_one_post_and_one_read(ukc, recording):
    made = await ukc.instances.create(**APP, autostart=True, timeout_s=30)

    assert made.state == "running"
    assert recording.asked == ["POST /v1/instances", f"GET /v1/instances?uuid={made.uuid}&details=true"]
    assert recording.bodies == [{**APP, "autostart": True, "timeout_s": 30}, None]


async def test_3_missing_instance_is_absent(ukc, fresh):
    name = fresh("ghost")
    with pytest.raises(NotFoundError, match=f"No instance with name '{name}'") as caught:
        await ukc.instances.get(name=name)

    assert caught.value.absent is True


async def test_4_delete_of_a_missing_one_may_be_forgiven(ukc, fresh):
    assert await ukc.instances.get(name=fresh("ghost")).delete(missing_ok=True) is None


async def test_5_taken_name_is_told_apart(ukc, fresh):
    name = fresh()
    await ukc.instances.create(**APP, name=name)
    with pytest.raises(AlreadyExistsError, match=f"An instance with the name '{name}' already exists"):
        await ukc.instances.create(**APP, name=name)


async def test_6_lapsed_wait_is_told_apart(ukc):
    made = await ukc.instances.create(**APP)
    with pytest.raises(WaitTimeoutError) as caught:
        await ukc.instances.get(uuid=made.uuid).wait(state="running", timeout_seconds=1)

    assert caught.value.state == "stopped"


@pytest.mark.parametrize(
    "fields",
    [{"image": "org/no-such-image:1"}, {**APP, "roms": [{"name": "r", "image": "org/no-such-image:1"}]}],
)
async def test_7_pull_that_fails_is_told_apart(ukc, fields):
    with pytest.raises(InstanceStoppedError, match="platform stop: image pull failed") as caught:
        await ukc.instances.create(**fields, autostart=True, timeout_s=30)

    assert caught.value.instance.state == "stopped"
    assert (caught.value.instance.stop_reason, caught.value.instance.stop_code) == (4, 1)


async def test_8_pages_overlap_by_the_cursor(ukc, recording, fresh):
    tag = fresh("t")
    made = [await ukc.instances.create(**APP, tags=[tag]) for _ in range(5)]
    recording.forget()
    listed = await ukc.instances.list(page_size=2, tags=[tag])

    assert [one.uuid for one in listed] == [one.uuid for one in made]
    assert recording.asked == [
        f"GET /v1/instances?count=2&tags={tag}",
        f"GET /v1/instances?count=3&from={made[1].uuid}&tags={tag}",
        f"GET /v1/instances?count=3&from={made[3].uuid}&tags={tag}",
    ]


async def test_8_listing_goes_on_when_its_cursor_is_deleted(ukc, fresh):
    tag = fresh("t")
    made = [await ukc.instances.create(**APP, tags=[tag]) for _ in range(5)]
    seen = []
    async for instance in ukc.instances.list(page_size=2, tags=[tag]):
        seen.append(instance.uuid)
        if instance.uuid == made[1].uuid:
            await ukc.instances.get(uuid=instance.uuid).delete()

    assert seen == [one.uuid for one in made]


async def test_9_tags_are_joined_by_a_literal_comma(ukc, asked, fresh):
    tags = [fresh("a"), fresh("b")]
    both = await ukc.instances.create(**APP, tags=tags)
    await ukc.instances.create(**APP, tags=tags[:1])
    found = await ukc.instances.each(tags=tags).all()

    assert [one.uuid for one in found] == [both.uuid]
    assert asked[-1].endswith(f"&tags={tags[0]},{tags[1]}")


async def test_11_bulk_delete_keeps_what_succeeded(ukc, fresh):
    made = await ukc.instances.create(**APP, name=fresh())
    with pytest.raises(NotFoundError) as caught:
        await ukc.instances.delete([made.name, fresh("ghost")])

    assert caught.value.body.status == "partial_success"
    assert [result.uuid for result in caught.value.results] == [made.uuid]


async def test_14_logs_come_as_base64_of_the_range(ukc, machine):
    made = await ukc.instances.create(**APP, autostart=True, timeout_s=30)
    machine(made).print(b"x" * 5000 + b"end\n")
    logs = await ukc.instances.get(uuid=made.uuid).logs(offset=-4096)
    output = base64.b64decode(logs.output)

    assert output.endswith(b"end\n")
    assert len(output) == logs.range.end - logs.range.start == 4096
    assert (logs.available.start, logs.available.end) == (0, 5004)


async def test_15_image_is_looked_for_at_the_control_plane(ukc, asked):
    namespace = IMAGE.partition("/")[0]

    assert await ukc.images.exists(IMAGE)
    assert asked == [f"GET /v1/images?details=true&namespace={namespace}"]
    assert not await ukc.images.exists(f"{namespace}/no-such-image:1")


async def test_16_warnings_surface_in_python(platform):
    made = await platform.instances.create_instance(body={**APP, "autostart": True, "timeout_s": 30})
    body = {"state": "running", "timeout_ms": 1000}
    with pytest.warns(UnikraftCloudWarning, match="deprecated"):
        await platform.instances.wait_instance_by_uuid(made.data.instances[0].uuid, body=body)
