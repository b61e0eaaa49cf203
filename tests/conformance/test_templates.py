"""Templates: in place, on demand, cloned (specification, B.1, D.9, D.10, Part H 12 and 13)."""

from __future__ import annotations

import asyncio

import pytest
from unikraft_cloud import NotFoundError, UnikraftCloudError
from unikraft_cloud.core.errors import WaitTimeoutError

from .conftest import IMAGE, ROM_IMAGE
from .refusals import refused

pytestmark = pytest.mark.anyio

GHOST = "00000000-0000-4000-8000-00000000dead"
BASE_ROM = {"name": "base", "files": [{"path": "a.txt", "data": "A"}], "at": "/base"}


@pytest.fixture
async def source(ukc, fresh):
    """A running instance that can become a template."""
    return await ukc.instances.create(
        image=IMAGE,
        name=fresh("tpl"),
        memory_mb=256,
        env={"MODE": "worker"},
        tags=["a"],
        roms=[BASE_ROM],
        autostart=True,
        timeout_s=30,
    )


@pytest.fixture
async def template(platform, source, ukc):
    body = [{"uuid": source.uuid, "timeout_s": 30}]
    await platform.instances.create_template_instances(body=body)
    return await ukc.templates.get(uuid=source.uuid)


@pytest.mark.covers("POST /v1/instances/templates", kind="change")
async def test_instance_becomes_a_template_in_place(platform, ukc, source):
    body = [{"name": source.name, "timeout_s": 30, "autokill": {"time_ms": 60000}}]
    answer = await platform.instances.create_template_instances(body=body)
    (made,) = answer.data.instances
    read = await ukc.templates.get(name=source.name)

    assert (made.uuid, made.name, made.state) == (source.uuid, source.name, "template")
    assert (read.uuid, read.state, read.tags) == (source.uuid, "template", ["a"])
    with pytest.raises(NotFoundError):
        await ukc.instances.get(name=source.name)


@pytest.mark.covers("POST /v1/instances/templates", kind="change")
async def test_template_leaves_its_ephemeral_group_which_goes(platform, ukc, fresh):
    made = await ukc.instances.create(
        image=IMAGE,
        name=fresh("tpl"),
        service_group={"services": [{"port": 443, "handlers": ["tls", "http"]}]},
        autostart=True,
        timeout_s=30,
    )
    await platform.instances.create_template_instances(body=[{"uuid": made.uuid, "timeout_s": 30}])

    with pytest.raises(NotFoundError):
        await ukc.services.get(uuid=made.service_group.uuid)


@pytest.mark.covers("POST /v1/instances/templates", kind="refusal")
async def test_missing_instance_becomes_no_template(platform):
    answer = await platform.instances.create_template_instances(body=[{"uuid": GHOST}])

    assert (answer.status, answer.data.instances[0].error) == ("error", 8)


@pytest.mark.covers("POST /v1/instances/templates", kind="refusal")
async def test_template_does_not_become_one_again(platform, template):
    assert await refused(platform.instances.create_template_instances(body=[{"uuid": template.uuid}]))


@pytest.mark.covers("GET /v1/instances/templates", kind="change")
async def test_templates_are_listed_apart_from_instances(ukc, template):
    listed = await ukc.templates.list(details=True, tags=["a"])
    instances = await ukc.instances.list()

    assert template.uuid in {one.uuid for one in listed}
    assert {one.state for one in listed} == {"template"}
    assert template.uuid not in {one.uuid for one in instances}


@pytest.mark.covers("GET /v1/instances/templates/{uuid}", kind="change")
async def test_template_is_read_by_the_uuid_in_the_path(platform, template):
    answer = await platform.instances.get_template_instance_by_uuid(template.uuid, details=True)

    assert [(one.name, one.state) for one in answer.data.instances] == [(template.name, "template")]


@pytest.mark.covers("GET /v1/instances/templates", kind="refusal")
async def test_missing_template_is_absent(ukc, fresh):
    name = fresh("ghost")
    with pytest.raises(NotFoundError, match=f"No instance template with name '{name}'") as caught:
        await ukc.templates.get(name=name)

    assert caught.value.absent


@pytest.mark.covers("GET /v1/instances/templates/{uuid}", kind="refusal")
async def test_instance_is_no_template(platform, source):
    answer = await platform.instances.get_template_instance_by_uuid(source.uuid)

    assert answer.data.instances[0].error == 8


@pytest.mark.covers("PATCH /v1/instances/templates", kind="change")
async def test_tags_and_lock_of_a_template_change(platform, ukc, template):
    body = [
        {"uuid": template.uuid, "id": "t", "prop": "tags", "op": "add", "value": ["b"]},
        {"uuid": template.uuid, "prop": "delete_lock", "op": "set", "value": True},
    ]
    answer = await platform.instances.update_template_instances(body=body)
    read = await ukc.templates.get(uuid=template.uuid)
    with pytest.raises(UnikraftCloudError, match="Deletion protection enabled"):
        await ukc.templates.get(uuid=template.uuid).delete()
    body = [{"uuid": template.uuid, "prop": "delete_lock", "op": "set", "value": False}]
    await platform.instances.update_template_instances(body=body)

    assert [item.id for item in answer.data.instances] == ["t", None]
    assert (sorted(read.tags), read.delete_lock) == (["a", "b"], True)


@pytest.mark.covers("PATCH /v1/instances/templates/{uuid}", kind="change")
async def test_autokill_of_a_template_changes_by_path(platform, ukc, template):
    body = {"prop": "autokill", "op": "set", "value": {"time_ms": 60000}}
    await platform.instances.update_template_instance_by_uuid(template.uuid, body=body)

    assert (await ukc.templates.get(uuid=template.uuid)).template_autokill.time_ms == 60000


@pytest.mark.covers("PATCH /v1/instances/templates", kind="refusal")
async def test_template_is_otherwise_immutable(platform, template):
    body = [{"uuid": template.uuid, "prop": "memory_mb", "op": "set", "value": 512}]

    assert await refused(platform.instances.update_template_instances(body=body))


@pytest.mark.covers("PATCH /v1/instances/templates/{uuid}", kind="refusal")
async def test_change_of_a_missing_template_is_not_found(platform):
    body = {"prop": "tags", "op": "set", "value": ["a"]}
    answer = await platform.instances.update_template_instance_by_uuid(GHOST, body=body)

    assert answer.data.instances[0].error == 8


@pytest.mark.covers("DELETE /v1/instances/templates", kind="change")
async def test_deleted_template_leaves_its_clones_alone(ukc, template, fresh):
    clone = await ukc.templates.get(uuid=template.uuid).clone(name=fresh())
    deleted = await ukc.templates.get(uuid=template.uuid).delete()

    assert deleted.uuid == template.uuid
    with pytest.raises(NotFoundError):
        await ukc.templates.get(uuid=template.uuid)
    assert (await ukc.instances.get(uuid=clone.uuid)).state == "stopped"


@pytest.mark.covers("DELETE /v1/instances/templates/{uuid}", kind="change")
async def test_template_is_deleted_by_the_uuid_in_the_path(platform, template):
    deleted = await platform.instances.delete_template_instance_by_uuid(template.uuid)
    read = await platform.instances.get_template_instance_by_uuid(template.uuid)

    assert deleted.data.instances[0].uuid == template.uuid
    assert read.data.instances[0].error == 8


@pytest.mark.covers("DELETE /v1/instances/templates", kind="refusal")
async def test_delete_of_a_missing_template_is_not_found(ukc, fresh):
    with pytest.raises(NotFoundError):
        await ukc.templates.delete([fresh("ghost")])


@pytest.mark.covers("DELETE /v1/instances/templates/{uuid}", kind="refusal")
async def test_instance_is_not_deleted_as_a_template(platform, ukc, source):
    answer = await platform.instances.delete_template_instance_by_uuid(source.uuid)

    assert answer.data.instances[0].error == 8
    assert (await ukc.instances.get(uuid=source.uuid)).state == "running"


@pytest.mark.covers("POST /v1/instances", kind="change")
async def test_13_clone_has_the_roms_of_the_template_and_its_own(ukc, template, fresh):
    own = {"name": "job", "at": "/mnt/job", "files": [{"path": "id", "data": "1"}]}
    handle = ukc.templates.get(name=template.name)
    clone = await handle.clone(name=fresh("job"), roms=[own], autostart=True, timeout_s=30)
    roms = {rom.name: rom for rom in clone.roms}

    assert list(roms) == ["base", "job"]
    assert roms["base"].image == template.roms[0].image
    assert roms["job"].image != roms["base"].image
    assert (clone.state, clone.memory_mb, clone.env["MODE"]) == ("running", 256, "worker")


@pytest.mark.covers("POST /v1/instances", kind="change")
async def test_clone_takes_roms_of_images_too(ukc, template):
    clone = await ukc.templates.get(uuid=template.uuid).clone(roms=[{"name": "fn", "image": ROM_IMAGE}])

    assert [rom.name for rom in clone.roms] == ["base", "fn"]


@pytest.mark.covers("POST /v1/instances", kind="refusal")
@pytest.mark.parametrize("fields", [{"env": {"A": "1"}}, {"args": ["/other"]}])
async def test_what_the_snapshot_locks_is_refused_in_a_clone(platform, template, fields):
    body = {"template": {"uuid": template.uuid}, **fields}

    assert await refused(platform.instances.create_instance(body=body))


@pytest.mark.covers("POST /v1/instances", kind="refusal")
async def test_clone_of_a_missing_template_is_not_found(platform, fresh):
    name = fresh("ghost")
    answer = await platform.instances.create_instance(body={"template": {"name": name}})
    (item,) = answer.data.instances

    assert (item.error, item.message) == (8, f"No instance template with name '{name}'")


@pytest.mark.covers("POST /v1/instances", kind="refusal")
async def test_name_of_a_template_is_taken_for_instances(platform, template):
    answer = await platform.instances.create_instance(body={"name": template.name, "image": IMAGE})

    assert answer.data.instances[0].error == 23


@pytest.mark.covers("POST /v1/instances", kind="refusal")
async def test_instance_has_one_origin(platform, template):
    both = {"image": IMAGE, "template": {"uuid": template.uuid}}

    assert await refused(platform.instances.create_instance(body=both))
    assert await refused(platform.instances.create_instance(body={"name": "web"}))


async def test_12_prepare_takes_four_steps_and_one_when_it_is_there(ukc, recording, emulator, fresh):
    name = fresh("worker")
    args = {"image": IMAGE, "memory_mb": 256, "tags": ["app=worker"], "roms": [BASE_ROM]}
    made = await ukc.templates.prepare(name, create_args=args, autokill_ms=60000, prepare_timeout_seconds=60)
    steps = [
        (request.split("?")[0], body) for request, body in zip(recording.asked, recording.bodies, strict=True)
    ]
    recording.forget()
    again = await ukc.templates.prepare(name, create_args=args)

    assert (made.name, made.state, made.memory_mb, made.tags) == (name, "template", 256, ["app=worker"])
    assert [step for step, _ in steps] == [
        "GET /v1/instances/templates",
        "POST /v1/instances",
        "GET /v1/instances/templates",
        "DELETE /v1/instances",
    ]
    assert again.uuid == made.uuid
    assert recording.asked == [f"GET /v1/instances/templates?name={name}&details=true"]
    assert await ukc.instances.list(tags=["app=worker"]) == []


async def test_clone_prepares_its_template_on_demand(ukc, emulator, fresh):
    name, first, second = fresh("worker"), fresh("one"), fresh("two")
    template = {"name": name, "prepare": True, "create_args": {"image": IMAGE, "memory_mb": 256}}
    one = await ukc.instances.create(name=first, template=template, autostart=True, timeout_s=30)
    two = await ukc.instances.create(name=second, template=template, autostart=True, timeout_s=30)

    assert (one.state, two.state) == ("running", "running")
    assert [one.memory_mb, two.memory_mb] == [256, 256]
    assert [found.name for found in await ukc.templates.list()] == [name]


async def test_concurrent_prepares_converge_on_one_template(ukc, emulator, fresh):
    name = fresh("worker")
    template = {"name": name, "prepare": True, "create_args": {"image": IMAGE}}
    made = await asyncio.gather(*(ukc.instances.create(template=template) for _ in range(4)))

    assert len({one.uuid for one in made}) == 4
    assert [found.name for found in await ukc.templates.list()] == [name]


async def test_guest_that_never_writes_ends_in_a_timeout(ukc, slow, fresh):
    with pytest.raises(WaitTimeoutError):
        await ukc.templates.prepare(fresh("worker"), create_args={"image": IMAGE}, prepare_timeout_seconds=1)


async def test_nested_templates_are_prepared_from_the_innermost_outward(ukc, emulator, fresh):
    inner, outer = fresh("inner"), fresh("outer")
    nested = {"name": inner, "prepare": True, "create_args": {"image": IMAGE, "memory_mb": 256}}
    template = {"name": outer, "prepare": True, "create_args": {"template": nested}}
    made = await ukc.instances.create(template=template)

    assert {found.name for found in await ukc.templates.list()} == {inner, outer}
    assert made.memory_mb == 256
