"""PATCH of instances: triples, and the queue of a running one (specification, A.13, C.13, E.9)."""

from __future__ import annotations

import pytest
from unikraft_cloud import REMOVE, NotFoundError, UnikraftCloudError

from .conftest import IMAGE, ROM_IMAGE
from .refusals import refused

pytestmark = pytest.mark.anyio

GHOST = "00000000-0000-4000-8000-00000000dead"


def of_its_own(env):
    """What stands in an environment beside the image's own variables, which have long names."""
    return {name: value for name, value in env.items() if len(name) == 1}


@pytest.fixture
async def web(ukc, fresh):
    return await ukc.instances.create(image=IMAGE, name=fresh(), env={"A": "1", "B": "2"}, tags=["a", "b"])


@pytest.fixture
async def running(ukc, fresh):
    return await ukc.instances.create(
        image=IMAGE, name=fresh(), env={"A": "1"}, memory_mb=128, autostart=True, timeout_s=30
    )


@pytest.mark.covers("PATCH /v1/instances", kind="change")
async def test_set_replaces_a_property(ukc, web):
    updated = await ukc.instances.get(uuid=web.uuid).update(memory_mb=512, env={"C": "3"}, tags=["c"])
    read = await ukc.instances.get(uuid=web.uuid)

    assert updated.uuid == web.uuid
    assert (read.memory_mb, read.tags) == (512, ["c"])
    assert of_its_own(read.env) == {"C": "3"}


@pytest.mark.covers("PATCH /v1/instances", kind="change")
async def test_add_merges_and_del_takes_away(ukc, web):
    edit = ukc.instances.get(uuid=web.uuid).edit()
    await edit.add(env={"B": "two", "C": "3"}, tags=["c"]).delete(env=["A"], tags=["a"]).apply()
    read = await ukc.instances.get(uuid=web.uuid)

    assert of_its_own(read.env) == {"B": "two", "C": "3"}
    assert sorted(read.tags) == ["b", "c"]


@pytest.mark.covers("PATCH /v1/instances", kind="change")
async def test_set_without_a_value_clears(ukc, web):
    await ukc.instances.get(uuid=web.uuid).update(autokill={"time_ms": 60000})
    before = await ukc.instances.get(uuid=web.uuid)
    await ukc.instances.get(uuid=web.uuid).update(autokill=REMOVE, tags=REMOVE)
    after = await ukc.instances.get(uuid=web.uuid)

    assert before.autokill.time_ms == 60000
    assert after.autokill is None or not after.autokill.time_ms
    assert not after.tags


@pytest.mark.covers("PATCH /v1/instances", kind="change")
async def test_del_without_a_value_removes_nothing_from_a_list(platform, ukc, web):
    answer = await platform.instances.update_instances(body=[{"uuid": web.uuid, "prop": "tags", "op": "del"}])

    assert answer.status == "success"
    assert sorted((await ukc.instances.get(uuid=web.uuid)).tags) == ["a", "b"]


@pytest.mark.covers("PATCH /v1/instances", kind="change")
async def test_triples_are_applied_in_order_and_answered_one_by_one(platform, ukc, web):
    body = [
        {"uuid": web.uuid, "id": "first", "prop": "tags", "op": "set", "value": ["x"]},
        {"uuid": web.uuid, "prop": "tags", "op": "add", "value": ["y"]},
        {"name": web.name, "id": "third", "prop": "tags", "op": "del", "value": ["x"]},
    ]
    answer = await platform.instances.update_instances(body=body)

    assert [item.id for item in answer.data.instances] == ["first", None, "third"]
    assert {item.uuid for item in answer.data.instances} == {web.uuid}
    assert (await ukc.instances.get(uuid=web.uuid)).tags == ["y"]


@pytest.mark.covers("PATCH /v1/instances/{uuid}", kind="change")
async def test_one_triple_by_the_uuid_in_the_path(platform, ukc, web):
    body = {"id": "t", "prop": "hostname", "op": "set", "value": "box"}
    answer = await platform.instances.update_instance_by_uuid(web.uuid, body=body)

    assert [(item.uuid, item.id) for item in answer.data.instances] == [(web.uuid, "t")]


@pytest.mark.covers("PATCH /v1/instances", kind="change")
@pytest.mark.parametrize(
    ("prop", "value", "read"),
    [
        ("vcpus", 1, lambda instance: instance.vcpus == 1),
        ("args", ["/other", "-v"], lambda instance: instance.args == ["/other", "-v"]),
        ("args", "/other", lambda instance: instance.args == ["/other"]),
        ("delete_lock", True, lambda instance: instance.delete_lock is True),
        (
            "annotations",
            {"example.com/a": "1"},
            lambda instance: instance.annotations == {"example.com/a": "1"},
        ),
        ("image", IMAGE, lambda instance: "@sha256:" in instance.image),
        ("image", {"url": IMAGE, "pull_policy": "always"}, lambda instance: "@sha256:" in instance.image),
    ],
)
async def test_property_is_read_back(platform, ukc, web, prop, value, read):
    body = {"prop": prop, "op": "set", "value": value}
    await platform.instances.update_instance_by_uuid(web.uuid, body=body)

    assert read(await ukc.instances.get(uuid=web.uuid))
    # A lock would keep the instance beyond its test.
    await ukc.instances.get(uuid=web.uuid).update(delete_lock=False)


@pytest.mark.covers("PATCH /v1/instances", kind="change")
async def test_roms_are_replaced_added_and_dropped(ukc, web):
    handle = ukc.instances.get(uuid=web.uuid)
    await handle.update(roms=[{"name": "one", "image": ROM_IMAGE, "at": "/one"}])
    await handle.edit().add(roms=[{"name": "two", "files": [{"path": "a", "data": "A"}]}]).apply()
    both = await ukc.instances.get(uuid=web.uuid)
    await handle.edit().delete(roms=["one"]).apply()
    left = await ukc.instances.get(uuid=web.uuid)

    assert [(rom.name, rom.at) for rom in both.roms] == [("one", "/one"), ("two", None)]
    assert [rom.name for rom in left.roms] == ["two"]
    assert len(left.roms[0].image) == 36


@pytest.mark.covers("PATCH /v1/instances", kind="change")
async def test_running_one_takes_labels_at_once_and_keeps_the_rest_for_its_stop(ukc, running):
    await ukc.instances.get(uuid=running.uuid).update(memory_mb=256, tags=["now"])
    queued = await ukc.instances.get(uuid=running.uuid)
    await ukc.instances.get(uuid=running.uuid).stop()
    await ukc.instances.get(uuid=running.uuid).wait(state="stopped", timeout_seconds=30)
    applied = await ukc.instances.get(uuid=running.uuid)

    assert queued.tags == ["now"]
    assert queued.memory_mb == 128
    assert [(update.prop, update.op, update.status) for update in queued.updates] == [
        ("memory_mb", "set", "pending")
    ]
    assert applied.memory_mb == 256
    assert not applied.updates


@pytest.mark.covers("PATCH /v1/instances", kind="refusal")
@pytest.mark.parametrize(
    ("prop", "op", "value"),
    [
        ("name", "set", "other"),
        ("restart_policy", "set", "always"),
        ("memory_mb", "move", 256),
        ("memory_mb", "set", "lots"),
        ("memory_mb", "set", 1),
        ("memory_mb", "add", 1),
        ("memory_mb", "del", None),
        ("tags", "set", ["no spaces"]),
        ("roms", "del", ["ghost"]),
        ("roms", "set", [{"name": "r"}]),
        ("roms", "set", [{"name": f"r{number}", "image": ROM_IMAGE} for number in range(9)]),
        ("env", "set", ["A"]),
    ],
)
async def test_change_that_makes_no_sense_is_refused_and_changes_nothing(platform, ukc, web, prop, op, value):
    before = await ukc.instances.get(uuid=web.uuid)
    body = {"prop": prop, "op": op} | ({} if value is None else {"value": value})
    said = await refused(platform.instances.update_instance_by_uuid(web.uuid, body=body))

    assert said
    assert await ukc.instances.get(uuid=web.uuid) == before


@pytest.mark.covers("PATCH /v1/instances", kind="refusal")
async def test_change_of_a_missing_one_is_not_found(ukc, fresh):
    with pytest.raises(NotFoundError) as caught:
        await ukc.instances.get(name=fresh("ghost")).update(memory_mb=256)

    assert caught.value.absent


@pytest.mark.covers("PATCH /v1/instances/{uuid}", kind="refusal")
async def test_change_of_a_missing_uuid_is_not_found(platform):
    body = {"prop": "memory_mb", "op": "set", "value": 256}
    answer = await platform.instances.update_instance_by_uuid(GHOST, body=body)

    assert answer.data.instances[0].error == 8


@pytest.mark.covers("PATCH /v1/instances/{uuid}", kind="refusal")
async def test_several_triples_do_not_fit_in_the_path_form(raw, web):
    triples = [{"prop": "memory_mb", "op": "set", "value": 256}] * 2
    envelope = await raw("PATCH", f"/instances/{web.uuid}", triples, status=400)

    assert envelope["status"] == "error"


@pytest.mark.covers("DELETE /v1/instances", kind="refusal")
async def test_locked_instance_is_not_deleted(ukc, web):
    await ukc.instances.get(uuid=web.uuid).update(delete_lock=True)
    with pytest.raises(UnikraftCloudError, match="Deletion protection enabled") as caught:
        await ukc.instances.get(uuid=web.uuid).delete()

    assert caught.value.errors[0].code == 14
    await ukc.instances.get(uuid=web.uuid).update(delete_lock=False)
    assert (await ukc.instances.get(uuid=web.uuid).delete()).uuid == web.uuid


async def test_10_update_and_edit_are_one_request_of_triples(ukc, recording, web):
    recording.forget()
    await ukc.instances.get(name=web.name).update(memory_mb=512)
    await ukc.instances.get(name=web.name).edit().add(env={"X": "1"}).delete(tags=["a"]).apply()
    await ukc.instances.get(name=web.name).update(autokill=REMOVE)

    assert recording.asked == ["PATCH /v1/instances"] * 3
    assert recording.bodies == [
        [{"name": web.name, "prop": "memory_mb", "op": "set", "value": 512}],
        [
            {"name": web.name, "prop": "env", "op": "add", "value": {"X": "1"}},
            {"name": web.name, "prop": "tags", "op": "del", "value": ["a"]},
        ],
        [{"name": web.name, "prop": "autokill", "op": "set"}],
    ]
