"""Suspend, metrics, history (specification, B.1, C.12, C.17, D.2, D.4)."""

from __future__ import annotations

import httpx
import pytest
from unikraft_cloud import NotFoundError

from .conftest import IMAGE
from .refusals import refused

pytestmark = pytest.mark.anyio

GHOST = "00000000-0000-4000-8000-00000000dead"


@pytest.fixture
async def running(ukc, fresh):
    return await ukc.instances.create(image=IMAGE, name=fresh(), autostart=True, timeout_s=30)


@pytest.fixture
async def stopped(ukc, fresh):
    return await ukc.instances.create(image=IMAGE, name=fresh())


@pytest.mark.covers("PUT /v1/instances/suspend", kind="change")
async def test_suspended_instance_keeps_its_memory_and_resumes(ukc, running):
    suspended = await ukc.instances.get(uuid=running.uuid).suspend()
    await ukc.instances.get(uuid=running.uuid).wait(state="stopped", timeout_seconds=30)
    read = await ukc.instances.get(uuid=running.uuid)
    await ukc.instances.get(uuid=running.uuid).start()
    await ukc.instances.get(uuid=running.uuid).wait(state="running", timeout_seconds=30)
    resumed = await ukc.instances.get(uuid=running.uuid)

    assert suspended.previous_state == "running"
    # Bits Z and U: suspended, by the user.
    assert read.stop_reason & 40 == 40
    assert resumed.start_count == 2
    assert resumed.boot_time_us < running.boot_time_us


@pytest.mark.covers("PUT /v1/instances/{uuid}/suspend", kind="change")
async def test_instance_is_suspended_by_the_uuid_in_the_path(platform, ukc, running):
    answer = await platform.instances.suspend_instance_by_uuid(running.uuid, body={"drain_timeout_ms": 0})
    waited = await ukc.instances.get(uuid=running.uuid).wait(state="stopped", timeout_seconds=30)

    assert answer.data.instances[0].previous_state == "running"
    assert waited.state == "stopped"


@pytest.mark.covers("PUT /v1/instances/suspend", kind="change")
async def test_suspended_instance_that_scales_to_zero_is_in_standby(ukc, fresh):
    made = await ukc.instances.create(
        image=IMAGE,
        name=fresh(),
        service_group={"services": [{"port": 443, "handlers": ["tls", "http"]}]},
        scale_to_zero={"policy": "on", "stateful": True, "cooldown_time_ms": 60000},
        autostart=True,
        timeout_s=30,
    )
    await ukc.instances.get(uuid=made.uuid).suspend()
    waited = await ukc.instances.get(uuid=made.uuid).wait(state="standby", timeout_seconds=30)

    assert waited.state == "standby"


@pytest.mark.covers("PUT /v1/instances/suspend", kind="refusal")
async def test_suspend_of_a_missing_one_is_not_found(ukc, fresh):
    with pytest.raises(NotFoundError):
        await ukc.instances.suspend([fresh("ghost")])


@pytest.mark.covers("PUT /v1/instances/{uuid}/suspend", kind="refusal")
async def test_suspend_with_an_unknown_field_is_refused(raw, running):
    envelope = await raw("PUT", f"/instances/{running.uuid}/suspend", {"force": True}, status=400)

    assert "force" in envelope["message"]


@pytest.mark.covers("GET /v1/instances/metrics", kind="change")
async def test_metrics_are_those_of_the_named_instance(ukc, running, stopped):
    metrics = await ukc.instances.get(name=running.name).metrics()
    idle = await ukc.instances.get(name=stopped.name).metrics()

    assert (metrics.uuid, metrics.name) == (running.uuid, running.name)
    assert metrics.boot_time_us == running.boot_time_us
    assert (metrics.nconns, metrics.nreqs, metrics.nqueued, metrics.ntotal) == (0, 0, 0, 0)
    assert idle.rss_bytes == 0


@pytest.mark.covers("GET /v1/instances/metrics", kind="change")
async def test_metrics_without_a_name_are_those_of_all(platform, running, stopped):
    answer = await platform.instances.get_instance_metrics()

    assert {running.uuid, stopped.uuid} <= {item.uuid for item in answer.data.instances}


@pytest.mark.covers("GET /v1/instances/{uuid}/metrics", kind="change")
async def test_metrics_by_the_uuid_in_the_path(platform, running):
    answer = await platform.instances.get_instance_metrics_by_uuid(running.uuid)

    assert [item.name for item in answer.data.instances] == [running.name]


async def test_metrics_for_anything_but_json_are_those_of_prometheus(door, recording, token, running):
    headers = {"authorization": f"Bearer {token}", "accept": "text/plain"}
    async with httpx.AsyncClient(transport=recording.inner, headers=headers) as http:
        answer = await http.get(f"{door.url}/v1/instances/metrics?uuid={running.uuid}")

    assert answer.headers["content-type"].startswith("text/plain")
    assert f'instance_state{{instance_uuid="{running.uuid}"}} 2' in answer.text


@pytest.fixture
async def post(door, recording, token):
    """POST without a body, which documents name beside GET; the SDK has no such call."""
    headers = {"authorization": f"Bearer {token}", "accept": "application/json"}
    async with httpx.AsyncClient(transport=recording.inner, headers=headers) as http:

        async def do(path):
            return (await http.post(f"{door.url}/v1/instances{path}")).json()["data"]["instances"]

        yield do


@pytest.mark.covers("POST /v1/instances/metrics", kind="change")
async def test_metrics_by_post_are_the_same(post, running):
    (item,) = await post(f"/metrics?uuid={running.uuid}")

    assert (item["name"], item["start_count"]) == (running.name, 1)


@pytest.mark.covers("POST /v1/instances/{uuid}/metrics", kind="change")
async def test_metrics_by_post_and_the_uuid_in_the_path_are_the_same(post, running):
    (item,) = await post(f"/{running.uuid}/metrics")

    assert item["name"] == running.name


@pytest.mark.covers("POST /v1/instances/metrics", kind="refusal")
async def test_metrics_by_post_of_a_missing_one_are_not_found(post, fresh):
    (item,) = await post(f"/metrics?name={fresh('ghost')}")

    assert item["error"] == 8


@pytest.mark.covers("POST /v1/instances/{uuid}/metrics", kind="refusal")
async def test_metrics_by_post_of_a_missing_uuid_are_not_found(post):
    (item,) = await post(f"/{GHOST}/metrics")

    assert item["error"] == 8


@pytest.mark.covers("GET /v1/instances/metrics", kind="refusal")
async def test_metrics_of_a_missing_one_are_not_found(ukc, fresh):
    with pytest.raises(NotFoundError):
        await ukc.instances.get(name=fresh("ghost")).metrics()


@pytest.mark.covers("GET /v1/instances/{uuid}/metrics", kind="refusal")
async def test_metrics_of_a_missing_uuid_are_not_found(platform):
    assert await refused(platform.instances.get_instance_metrics_by_uuid(GHOST))


@pytest.mark.covers("GET /v1/instances/history", kind="change")
async def test_instance_that_never_met_a_checkpoint_has_no_history(ukc, stopped):
    (lineage,) = await ukc.instances.get(name=stopped.name).history()

    assert (lineage.uuid, lineage.history) == (stopped.uuid, [])


@pytest.mark.covers("GET /v1/instances/{uuid}/history", kind="change")
async def test_history_by_the_uuid_in_the_path(platform, stopped):
    answer = await platform.instances.get_instance_history_by_uuid(stopped.uuid)
    (item,) = answer.data.instances

    assert (item.uuid, item.name, item.history) == (stopped.uuid, stopped.name, [])


@pytest.mark.covers("GET /v1/instances/history", kind="refusal")
async def test_history_of_a_missing_one_is_not_found(ukc, fresh):
    with pytest.raises(NotFoundError):
        await ukc.instances.get(name=fresh("ghost")).history()


@pytest.mark.covers("GET /v1/instances/{uuid}/history", kind="refusal")
async def test_history_of_a_missing_uuid_is_not_found(platform):
    assert await refused(platform.instances.get_instance_history_by_uuid(GHOST))
