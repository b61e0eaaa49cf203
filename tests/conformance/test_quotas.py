"""What an account may have at most (specification, A.2, C.15, F.8)."""

from __future__ import annotations

import pytest
from unikraft_cloud import UnikraftCloud, UnikraftCloudError

from ukrom.api import Api, AsyncInProcessTransport
from ukrom.cloud import Cloud, Limits, Settings, StubRunner

from .conftest import IMAGE
from .recording import Recording

pytestmark = pytest.mark.anyio


@pytest.fixture
def cloud(emulator):
    """A cloud that grants three instances, with the emulator's images."""
    cloud = Cloud(Settings(limits=Limits(instances=3)), runner=StubRunner(), images=emulator.images)
    yield cloud
    cloud.close()


@pytest.fixture
async def poor(cloud):
    recording = Recording(AsyncInProcessTransport(Api(cloud)))
    async with UnikraftCloud(token="token", metro="fra", transport=recording) as client:
        yield client

    assert recording.faults == []


@pytest.mark.covers("POST /v1/instances", kind="refusal")
@pytest.mark.through("transport")
async def test_instances_beyond_the_quota_are_refused(poor):
    for _ in range(3):
        await poor.instances.create(image=IMAGE)
    with pytest.raises(UnikraftCloudError, match="Quota exceeded") as caught:
        await poor.instances.create(image=IMAGE)
    (quota,) = await poor.users.quotas()

    assert (caught.value.errors[0].code, caught.value.errors[0].uuid) == (19, None)
    assert (quota.used.instances, quota.hard.instances) == (3, 3)


@pytest.mark.covers("POST /v1/instances", kind="refusal")
@pytest.mark.through("transport")
async def test_replicas_beyond_the_quota_are_refused_together(poor):
    answer = await poor.api.platform.instances.create_instance(body={"image": IMAGE, "replicas": 3})

    assert [item.error for item in answer.data.instances] == [19]
    assert await poor.instances.list() == []
