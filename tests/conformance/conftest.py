"""The official SDK before every door of the emulator; or, on demand, before the real platform.

`UKROM_CONFORMANCE=real` with `UKC_TOKEN` and `UKC_METRO` runs what needs no emulator against the
platform; `UKROM_CONFORMANCE_IMAGE` and `UKROM_CONFORMANCE_ROM` then name images of the account.
`UKROM_CONFORMANCE_CONTROL_PLANE` names another control plane than the public one.
"""

from __future__ import annotations

import itertools
import os
import tempfile
from pathlib import Path
from uuid import UUID, uuid4

import httpx
import pytest
from unikraft_cloud import UnikraftCloud
from unikraft_cloud.api.platform import PlatformApi
from unikraft_cloud.core.http import ApiClientConfig

from ukrom.cloud import StubMachine, StubRunner
from ukrom.emulator import Emulator, Settings

from .doors import DOORS, EMULATED, REAL_TOKEN, opened
from .recording import Recording

IMAGE = os.environ.get("UKROM_CONFORMANCE_IMAGE", "org/app:1")
ROM_IMAGE = os.environ.get("UKROM_CONFORMANCE_ROM", "org/cfg:1")
_PAGE = bytes(4096)
_account_numbers = itertools.count(1)


class SlowRunner(StubRunner):
    """A stub whose machines come up only when the test boots them."""

    def boot(self, spec, report, **_):
        machine = StubMachine(spec, report, None)
        self.machines.append(machine)
        return machine


def pytest_generate_tests(metafunc):
    """Lead each test through all doors, or through those that it is marked with."""
    if "door" in metafunc.fixturenames:
        chosen = metafunc.definition.get_closest_marker("through")
        names = [name for name in DOORS if chosen is None or name in chosen.args]
        if not names and DOORS != EMULATED:
            names = [pytest.param("", marks=pytest.mark.skip(reason="needs the emulator"))]
        metafunc.parametrize("door", names, indirect=True)


@pytest.fixture(autouse=True)
def _sdk_knows_only_what_it_is_told(monkeypatch):
    for name in ("UKC_TOKEN", "UKC_METRO"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def anyio_backend():
    # The SDK's own layer over the generated one is made for asyncio.
    return "asyncio"


@pytest.fixture(scope="session")
def conformance_emulator():
    """One emulator for all tests; each has an account of its own in it."""
    if DOORS != EMULATED:
        yield None
        return
    with Emulator(Settings(runner="stub")) as emulator, tempfile.NamedTemporaryFile() as empty:
        empty.write(_PAGE)
        empty.flush()
        for name in ("app:1", "http-python:latest", "worker:v1"):
            emulator.images.put_image(
                f"org/{name}", Path(empty.name), format="raw", args=("/app",), env={"PATH": "/bin"}
            )
        for name in ("cfg:1", "my-rom1:latest", "my-rom2:latest", "node-rom1:latest", "base-rom:1"):
            emulator.images.put_rom(f"org/{name}", _PAGE, "raw")
        yield emulator


@pytest.fixture
def account(conformance_emulator):
    """An account of the emulator; None before the real platform."""
    if conformance_emulator is None:
        yield None
        return
    opened_account = conformance_emulator.cloud.open_account(f"test{next(_account_numbers)}")
    yield opened_account
    conformance_emulator.cloud.close_account(opened_account)


@pytest.fixture
def emulator(conformance_emulator):
    """The emulator, for steps that the real platform does not offer."""
    if conformance_emulator is None:
        pytest.skip("needs the emulator")
    return conformance_emulator


@pytest.fixture
def token(account):
    return REAL_TOKEN if account is None else account.token


@pytest.fixture
def door(request, conformance_emulator):
    """One of the doors, open."""
    with opened(request.param, conformance_emulator) as door:
        yield door


@pytest.fixture
async def recording(door, token):
    """The way through the door; in the end no answer may have been faulty."""
    recording = Recording(door.transport)
    yield recording
    if not door.is_emulated:
        await _clean_up(door, recording, token)
    await recording.aclose()

    assert not recording.faults, "\n".join(recording.faults)


@pytest.fixture
def asked(recording):
    """The requests so far, as method and path with query."""
    return recording.asked


@pytest.fixture
async def ukc(door, recording, token):
    """The SDK's client, its hand-written layer."""
    async with UnikraftCloud(
        token=token, metro=door.url, control_plane_url=door.control_plane_url, transport=recording
    ) as client:
        yield client


@pytest.fixture
async def platform(door, recording, token):
    """The SDK's generated layer: the envelopes as they come."""
    async with httpx.AsyncClient(transport=recording) as http:
        config = ApiClientConfig(base_url=door.url, token=token, http=http)
        async with PlatformApi(config) as api:
            yield api


@pytest.fixture
def raw(door, recording, token):
    """Make a call as it stands and give its JSON."""

    async def call(method, path, body=None, *, status=200, content=None):
        headers = {"authorization": f"Bearer {token}"}
        async with httpx.AsyncClient(transport=_Borrowed(recording), headers=headers) as http:
            answer = await http.request(method, f"{door.url}/v1{path}", json=body, content=content)
        assert answer.status_code == status, answer.text
        return answer.json()

    return call


@pytest.fixture
def fresh():
    """A new name for each call, that nothing else has; on the real platform neither."""
    return lambda name="web": f"{name}-{uuid4().hex[:8]}"


@pytest.fixture
def machine(emulator):
    """The stub machine of an instance: what happens in it is up to the test."""
    return lambda instance: emulator.cloud.machine(UUID(instance.uuid))


@pytest.fixture
def slow(emulator, account):
    """Machines that come up only when the test boots them."""
    account.runner = SlowRunner()
    return account.runner


class _Borrowed(httpx.AsyncBaseTransport):
    """A transport that closing leaves open."""

    def __init__(self, inner):
        self._inner = inner

    async def handle_async_request(self, request):
        return await self._inner.handle_async_request(request)


async def _clean_up(door, recording, token):
    """Delete what a test made, the youngest first; what is gone already is no matter."""
    headers = {"authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(transport=_Borrowed(recording.inner), headers=headers) as http:
        for path, uuid in reversed(recording.made):
            await http.delete(f"{door.url}{path.removesuffix('/clone')}/{uuid}")
