"""The official SDK against the emulator, in process and over a real loopback server.

The numbers are those of the specification's conformance checklist (Part H), as far as the resources
that are emulated reach.
"""

from __future__ import annotations

import base64
import contextlib
import json
import socket
import threading
import warnings

import httpx
import pytest
import uvicorn
from unikraft_cloud import NotFoundError, Ref, UnikraftCloud, UnikraftCloudError
from unikraft_cloud.core.errors import AlreadyExistsError, AuthenticationError, WaitTimeoutError
from unikraft_cloud.resources.instances import InstanceStoppedError

from ukrom.api import ApiApp, AsyncInProcessTransport

pytestmark = pytest.mark.anyio
APP = {"image": "org/app:1"}
WEB = {
    "services": [{"port": 443, "destination_port": 8080, "handlers": ["tls", "http"]}],
    "domains": [{"name": "test-http-python-rom1"}],
}


@pytest.fixture
def anyio_backend():
    return "asyncio"


class Server(uvicorn.Server):
    """A server that tells when it serves."""

    def __init__(self, config):
        super().__init__(config)
        self.serving = threading.Event()

    async def startup(self, sockets=None):
        await super().startup(sockets)
        self.serving.set()


@contextlib.contextmanager
def served(app):
    # The protocol must be named, or asyncio leaves Nagle's algorithm on.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))
    server = Server(uvicorn.Config(app, log_level="error", lifespan="off", ws="none"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        assert server.serving.wait(10)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(10)
        listener.close()


class Recording(httpx.AsyncBaseTransport):
    """A transport that keeps what is asked."""

    def __init__(self, inner):
        self.inner = inner
        self.asked = []

    async def handle_async_request(self, request):
        self.asked.append(f"{request.method} {request.url.raw_path.decode()}")
        return await self.inner.handle_async_request(request)

    async def aclose(self):
        await self.inner.aclose()


@pytest.fixture(params=["in process", "http"])
def door(request, api):
    """A base URL and a transport that leads there."""
    if request.param == "in process":
        yield "https://api.fra.unikraft.cloud", Recording(AsyncInProcessTransport(api))
    else:
        with served(ApiApp(api)) as url:
            yield url, Recording(httpx.AsyncHTTPTransport())


@pytest.fixture
def asked(door):
    return door[1].asked


@pytest.fixture
async def ukc(door):
    url, transport = door
    async with UnikraftCloud(token="token", metro=url, transport=transport) as client:
        yield client
    await transport.aclose()


async def test_1_fake_url_as_metro_needs_no_discovery(ukc, asked):
    assert await ukc.instances.list() == []
    assert asked == ["GET /v1/instances?count=100"]


async def test_1_base_url_may_end_in_v1(door):
    url, transport = door
    async with UnikraftCloud(token="token", metro=f"{url}/v1", transport=transport) as client:
        assert await client.instances.list() == []


async def test_1_metro_code_works_when_host_names_are_redirected(api):
    async with UnikraftCloud(token="token", metro="fra", transport=AsyncInProcessTransport(api)) as client:
        made = await client.instances.create(**APP, name="web")
        assert (await client.metro("fra").instances.get(name="web")).uuid == made.uuid


async def test_1_without_a_metro_reads_discover_and_creates_are_refused(api):
    transport = Recording(AsyncInProcessTransport(api))
    async with UnikraftCloud(token="token", transport=transport) as client:
        assert await client.instances.list() == []
        assert transport.asked[0] == "GET /v1/metros"
        with pytest.raises(Exception, match="metro"):
            await client.instances.create(**APP)


async def test_1_discovery_over_loopback_stays_there(door, asked):
    url, transport = door
    if url.startswith("https"):
        url = "http://localhost:8000"
    async with UnikraftCloud(token="token", control_plane_url=url, transport=transport) as client:
        assert [endpoint.base_url for endpoint in await client.available_metros()] == [url]


async def test_2_create_waits_and_reads_back(ukc, asked):
    made = await ukc.instances.create(**APP, autostart=True, timeout_s=30)

    assert made.state == "running"
    assert asked == ["POST /v1/instances", f"GET /v1/instances?uuid={made.uuid}&details=true"]


async def test_2_create_with_image_rom_and_service(ukc, store):
    made = await ukc.instances.create(
        name="web",
        image="org/http-python:latest",
        memory_mb=512,
        autostart=True,
        roms=[{"name": "python_function.py", "image": "org/my-rom1:latest", "at": "/rom"}],
        service_group=WEB,
        scale_to_zero={"policy": "on", "stateful": False, "cooldown_time_ms": 1000},
    )

    (rom,) = made.roms
    assert (rom.name, rom.at) == ("python_function.py", "/rom")
    assert rom.image == store.by_name["org/my-rom1:latest"].reference
    assert made.service_group.domains[0].fqdn == "test-http-python-rom1.fra.unikraft.app"
    assert made.scale_to_zero.enabled is True


async def test_2_create_with_inline_rom(ukc):
    files = [
        {"path": "config/settings.json", "encoding": "text", "data": '{"debug":false}'},
        {"path": "certs/client.pem", "encoding": "base64", "data": "LS0tLS1CRUdJTg=="},
        {"path": "note.txt", "data": "no encoding given"},
    ]
    made = await ukc.instances.create(**APP, roms=[{"name": "my-rom", "at": "/rom/my-rom", "files": files}])

    assert len(made.roms[0].image) == 36
    assert made.roms[0].files is None


async def test_2_image_specifications_are_accepted(ukc):
    made = await ukc.instances.create(
        image={"url": "org/app:1", "pull_policy": "always"},
        roms=[{"name": "cfg", "image": {"url": "org/cfg:1", "pull_policy": "if_not_present"}}],
    )

    assert made.image.startswith("oci://unikraft.io/org/app:1@sha256:")


async def test_3_missing_instance_is_absent(ukc):
    with pytest.raises(NotFoundError) as caught:
        await ukc.instances.get(name="ghost")

    assert caught.value.absent is True
    assert str(caught.value) == "No instance with name 'ghost'"


async def test_3_missing_route_is_not_absent(ukc):
    with pytest.raises(UnikraftCloudError, match="is not emulated yet"):
        await ukc.certificates.get(name="ghost")


async def test_4_delete_of_a_missing_one_may_be_forgiven(ukc):
    assert await ukc.instances.get(name="ghost").delete(missing_ok=True) is None


async def test_5_taken_name_is_told_apart(ukc):
    await ukc.instances.create(**APP, name="web")
    with pytest.raises(AlreadyExistsError, match="An instance with the name 'web' already exists"):
        await ukc.instances.create(**APP, name="web")


async def test_6_lapsed_wait_is_told_apart(ukc):
    await ukc.instances.create(**APP, name="web")
    with pytest.raises(WaitTimeoutError) as caught:
        await ukc.instances.get(name="web").wait(state="running", timeout_seconds=1)

    assert caught.value.state == "stopped"


async def test_6_wait_for_a_state_that_is_reached(ukc, slow_runner, threads, asleep):
    made = await ukc.instances.create(**APP, name="web", autostart=True)

    def boot():
        asleep(1)
        slow_runner.machines[0].boot()

    booted = threads.submit(boot)
    waited = await ukc.instances.get(uuid=made.uuid).wait()

    assert waited.state == "running"
    booted.result(5)


@pytest.mark.parametrize(
    "fields",
    [
        {"image": "org/nope:1"},
        {**APP, "roms": [{"name": "r", "image": "org/nope:1"}]},
    ],
)
async def test_7_pull_that_fails_is_told_apart(ukc, fields):
    with pytest.raises(InstanceStoppedError, match="platform stop: image pull failed") as caught:
        await ukc.instances.create(**fields, autostart=True, timeout_s=30)

    assert (caught.value.instance.stop_reason, caught.value.instance.stop_code) == (4, 1)


async def test_7_application_that_exits_is_told_apart(ukc, slow_runner):
    created = slow_runner.boot

    def boot(spec, report, **options):
        machine = created(spec, report, **options)
        machine.exit(3)
        return machine

    slow_runner.boot = boot
    with pytest.raises(InstanceStoppedError) as caught:
        await ukc.instances.create(**APP, autostart=True, timeout_s=30)

    assert (caught.value.instance.stop_reason, caught.value.instance.exit_code) == (3, 3)


async def test_8_pages_overlap_by_the_cursor(ukc, asked):
    made = [await ukc.instances.create(**APP, name=f"i{n}") for n in range(5)]
    asked.clear()
    listed = await ukc.instances.list(page_size=2)

    assert [instance.name for instance in listed] == [f"i{n}" for n in range(5)]
    assert asked == [
        "GET /v1/instances?count=2",
        f"GET /v1/instances?count=3&from={made[1].uuid}",
        f"GET /v1/instances?count=3&from={made[3].uuid}",
    ]


async def test_8_listing_goes_on_when_its_cursor_is_deleted(ukc):
    for n in range(5):
        await ukc.instances.create(**APP, name=f"i{n}")
    names = []
    async for instance in ukc.instances.list(page_size=2):
        names.append(instance.name)
        if instance.name == "i1":
            await ukc.instances.get(name="i1").delete()

    assert names == [f"i{n}" for n in range(5)]


async def test_9_all_tags_must_be_there(ukc, asked):
    for name, tags in {"x": ["a", "b"], "y": ["a"]}.items():
        await ukc.instances.create(**APP, name=name, tags=tags)
    found = await ukc.instances.each(tags=["a", "b"]).all()

    assert [instance.name for instance in found] == ["x"]
    assert asked[-1] == "GET /v1/instances?details=true&count=100&tags=a,b"


async def test_11_bulk_delete_keeps_what_succeeded(ukc):
    made = await ukc.instances.create(**APP, name="web")
    with pytest.raises(NotFoundError) as caught:
        await ukc.instances.delete(["web", "ghost"])

    assert [result.uuid for result in caught.value.results] == [made.uuid]
    assert await ukc.instances.list() == []


async def test_11_bulk_start_and_stop(ukc):
    first = await ukc.instances.create(**APP, name="a")
    second = await ukc.instances.create(**APP, name="b")
    refs = ["a", Ref(uuid=second.uuid)]
    started = await ukc.instances.start(refs)
    stopped = await ukc.instances.stop(refs)

    assert [(one.uuid, one.previous_state) for one in started] == [
        (first.uuid, "stopped"),
        (second.uuid, "stopped"),
    ]
    assert {one.previous_state for one in stopped} == {"running"}


async def test_14_logs_come_as_base64_of_the_range(ukc, runner):
    await ukc.instances.create(**APP, name="web", autostart=True, timeout_s=5)
    runner.machines[0].print(b"x" * 5000 + b"end\n")
    logs = await ukc.instances.get(name="web").logs(offset=-4096)
    output = base64.b64decode(logs.output)

    assert output.endswith(b"end\n")
    assert len(output) == logs.range.end - logs.range.start == 4096
    assert (logs.available.start, logs.available.end) == (0, 5004)


async def test_15_images_are_found_by_the_control_plane(api):
    async with UnikraftCloud(token="token", metro="fra", transport=AsyncInProcessTransport(api)) as client:
        assert await client.images.exists("org/app:1")
        assert not await client.images.exists("org/app:2")
        assert not await client.images.exists("nginx")
        assert [image.url for image in await client.images.list(tag="org/app:1")]


async def test_16_deprecated_field_warns(ukc):
    from unikraft_cloud.api.platform import models_gen as models

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        body = models.CreateInstanceRequest(image="org/app:1", autostart=True, wait_timeout_ms=10)
        await ukc.api.platform.instances.create_instance(body=body)

    assert any("wait_timeout_ms" in str(warning.message) for warning in caught)


async def test_lifecycle_by_handle(ukc):
    made = await ukc.instances.create(**APP, name="web")
    handle = ukc.instances.get(name="web")
    assert (await handle.start()).previous_state == "stopped"
    assert (await handle.stop()).previous_state == "running"
    assert (await handle.wait(state="stopped", timeout_seconds=5)).state == "stopped"
    assert (await ukc.instances.get(uuid=made.uuid)).stop_reason == 15
    assert (await handle.delete(timeout_seconds=-1)).previous_state == "stopped"


async def test_service_group_comes_and_goes(ukc):
    made = await ukc.services.create(
        name="grp",
        services=[
            {"port": 443, "destination_port": 8080, "handlers": ["tls", "http"]},
            {"port": 80, "destination_port": 443, "handlers": ["http", "redirect"]},
        ],
        domains=[{"name": "grp"}],
        soft_limit=5,
        hard_limit=10,
    )
    assert (made.persistent, made.soft_limit, made.domains[0].fqdn) == (True, 5, "grp.fra.unikraft.app")
    assert (await ukc.services.get(name="grp")).uuid == made.uuid
    assert [group.name for group in await ukc.services.list()] == ["grp"]
    await ukc.services.get(uuid=made.uuid).delete()

    with pytest.raises(NotFoundError):
        await ukc.services.get(name="grp")


async def test_quotas_and_health_parse(ukc):
    (quota,) = await ukc.users.quotas()
    assert quota.limits.max_memory_mb == 8192
    assert (await ukc.api.platform.node.healthz()).data.checks == {"images": "healthy"}


async def test_missing_token_is_told_apart(door):
    url, transport = door
    async with UnikraftCloud(token="", metro=url, transport=transport) as client:
        with pytest.raises(AuthenticationError):
            await client.instances.list()


async def test_plumbing_forms_of_one_handler(ukc):
    from unikraft_cloud.api.platform import models_gen as m

    api = ukc.api.platform.instances
    made = await api.create_instance(
        body=m.CreateInstanceRequest(**APP, replicas=2, autostart=True, timeout_s=-1)
    )
    first, second, _ = [item.uuid for item in made.data.instances]
    got = await api.get_instance_by_uuid(first, details=True)
    assert got.data.instances[0].start_count == 1
    stopped = await api.stop_instance_by_uuid(first, body=m.StopInstanceByUUIDRequestBody())
    assert stopped.data.instances[0].previous_state == "running"
    await api.stop_instances(body=[m.StopInstancesRequestItem(uuid=second, force=True)])
    await api.wait_instance_by_uuid(
        first, body=m.WaitInstanceByUUIDRequestBody(state="stopped", timeout_s=-1)
    )
    await api.start_instance_by_uuid(first, body=m.StartInstanceByUUIDRequestBody(timeout_s=10))
    logs = await api.get_instance_logs_by_uuid(
        first, body=m.GetInstanceLogsByUUIDRequestBody(offset=0, limit=16)
    )
    assert logs.data.instances[0].state == "running"
    listed = await api.get_instances(uuid=[first, second], details=False, order="desc", sortby="create_time")
    assert len(listed.data.instances) == 2
    await api.delete_instance_by_uuid(first)
    assert len((await api.get_instances()).data.instances) == 2


async def test_every_answer_is_of_the_documented_types(ukc, door, api):
    """The SDK's model of an instance knows every field that a read gives."""
    from unikraft_cloud.api.platform import models_gen as models

    made = await ukc.instances.create(**APP, service_group=WEB, autostart=True, timeout_s=5, tags=["a"])
    await ukc.instances.get(uuid=made.uuid).stop()
    answer = api.handle(_read(made.uuid))
    fields = json.loads(answer.body)["data"]["instances"][0]

    assert fields.keys() <= models.Instance.model_fields.keys()


def _read(uuid):
    from ukrom.api import Request

    return Request("GET", f"/v1/instances/{uuid}", authorization="Bearer token")
