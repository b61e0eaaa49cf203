"""Instances run: start, stop, wait, logs (specification, B.1, D.2 to D.8)."""

from __future__ import annotations

import base64

import pytest
from unikraft_cloud import NotFoundError, UnikraftCloudError

from .conftest import IMAGE
from .refusals import refused

pytestmark = pytest.mark.anyio

GHOST = "00000000-0000-4000-8000-00000000dead"


@pytest.fixture
async def stopped(ukc, fresh):
    return await ukc.instances.create(image=IMAGE, name=fresh())


@pytest.fixture
async def running(ukc, fresh):
    return await ukc.instances.create(image=IMAGE, name=fresh(), autostart=True, timeout_s=30)


@pytest.mark.covers("PUT /v1/instances/start", kind="change")
async def test_started_instance_runs(ukc, platform, stopped):
    answer = await platform.instances.start_instances(body=[{"uuid": stopped.uuid, "timeout_s": 30}])
    read = await ukc.instances.get(uuid=stopped.uuid)
    (started,) = answer.data.instances

    assert (started.previous_state, started.state) == ("stopped", "running")
    assert (read.state, read.start_count) == ("running", 1)


@pytest.mark.covers("PUT /v1/instances/{uuid}/start", kind="change")
async def test_start_by_path_without_a_wait_answers_at_once(platform, slow, stopped):
    answer = await platform.instances.start_instance_by_uuid(stopped.uuid, body={})

    assert answer.data.instances[0].state == "starting"


@pytest.mark.covers("PUT /v1/instances/start", kind="change")
async def test_start_of_a_running_one_changes_nothing(ukc, running):
    started = await ukc.instances.get(uuid=running.uuid).start()

    assert (started.previous_state, started.state) == ("running", "running")
    assert (await ukc.instances.get(uuid=running.uuid)).start_count == 1


@pytest.mark.covers("PUT /v1/instances/start", kind="refusal")
async def test_start_of_a_missing_one_is_not_found(ukc, fresh):
    with pytest.raises(NotFoundError):
        await ukc.instances.start([fresh("ghost")])


@pytest.mark.covers("PUT /v1/instances/{uuid}/start", kind="refusal")
@pytest.mark.through("transport")
async def test_start_that_lapses_says_where_the_instance_is(platform, slow, stopped):
    answer = await platform.instances.start_instance_by_uuid(stopped.uuid, body={"timeout_s": 1})

    assert "timed out" in answer.message
    assert answer.data.instances[0].state == "starting"


@pytest.mark.covers("PUT /v1/instances/{uuid}/start", kind="refusal")
async def test_missing_uuid_is_not_started(platform):
    answer = await platform.instances.start_instance_by_uuid(GHOST, body={})

    assert answer.data.instances[0].error == 8


@pytest.mark.covers("PUT /v1/instances/stop", kind="change")
@pytest.mark.parametrize(
    ("said", "reasons"), [({}, {15}), ({"force": True}, {28, 31}), ({"quick": True}, {15})]
)
async def test_stopped_instance_says_who_stopped_it(ukc, platform, running, said, reasons):
    answer = await platform.instances.stop_instances(body=[{"uuid": running.uuid, **said}])
    await ukc.instances.get(uuid=running.uuid).wait(state="stopped", timeout_seconds=30)
    read = await ukc.instances.get(uuid=running.uuid)

    assert answer.data.instances[0].previous_state == "running"
    assert read.state == "stopped"
    assert read.stop_reason in reasons
    assert read.stopped_at is not None


@pytest.mark.covers("PUT /v1/instances/{uuid}/stop", kind="change")
async def test_stop_by_path_of_a_stopped_one_changes_nothing(platform, stopped):
    answer = await platform.instances.stop_instance_by_uuid(stopped.uuid, body={})

    assert answer.status == "success"
    assert answer.data.instances[0].state == "stopped"


@pytest.mark.covers("PUT /v1/instances/stop", kind="refusal")
async def test_force_and_a_drain_timeout_exclude_each_other(platform, running):
    body = [{"uuid": running.uuid, "force": True, "drain_timeout_ms": 1000}]
    with pytest.raises(UnikraftCloudError) as caught:
        await platform.instances.stop_instances(body=body)

    assert caught.value.status == 400


@pytest.mark.covers("PUT /v1/instances/{uuid}/stop", kind="refusal")
async def test_stop_of_a_missing_uuid_is_not_found(platform):
    answer = await platform.instances.stop_instance_by_uuid(GHOST, body={})

    assert answer.data.instances[0].error == 8


@pytest.mark.covers("GET /v1/instances/wait", kind="change")
async def test_wait_for_a_state_that_is_reached_answers_at_once(ukc, running):
    waited = await ukc.instances.get(uuid=running.uuid).wait(state="running")

    assert (waited.uuid, waited.state) == (running.uuid, "running")


@pytest.mark.covers("GET /v1/instances/{uuid}/wait", kind="change")
async def test_wait_by_path(platform, running):
    answer = await platform.instances.wait_instance_by_uuid(running.uuid, body={"state": "running"})

    assert answer.data.instances[0].state == "running"


@pytest.mark.covers("GET /v1/instances/wait", kind="refusal")
async def test_wait_that_lapses_says_where_the_instance_is(platform, stopped):
    body = [{"uuid": stopped.uuid, "state": "running", "timeout_s": 0}]
    answer = await platform.instances.wait_instances(body=body)
    (item,) = answer.data.instances

    assert (answer.status, answer.message) == ("error", "Operation timed out")
    assert (item.status, item.name, item.state) == ("error", stopped.name, "stopped")
    assert "error" not in item.model_fields_set


@pytest.mark.covers("GET /v1/instances/{uuid}/wait", kind="refusal")
async def test_wait_for_an_unknown_state_is_refused(platform, stopped):
    with pytest.raises(UnikraftCloudError) as caught:
        await platform.instances.wait_instance_by_uuid(stopped.uuid, body={"state": "asleep"})

    assert caught.value.status == 400


@pytest.mark.covers("GET /v1/instances/log", kind="change")
async def test_log_gives_the_window_that_was_asked_for(ukc, running, machine):
    machine(running).print(b"0123456789")
    logs = await ukc.instances.get(uuid=running.uuid).logs(offset=2, limit=3)

    assert base64.b64decode(logs.output) == b"234"
    assert (logs.range.start, logs.range.end) == (2, 5)
    assert (logs.available.start, logs.available.end) == (0, 10)


@pytest.mark.covers("GET /v1/instances/log", kind="change")
async def test_window_of_a_log_may_stand_in_the_query(raw, running, machine):
    machine(running).print(b"0123456789")
    answer = await raw("GET", f"/instances/log?uuid={running.uuid}&offset=2&limit=3")
    (item,) = answer["data"]["instances"]

    assert base64.b64decode(item["output"]) == b"234"


@pytest.mark.covers("GET /v1/instances/{uuid}/log", kind="refusal")
async def test_page_beyond_the_limit_is_refused_in_the_query_too(raw, running):
    answer = await raw("GET", f"/instances/{running.uuid}/log?limit=16384")

    assert [item["error"] for item in answer["data"]["instances"]] == [7]


@pytest.mark.covers("GET /v1/instances/{uuid}/log", kind="change")
async def test_log_by_path_outlives_a_stop(platform, ukc, running, machine):
    machine(running).print(b"hello\n")
    await ukc.instances.get(uuid=running.uuid).stop()
    await ukc.instances.get(uuid=running.uuid).wait(state="stopped")
    answer = await platform.instances.get_instance_logs_by_uuid(running.uuid, body={})

    assert b"hello\n" in base64.b64decode(answer.data.instances[0].output)


@pytest.mark.covers("GET /v1/instances/log", kind="change")
async def test_log_outside_of_what_there_is_is_empty(ukc, running, machine):
    machine(running).print(b"0123456789")
    logs = await ukc.instances.get(uuid=running.uuid).logs(offset=100)

    assert logs.output == ""
    assert (logs.available.start, logs.available.end) == (0, 0)


@pytest.mark.covers("GET /v1/instances/log", kind="refusal")
async def test_log_of_a_missing_one_is_not_found(ukc, fresh):
    with pytest.raises(NotFoundError):
        await ukc.instances.get(name=fresh("ghost")).logs()


@pytest.mark.covers("GET /v1/instances/{uuid}/log", kind="refusal")
async def test_log_of_a_missing_uuid_is_not_found(platform):
    assert "No instance with uuid" in await refused(
        platform.instances.get_instance_logs_by_uuid(GHOST, body={})
    )


@pytest.mark.covers("GET /v1/instances/log", kind="refusal")
async def test_log_page_beyond_the_limit_is_refused(platform, running):
    body = [{"uuid": running.uuid, "limit": 16384}]

    assert "limit" in await refused(platform.instances.get_instance_logs(body=body))


async def test_application_that_exits_is_told_from_one_that_crashes(ukc, fresh, machine):
    exited = await ukc.instances.create(image=IMAGE, name=fresh("a"), autostart=True, timeout_s=5)
    crashed = await ukc.instances.create(image=IMAGE, name=fresh("b"), autostart=True, timeout_s=5)
    machine(exited).exit(3)
    machine(crashed).crash(0x0C7F04)
    first = await ukc.instances.get(uuid=exited.uuid)
    second = await ukc.instances.get(uuid=crashed.uuid)

    assert (first.state, first.stop_reason, first.exit_code) == ("stopped", 3, 3)
    assert (second.state, second.stop_reason, second.stop_code) == ("stopped", 1, 0x0C7F04)
