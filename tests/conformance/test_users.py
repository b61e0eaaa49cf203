"""Quotas and health (specification, B.7, C.15, C.16)."""

from __future__ import annotations

import pytest
from unikraft_cloud import UnikraftCloudError

from .conftest import IMAGE
from .refusals import refused

pytestmark = pytest.mark.anyio

GHOST = "00000000-0000-4000-8000-00000000dead"


@pytest.mark.covers("GET /v1/users/quotas", kind="change")
async def test_stopped_instances_count_and_only_running_ones_are_live(ukc):
    (before,) = await ukc.users.quotas()
    await ukc.instances.create(image=IMAGE, memory_mb=256)
    await ukc.instances.create(image=IMAGE, memory_mb=256, autostart=True, timeout_s=30)
    (after,) = await ukc.users.quotas()

    assert after.used.instances - before.used.instances == 2
    assert after.used.live_vcpus - before.used.live_vcpus == 1
    assert after.used.live_memory_mb - before.used.live_memory_mb == 256
    assert after.hard.instances >= after.used.instances
    assert after.limits.min_memory_mb < after.limits.max_memory_mb


@pytest.mark.covers("GET /v1/users/{uuid}/quotas", kind="change")
async def test_quotas_of_the_account_by_its_uuid(platform):
    mine = await platform.users.get_user()
    uuid = mine.data.quotas[0].uuid
    same = await platform.users.get_user_by_uuid(uuid)

    assert same.data.quotas[0].uuid == uuid
    assert same.data.quotas[0].hard == mine.data.quotas[0].hard


@pytest.mark.covers("GET /v1/users/{uuid}/quotas", kind="refusal")
async def test_quotas_of_nobody_are_refused(platform):
    assert await refused(platform.users.get_user_by_uuid(GHOST))


@pytest.mark.covers("GET /v1/users/quotas", kind="refusal")
async def test_quotas_by_something_else_than_a_uuid_are_refused(platform):
    with pytest.raises(UnikraftCloudError, match="Invalid uuid 'me'"):
        await platform.users.get_user_by_uuid("me")


@pytest.mark.covers("GET /v1/healthz", kind="change")
async def test_node_is_healthy(platform):
    answer = await platform.node.healthz()

    assert set(answer.data.checks.values()) <= {"unknown", "healthy", "degraded"}
    assert answer.data.versions


@pytest.mark.covers("GET /v1/healthz", kind="refusal")
async def test_health_takes_no_other_method(raw):
    envelope = await raw("DELETE", "/healthz", status=405)

    assert envelope["status"] == "error"
