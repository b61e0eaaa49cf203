"""The SDK's generated layer and its transports are at home under trio too; so are all doors."""

from __future__ import annotations

import pytest

from .conftest import IMAGE

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend():
    return "trio"


async def test_instance_is_made_started_and_deleted_under_trio(platform, fresh):
    made = await platform.instances.create_instance(body={"name": fresh(), "image": IMAGE})
    uuid = made.data.instances[0].uuid
    started = await platform.instances.start_instance_by_uuid(uuid, body={"timeout_s": 30})
    waited = await platform.instances.wait_instance_by_uuid(uuid, body={"state": "running"})
    deleted = await platform.instances.delete_instance_by_uuid(uuid)

    assert started.data.instances[0].state == "running"
    assert waited.data.instances[0].state == "running"
    assert deleted.data.instances[0].previous_state == "running"


async def test_wait_lapses_under_trio(platform, fresh):
    made = await platform.instances.create_instance(body={"name": fresh(), "image": IMAGE})
    body = {"state": "running", "timeout_s": 1}
    answer = await platform.instances.wait_instance_by_uuid(made.data.instances[0].uuid, body=body)

    assert "timed out" in answer.message
