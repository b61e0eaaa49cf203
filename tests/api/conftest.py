"""An API over a cloud of stub machines, and clients for it."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from ukrom.api import Api, InProcessTransport
from ukrom.cloud import Cloud, Image, Limits, Settings, StoredBlob, StubMachine, StubRunner
from ukrom.errors import ImageNotFound

FRA = "https://api.fra.unikraft.cloud/v1"


class MemoryStore:
    """Images under `org/<name>:<tag>`, whatever host a reference names."""

    def __init__(self):
        self.by_name = {}

    def put(self, name, *, rom=False, **fields):
        digest = f"sha256:{len(self.by_name):064x}"
        blob = StoredBlob(Path("/blobs") / digest, 4096, digest, "erofs")
        self.by_name[name] = Image(
            reference=f"oci://unikraft.io/{name}@{digest}",
            digest=digest,
            architecture="x86_64",
            root=None if rom else blob,
            roms=(blob,) if rom else (),
            created_at=datetime(2026, 5, 28, 13, 53, 40, 999, tzinfo=UTC),
            size=4096,
            tags=(name.rsplit(":", 1)[1],),
            **fields,
        )

    def resolve(self, reference):
        path = reference.removeprefix("oci://").removeprefix("index.").removeprefix("unikraft.io/")
        name = path.partition("@")[0]
        if name not in self.by_name:
            raise ImageNotFound(f"no image {reference}")
        return self.by_name[name]

    def images(self):
        return tuple(self.by_name.values())


class SlowRunner(StubRunner):
    """A stub whose machines come up only when the test boots them."""

    def boot(self, spec, report, *, snapshot=None):
        machine = StubMachine(spec, report, None)
        self.machines.append(machine)
        return machine


@pytest.fixture
def store():
    store = MemoryStore()
    store.put("org/app:1", args=("/app",), env={"A": "1"})
    store.put("org/http-python:latest")
    for rom in ("org/my-rom1:latest", "org/my-rom2:latest", "org/cfg:1"):
        store.put(rom, rom=True)
    return store


@pytest.fixture
def runner():
    return StubRunner()


@pytest.fixture
def slow_runner(cloud):
    cloud.runner = SlowRunner()
    return cloud.runner


@pytest.fixture
def cloud(store, runner):
    # Of a large plan: the default limits let no instance have a second processor.
    settings = Settings(limits=Limits(max_vcpus=32))
    cloud = Cloud(settings, runner=runner, images=store, seed=11)
    yield cloud
    cloud.close()


@pytest.fixture
def api(cloud):
    return Api(cloud)


@pytest.fixture
def client(api):
    headers = {"authorization": "Bearer token"}
    with httpx.Client(transport=InProcessTransport(api), base_url=FRA, headers=headers) as client:
        yield client


@pytest.fixture
def call(client):
    """Make a call and give its JSON; a 200 unless told otherwise."""

    def do(method, path, body=None, *, status=200, content=None):
        answer = client.request(method, path, json=body, content=content)
        assert answer.status_code == status, answer.text
        return answer.json()

    return do


@pytest.fixture
def item(call):
    """Make a call and give its only item."""

    def do(method, path, body=None):
        (items,) = call(method, path, body)["data"].values()
        (only,) = items
        return only

    return do


@pytest.fixture
def refuse(call):
    """Make a call that is refused as a whole, and give the message."""

    def do(method, path, body=None, *, status=400, content=None):
        envelope = call(method, path, body, status=status, content=content)
        assert envelope["status"] == "error"
        assert "data" not in envelope
        assert envelope["errors"][0] == {"status": status, "message": envelope["message"]}
        return envelope["message"]

    return do


@pytest.fixture
def threads():
    with ThreadPoolExecutor(16) as pool:
        yield pool


class Sleepers(dict):
    """The tasks that sleep, and a way to wait until there are so many."""

    def __init__(self):
        super().__init__()
        self.changed = threading.Condition()

    def __setitem__(self, task, value):
        with self.changed:
            super().__setitem__(task, value)
            self.changed.notify_all()

    def until(self, count):
        with self.changed:
            assert self.changed.wait_for(lambda: len(self) >= count, timeout=10)


@pytest.fixture
def asleep(cloud):
    """Wait until so many calls sleep in the cloud."""
    cloud.waits.sleeping = Sleepers()
    return cloud.waits.sleeping.until
