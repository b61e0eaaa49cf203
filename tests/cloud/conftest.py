"""A cloud whose time, images and machines are in the test's hands."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ukrom.cloud import (
    Ability,
    AppExited,
    Cloud,
    Console,
    Ended,
    Endpoint,
    GroupOrder,
    Image,
    ImageOrder,
    InstanceOrder,
    Limits,
    Listening,
    Running,
    Saved,
    ServiceOrder,
    Settings,
    Snapshot,
    StoredBlob,
    Usage,
)
from ukrom.errors import BadReference, ImageNotFound, MissingTool


class MemoryStore:
    """Images by the reference they are asked for under."""

    def __init__(self):
        self.by_reference = {}

    def put(self, reference, *, architecture="x86_64", rom=False, env=None, args=()):
        digest = f"sha256:{len(self.by_reference):064x}"
        blob = StoredBlob(Path("/blobs") / digest, 4096, digest, "erofs")
        image = Image(
            reference=f"oci://unikraft.io/{reference}@{digest}",
            digest=digest,
            architecture=architecture,
            root=None if rom else blob,
            roms=(blob,) if rom else (),
            args=args,
            env=env or {},
            size=4096,
        )
        self.by_reference[reference] = image
        return image

    def resolve(self, reference):
        if " " in reference:
            raise BadReference(f"{reference!r} is no image reference")
        name = reference.removeprefix("oci://unikraft.io/").partition("@")[0]
        try:
            return self.by_reference[name]
        except KeyError:
            raise ImageNotFound(f"no image {reference}") from None

    def images(self):
        return tuple(self.by_reference.values())


@dataclass
class ManualTimer:
    due: float
    call: object
    cancelled: bool = False

    def cancel(self):
        self.cancelled = True


class ManualClock:
    """Time that stands still until it is told to go on."""

    def __init__(self):
        self.seconds = 1000.0
        self.timers = []

    def now(self):
        return datetime(2026, 5, 28, tzinfo=UTC) + timedelta(seconds=self.seconds)

    def monotonic(self):
        return self.seconds

    def call_later(self, delay, call):
        timer = ManualTimer(self.seconds + delay, call)
        self.timers.append(timer)
        return timer

    @property
    def pending(self):
        return [timer for timer in self.timers if not timer.cancelled]

    def close(self):
        self.timers.clear()

    def advance(self, seconds):
        end = self.seconds + seconds
        while due := [timer for timer in self.pending if timer.due <= end]:
            timer = min(due, key=lambda one: one.due)
            self.timers.remove(timer)
            self.seconds = max(self.seconds, timer.due)
            timer.call()
        self.seconds = end


@dataclass
class ScriptedMachine:
    """A machine that does only what the test reports for it."""

    spec: object
    report: object
    stops: list = field(default_factory=list)
    kills: int = 0
    ports: set = field(default_factory=set)
    heard: list = field(default_factory=list)
    saves: list = field(default_factory=list)
    suspends: list = field(default_factory=list)
    snapshot: object = None

    def stop(self, *, grace_s):
        self.stops.append(grace_s)

    def kill(self):
        self.kills += 1

    def save(self, uuid):
        self.saves.append(uuid)

    def suspend(self, uuid):
        self.suspends.append(uuid)

    def usage(self):
        return Usage(rss_bytes=1000, cpu_time_ms=20)

    def publish(self, port):
        self.ports.add(port)

    def endpoint(self, port):
        return (
            Endpoint(address=("127.0.0.1", 40000 + port)) if port in {*self.ports, *self.spec.ports} else None
        )

    def listening(self):
        return tuple(self.heard)

    def up(self):
        self.report(Running(boot_time_us=75_000))

    def saved(self, uuid):
        self.report(Saved(Snapshot(uuid), time_us=50_000))

    def listen(self, port, *, reachable=True):
        if reachable:
            self.heard.append(port)
        self.report(Listening(port, net_time_us=80_000, reachable=reachable))

    def print(self, data):
        self.report(Console(data))

    def exit(self, code):
        self.report(AppExited(code))
        self.end()

    def end(self, **facts):
        self.report(Ended(**{"started": True, **facts}))


class ScriptedRunner:
    name = "scripted"

    def __init__(self):
        self.machines = []
        self.speed = 1.0
        self.missing = None
        self.abilities = frozenset(Ability)
        self.dropped = []

    @property
    def last(self):
        return self.machines[-1]

    def boot(self, spec, report, *, snapshot=None):
        if self.missing is not None:
            raise MissingTool(self.missing, f"{self.missing} was not found on PATH")
        self.machines.append(ScriptedMachine(spec, report, snapshot=snapshot))
        return self.last

    def adopt(self, spec, report):
        self.machines.append(ScriptedMachine(spec, report))
        return self.last

    def drop(self, snapshot):
        self.dropped.append(snapshot)


@pytest.fixture
def store():
    store = MemoryStore()
    store.put("org/web:1")
    store.put("org/rom:1", rom=True)
    return store


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def runner():
    return ScriptedRunner()


LARGE = Limits(max_vcpus=32)
"""The limits of a large plan; the default ones let no instance have a second processor."""


@pytest.fixture
def make_cloud(store, clock, runner):
    def make(**settings):
        settings = Settings(**{"limits": LARGE, **settings})
        return Cloud(settings, runner=runner, images=store, clock=clock, seed=7)

    return make


@pytest.fixture
def cloud(make_cloud):
    return make_cloud()


@pytest.fixture
def space(cloud):
    return cloud.space(cloud.account("token"))


HTTPS = ServiceOrder(443, 8080)


@pytest.fixture
def order():
    """Make an instance order, with a service group unless told otherwise."""

    def make(*, service=True, **fields):
        base = InstanceOrder(
            image=ImageOrder("org/web:1"),
            service_group=GroupOrder(services=(HTTPS,)) if service else None,
        )
        return replace(base, **fields)

    return make


@pytest.fixture
def create(cloud, space, order):
    """Make one instance."""

    def make(**fields):
        with cloud.guard:
            return space.create_instances(order(**fields))[0]

    return make


@pytest.fixture
def start(cloud):
    def do(instance):
        with cloud.guard:
            return cloud.lifecycle.start(instance)

    return do


@pytest.fixture
def running(create, start, runner):
    """An instance whose application runs."""
    instance = create()
    start(instance)
    runner.last.up()
    return instance
