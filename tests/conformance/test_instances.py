"""Instances come, are read and go (specification, B.1, C.1, C.2, D.2, D.3)."""

from __future__ import annotations

from dataclasses import replace

import pytest
from unikraft_cloud import NotFoundError, Ref, UnikraftCloudError
from unikraft_cloud.api.platform import InstancesApi
from unikraft_cloud.core.errors import AlreadyExistsError, AuthenticationError

from .conftest import IMAGE, ROM_IMAGE
from .refusals import refused

pytestmark = pytest.mark.anyio

GHOST = "00000000-0000-4000-8000-00000000dead"
HTTPS = {"services": [{"port": 443, "destination_port": 8080, "handlers": ["tls", "http"]}]}


async def create(ukc, **fields):
    return await ukc.instances.create(**{"image": IMAGE, **fields})


@pytest.mark.covers("POST /v1/instances", kind="change")
async def test_created_instance_is_stopped_and_has_what_was_asked_for(ukc, fresh):
    name = fresh()
    made = await create(ukc, name=name, memory_mb=256, env={"B": "2"}, args=["/app", "-v"], tags=["a"])
    read = await ukc.instances.get(uuid=made.uuid)

    assert (read.name, read.state, read.memory_mb, read.vcpus) == (name, "stopped", 256, 1)
    assert read.args == ["/app", "-v"]
    assert read.env["B"] == "2"
    assert (read.tags, read.restart_policy) == (["a"], "never")
    assert read.private_fqdn == f"{name}.internal"


@pytest.mark.covers("POST /v1/instances", kind="change")
async def test_create_answers_with_a_part_of_the_instance(platform, fresh):
    name = fresh()
    answer = await platform.instances.create_instance(body={"name": name, "image": IMAGE})
    (item,) = answer.data.instances

    assert (item.status, item.name, item.state) == ("success", name, "stopped")
    assert item.private_fqdn == f"{name}.internal"
    assert item.memory_mb is None


@pytest.mark.covers("POST /v1/instances", kind="change")
async def test_create_in_an_array_gives_an_item_for_each(raw, fresh):
    names = [fresh("a"), fresh("b")]
    envelope = await raw("POST", "/instances", [{"name": name, "image": IMAGE} for name in names])

    assert [item["name"] for item in envelope["data"]["instances"]] == names


@pytest.mark.covers("POST /v1/instances", kind="change")
async def test_one_bad_element_of_an_array_does_not_spoil_the_others(raw, fresh):
    name = fresh()
    envelope = await raw("POST", "/instances", [{"name": name, "image": IMAGE}] * 2)

    assert envelope["status"] == "partial_success"
    assert [item.get("error") for item in envelope["data"]["instances"]] == [None, 23]


@pytest.mark.covers("POST /v1/instances", kind="change")
async def test_autostarted_instance_runs(ukc):
    made = await create(ukc, autostart=True, timeout_s=30)

    assert (made.state, made.start_count) == ("running", 1)
    assert made.boot_time_us > 0
    assert made.started_at is not None


@pytest.mark.covers("POST /v1/instances", kind="change")
async def test_replicas_are_instances_of_their_own(platform, fresh):
    answer = await platform.instances.create_instance(body={"name": fresh(), "image": IMAGE, "replicas": 2})

    assert len({item.uuid for item in answer.data.instances}) == 3
    assert len({item.name for item in answer.data.instances}) == 3


@pytest.mark.covers("POST /v1/instances", kind="change")
async def test_name_is_made_from_the_image(ukc):
    made = await create(ukc)
    base = IMAGE.rpartition("/")[2].partition(":")[0]

    assert made.name.startswith(f"{base}-")
    assert len(made.name) == len(base) + 6


@pytest.mark.covers("POST /v1/instances", kind="change")
async def test_service_of_a_create_is_an_ephemeral_group(ukc, fresh):
    name = fresh("svc")
    made = await create(ukc, service_group={**HTTPS, "domains": [{"name": name}]})
    group = await ukc.services.get(uuid=made.service_group.uuid)

    assert made.service_group.domains[0].fqdn.split(".")[0] == name
    assert group.persistent is False
    assert [member.uuid for member in group.instances] == [made.uuid]


@pytest.mark.covers("POST /v1/instances", kind="refusal")
async def test_taken_name_is_refused(ukc, fresh):
    name = fresh()
    await create(ukc, name=name)
    with pytest.raises(AlreadyExistsError, match=f"An instance with the name '{name}' already exists"):
        await create(ukc, name=name)


@pytest.mark.covers("POST /v1/instances", kind="refusal")
@pytest.mark.parametrize(
    "fields",
    [
        {"image": IMAGE, "colour": "red"},
        {"image": IMAGE, "memory_mb": "lots"},
        {"image": IMAGE, "restart_policy": "sometimes"},
        {"image": IMAGE, "metro": "fra"},
        {"image": IMAGE, "roms": [{"name": "a", "image": ROM_IMAGE, "mode": "rw"}]},
    ],
)
async def test_body_of_the_wrong_shape_is_refused_as_a_whole(platform, fields):
    with pytest.raises(UnikraftCloudError) as caught:
        await platform.instances.create_instance(body=fields)

    assert caught.value.status == 400


@pytest.mark.covers("POST /v1/instances", kind="refusal")
async def test_scale_to_zero_without_a_service_is_refused(platform):
    body = {"image": IMAGE, "scale_to_zero": {"policy": "on"}}

    assert await refused(platform.instances.create_instance(body=body))


@pytest.mark.covers("GET /v1/instances", kind="change")
async def test_listing_holds_references_unless_details_are_asked_for(platform, fresh):
    tag = fresh("t")
    await platform.instances.create_instance(body={"name": fresh(), "image": IMAGE, "tags": [tag]})
    brief = await platform.instances.get_instances(tags=[tag])
    full = await platform.instances.get_instances(tags=[tag], details=True)

    assert brief.data.instances[0].model_fields_set == {"status", "uuid", "name"}
    assert full.data.instances[0].state == "stopped"


@pytest.mark.covers("GET /v1/instances", kind="change")
async def test_named_ones_are_read_beside_those_that_are_missing(platform, fresh):
    name, ghost = fresh(), fresh("ghost")
    made = await platform.instances.create_instance(body={"name": name, "image": IMAGE})
    answer = await platform.instances.get_instances(uuid=[made.data.instances[0].uuid], name=[ghost])
    hit, miss = answer.data.instances

    assert answer.status == "partial_success"
    assert (hit.name, hit.memory_mb) == (name, 128)
    assert (miss.name, miss.error, miss.message) == (ghost, 8, f"No instance with name '{ghost}'")


@pytest.mark.covers("GET /v1/instances", kind="change")
async def test_references_in_the_body_of_a_read_are_understood(raw, fresh):
    name = fresh()
    await raw("POST", "/instances", {"name": name, "image": IMAGE})
    envelope = await raw("GET", "/instances", [{"name": name}])

    assert envelope["data"]["instances"][0]["name"] == name


@pytest.mark.covers("GET /v1/instances", kind="change")
async def test_uuids_joined_by_commas_are_understood(raw, fresh):
    made = await raw("POST", "/instances", [{"image": IMAGE}, {"image": IMAGE}])
    uuids = [item["uuid"] for item in made["data"]["instances"]]
    envelope = await raw("GET", f"/instances?uuid={','.join(uuids)}")

    assert [item["uuid"] for item in envelope["data"]["instances"]] == uuids


@pytest.mark.covers("GET /v1/instances", kind="change")
@pytest.mark.parametrize("order", ["asc", "desc"])
async def test_listing_is_in_the_order_asked_for(platform, fresh, order):
    tag = fresh("t")
    names = [fresh(str(number)) for number in range(3)]
    for name in names:
        await platform.instances.create_instance(body={"name": name, "image": IMAGE, "tags": [tag]})
    answer = await platform.instances.get_instances(tags=[tag], order=order, sortby="create_time")

    listed = [item.name for item in answer.data.instances]
    assert listed == (names if order == "asc" else names[::-1])


@pytest.mark.covers("GET /v1/instances/{uuid}", kind="change")
async def test_instance_is_read_by_the_uuid_in_the_path(platform, fresh):
    name = fresh()
    made = await platform.instances.create_instance(body={"name": name, "image": IMAGE})
    answer = await platform.instances.get_instance_by_uuid(made.data.instances[0].uuid, details=True)

    assert [item.name for item in answer.data.instances] == [name]


@pytest.mark.covers("GET /v1/instances", kind="change")
async def test_union_of_filters_holds_an_instance_once(platform, ukc, fresh):
    made = await create(ukc, name=fresh())
    answer = await platform.instances.get_instances(uuid=[made.uuid], name=[made.name], details=False)

    assert [item.uuid for item in answer.data.instances] == [made.uuid]


@pytest.mark.covers("GET /v1/instances", kind="refusal")
async def test_name_in_the_uuid_filter_is_refused(platform):
    with pytest.raises(UnikraftCloudError, match="Invalid uuid 'web'"):
        await platform.instances.get_instances(uuid=["web"])


@pytest.mark.covers("GET /v1/instances/{uuid}", kind="refusal")
async def test_missing_uuid_is_not_found(platform):
    answer = await platform.instances.get_instance_by_uuid(GHOST)
    (item,) = answer.data.instances

    assert (item.error, item.message) == (8, f"No instance with uuid '{GHOST}'")


@pytest.mark.covers("GET /v1/instances", kind="refusal")
async def test_reader_without_a_token_is_refused(platform):
    nobody = InstancesApi(replace(platform.config, token=None))
    with pytest.raises(AuthenticationError) as caught:
        await nobody.get_instances()

    assert caught.value.status == 401


@pytest.mark.covers("DELETE /v1/instances", kind="change")
async def test_deleted_instance_is_gone_with_its_group(ukc):
    made = await create(ukc, autostart=True, timeout_s=30, service_group=HTTPS)
    deleted = await ukc.instances.get(uuid=made.uuid).delete()

    assert deleted.previous_state == "running"
    with pytest.raises(NotFoundError):
        await ukc.instances.get(uuid=made.uuid)
    with pytest.raises(NotFoundError):
        await ukc.services.get(uuid=made.service_group.uuid)


@pytest.mark.covers("DELETE /v1/instances/{uuid}", kind="change")
async def test_instance_is_deleted_by_the_uuid_in_the_path(platform):
    made = await platform.instances.create_instance(body={"image": IMAGE})
    uuid = made.data.instances[0].uuid
    deleted = await platform.instances.delete_instance_by_uuid(uuid)
    read = await platform.instances.get_instance_by_uuid(uuid)

    assert deleted.data.instances[0].previous_state == "stopped"
    assert read.data.instances[0].error == 8


@pytest.mark.covers("DELETE /v1/instances", kind="refusal")
async def test_delete_of_a_missing_one_is_not_found(ukc, fresh):
    name = fresh("ghost")
    with pytest.raises(NotFoundError, match=f"No instance with name '{name}'"):
        await ukc.instances.delete([name])


@pytest.mark.covers("DELETE /v1/instances", kind="refusal")
async def test_references_must_be_one_of_name_and_uuid(platform):
    answer = await platform.instances.delete_instances(body=[{"name": "a", "uuid": GHOST}, {}])

    assert [item.error for item in answer.data.instances] == [17, 13]


async def test_bulk_calls_work_by_name_and_uuid(ukc, fresh):
    first, second = await create(ukc, name=fresh("a")), await create(ukc, name=fresh("b"))
    refs = [first.name, Ref(uuid=second.uuid)]
    started = await ukc.instances.start(refs)
    stopped = await ukc.instances.stop(refs)

    assert [one.previous_state for one in started] == ["stopped", "stopped"]
    assert [one.uuid for one in stopped] == [first.uuid, second.uuid]
