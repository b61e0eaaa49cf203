"""The official SDK prepares, clones and branches in process (specification, Part H 7, 12 and 13)."""

from __future__ import annotations

import asyncio

import pytest
from unikraft_cloud import NotFoundError, UnikraftCloud
from unikraft_cloud.core.errors import AlreadyExistsError, WaitTimeoutError
from unikraft_cloud.resources.instances import InstanceStoppedError

from ukrom.api import AsyncInProcessTransport

pytestmark = pytest.mark.anyio
APP = {"image": "org/app:1"}
BASE = {"name": "base", "image": "org/cfg:1", "at": "/base"}
JOB = {"name": "job", "at": "/mnt/job", "files": [{"path": "id", "data": "1"}]}


@pytest.fixture
def anyio_backend():
    return "asyncio"


class Recording(AsyncInProcessTransport):
    """The way in, which keeps what is asked."""

    def __init__(self, api):
        super().__init__(api)
        self.asked = []

    async def handle_async_request(self, request):
        self.asked.append(f"{request.method} {request.url.raw_path.decode()}")
        return await super().handle_async_request(request)


@pytest.fixture
def transport(api):
    return Recording(api)


@pytest.fixture
async def ukc(transport):
    async with UnikraftCloud(
        token="token", metro="https://api.fra.unikraft.cloud", transport=transport
    ) as client:
        yield client


async def test_12_prepare_takes_its_four_steps_and_then_one(ukc, transport):
    args = {**APP, "memory_mb": 1024, "tags": ["app=worker"], "roms": [BASE]}
    made = await ukc.templates.prepare(
        "worker", create_args=args, autokill_ms=60000, prepare_timeout_seconds=60
    )
    steps = [asked.split("?")[0] for asked in transport.asked]
    transport.asked.clear()
    again = await ukc.templates.prepare("worker", create_args=APP)

    assert steps == [
        "GET /v1/instances/templates",
        "POST /v1/instances",
        "GET /v1/instances/templates",
        "DELETE /v1/instances",
    ]
    assert transport.asked == ["GET /v1/instances/templates?name=worker&details=true"]
    assert (made.uuid, made.state, made.memory_mb) == (again.uuid, "template", 1024)
    assert made.template_autokill.time_ms == 60000
    assert (made.tags, [rom.name for rom in made.roms]) == (["app=worker"], ["base"])
    assert await ukc.instances.list() == []


async def test_12_concurrent_prepares_give_one_template(ukc, runner):
    made = await asyncio.gather(*(ukc.templates.prepare("worker", create_args=APP) for _ in range(4)))

    assert len({one.uuid for one in made}) == len(runner.machines) == 1


async def test_12_prepare_that_lapses_is_told_apart(ukc, runner):
    runner.never_template("org/app")
    with pytest.raises(WaitTimeoutError):
        await ukc.templates.prepare("worker", create_args=APP, prepare_timeout_seconds=1)

    assert await ukc.instances.list() == []


async def test_13_clone_has_the_templates_roms_and_its_own(ukc):
    await ukc.templates.prepare("worker", create_args={**APP, "roms": [BASE]})
    clone = await ukc.templates.get(name="worker").clone(
        name="job", roms=[JOB], features=["delete-on-stop"], autostart=True, timeout_s=5
    )
    await ukc.templates.get(name="worker").delete()

    assert [(rom.name, rom.at) for rom in clone.roms] == [("base", "/base"), ("job", "/mnt/job")]
    assert (clone.state, clone.features) == ("running", ["delete-on-stop"])
    with pytest.raises(NotFoundError, match="No instance template with name 'worker'"):
        await ukc.templates.get(name="worker")


async def test_7_template_whose_image_is_not_there_is_told_apart(ukc):
    with pytest.raises(InstanceStoppedError, match="platform stop: image pull failed"):
        await ukc.instances.create(
            template={"name": "worker", "prepare": True, "create_args": {"image": "org/nope:1"}}
        )


async def test_name_of_a_template_is_taken(ukc):
    await ukc.templates.prepare("worker", create_args=APP)
    with pytest.raises(AlreadyExistsError):
        await ukc.instances.create(**APP, name="worker")


async def test_branch_by_the_sdk(ukc):
    await ukc.instances.create(**APP, name="web", autostart=True, timeout_s=5)
    copy = await ukc.instances.create(branch_from={"name": "web"}, name="copy", autostart=True, timeout_s=5)

    assert copy.state == "running"
    assert copy.boot_time_us == 7000
