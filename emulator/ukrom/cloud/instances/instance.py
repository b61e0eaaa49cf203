"""An instance and its present run (specification, Parts C.1 and D)."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING

from ukrom.cloud.orders import NO_AUTOKILL
from ukrom.cloud.volumes.states import MountPhase

from .states import State, StopReason

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime
    from uuid import UUID

    from ukrom.cloud.accounts import Account
    from ukrom.cloud.agenda import Alarm
    from ukrom.cloud.groups.group import ServiceGroup
    from ukrom.cloud.orders import Autokill, Change, ScaleToZero
    from ukrom.cloud.ports import Machine, Snapshot
    from ukrom.cloud.roms.rom import Rom
    from ukrom.cloud.roms.sources import ImageSource
    from ukrom.cloud.volumes.volume import Volume

__all__ = [
    "CONSOLE_KEPT",
    "Asked",
    "Instance",
    "Interface",
    "Mount",
    "Restart",
    "Run",
    "Saving",
    "Traffic",
    "Update",
]


class Asked(Enum):
    """What was asked of a running machine."""

    NOTHING = "nothing"
    STOP = "stop"  # end in order
    FORCE = "force"  # end at once
    SLEEP = "sleep"  # end in order, to be woken by the next request
    SUSPEND = "suspend"  # save its memory and end
    TEMPLATE = "template"  # save its memory and end, to be cloned from now on
    PLATFORM = "platform"  # end in order, for a reason of the platform's own


@dataclass(frozen=True, slots=True)
class Saving:
    """A snapshot that a machine was asked for."""

    uuid: UUID
    done: Callable[[Snapshot | None, str | None], object]
    """Gets the snapshot, or why there is none; for a machine that ends with it, once that is gone."""


@dataclass(eq=False, slots=True)
class Run:
    """One boot of an instance; its machine reports to it, and to no later one."""

    machine: Machine | None = None
    asked: Asked = Asked.NOTHING
    up_since: float | None = None
    """When the application's entry point was reached, by the clock's `monotonic`."""
    exit_code: int | None = None
    listening: set[int] = field(default_factory=set)
    """Guest ports on which something listens, as far as reported."""
    loopback_only: set[int] = field(default_factory=set)
    """Guest ports on which the application listens for itself alone."""
    listening_since: float | None = None
    published: set[int] = field(default_factory=set)
    ended: bool = False
    vetoes: int = 0
    """What its guest wrote to `/uk/libukp/scale_to_zero_disable`."""
    resumes: bool = False
    """Whether it goes on from the instance's own memory, which is used up thereby."""
    saving: Saving | None = None
    """The snapshot that its machine is making."""
    memory: Snapshot | None = None
    """The snapshot that its machine made before it ends."""
    dropped: bool = False
    """Its instance was deleted; what it still reports interests nobody."""

    @property
    def cut_off(self) -> bool:
        """Whether its machine was to be saved before it ended, and has not been."""
        asked_for = self.asked in {Asked.SUSPEND, Asked.TEMPLATE} or (
            self.asked is Asked.SLEEP and self.saving is not None
        )
        return asked_for and self.memory is None

    @property
    def over(self) -> bool:
        """Whether nothing more is to be expected of it."""
        return self.ended or self.dropped


@dataclass(frozen=True, slots=True)
class Interface:
    """A network interface (specification, Part C.6)."""

    uuid: UUID
    private_ip: str
    mac: str
    name: str | None = None
    autoconfig: bool = True


@dataclass(eq=False, slots=True)
class Mount:
    """A volume as an instance has it attached (specification, Part C.1)."""

    volume: Volume
    at: str
    readonly: bool = False
    phase: MountPhase = MountPhase.ATTACHED


@dataclass(slots=True)
class Restart:
    """A restart sequence that is under way (specification, Part D.6)."""

    attempt: int
    next_at: datetime | None
    """When it starts the next time; None while it runs."""


@dataclass(slots=True)
class Update:
    """A change that waits for the instance to stop (specification, Part A.13)."""

    change: Change
    error: str | None = None
    """Why it could not be made; None while it is pending."""


@dataclass(slots=True)
class Traffic:
    """What the gateway holds to an instance, and has held (specification, Part C.12)."""

    requests: int = 0
    """HTTP requests in flight."""
    connections: int = 0
    """Connections that are not HTTP, open now."""
    queued: int = 0
    """Requests and connections that wait for it to wake up or to listen."""
    total: int = 0
    """Requests and connections that were handed to it, over all starts."""
    served: int = 0
    """Requests that were answered, since it was made."""
    wakeups_ms: list[float] = field(default_factory=list)
    """How long each request or connection that woke it had to wait."""
    quiet_since: float | None = None
    """When it last had something to do, by the clock's `monotonic`."""

    @property
    def in_flight(self) -> int:
        """Everything that is open now."""
        return self.requests + self.connections


CONSOLE_KEPT = 8 << 20
"""Bytes of console that are kept of an instance: an application that prints without end must not fill
the memory of this machine. [choice]"""


@dataclass(eq=False, slots=True)
class Instance:
    """An instance."""

    uuid: UUID
    name: str
    account: Account
    metro: str
    created_at: datetime
    source: ImageSource
    memory_mb: int
    """In MiB."""
    vcpus: int
    args: tuple[str, ...] | None
    env: Mapping[str, str] | None
    hostname: str
    interfaces: tuple[Interface, ...] = ()
    """The first one is the one that is reached under `private_ip`."""
    roms: tuple[Rom, ...] = ()
    volumes: list[Mount] = field(default_factory=list)
    group: ServiceGroup | None = None
    scale_to_zero: ScaleToZero | None = None
    restart_policy: str = "never"
    features: frozenset[str] = frozenset()
    tags: tuple[str, ...] = ()
    annotations: Mapping[str, str] | None = None
    autokill: Autokill = NO_AUTOKILL
    """As an instance; kept when it becomes a template, for its clones inherit it."""
    template_autokill: Autokill = NO_AUTOKILL
    """As a template, be it one already or not."""
    dependencies: tuple[UUID, ...] = ()
    gateway: str | None = None
    nameserver: str | None = None
    sched_priority: str = "normal"
    delete_lock: bool = False
    template: UUID | None = None
    """The template it was cloned from, which may be gone."""
    preparing: bool = False
    """Whether it was made only to become a template, by its guest's own doing (Part D.10)."""
    snapshot: Snapshot | None = None
    """The memory to resume from at the next start; of a template, what its clones resume from."""
    suspended: bool = False
    """Whether the snapshot is of its own memory, and used up by the next start; else it is of the
    template that it was cloned from, where all of its starts begin. [choice]"""
    updates: list[Update] = field(default_factory=list)
    alarms: dict[Alarm, datetime] = field(default_factory=dict)
    state: State = State.STOPPED
    run: Run | None = None
    last_machine: Machine | None = None
    """The machine of the run before, for reports."""
    restart: Restart | None = None
    traffic: Traffic = field(default_factory=Traffic)
    start_count: int = 0
    restart_count: int = 0
    started_at: datetime | None = None
    stopped_at: datetime | None = None
    uptime_s: float = 0.0
    """Over all runs that ended."""
    boot_time_us: int | None = None
    net_time_us: int | None = None
    template_time_us: int | None = None
    stop_reason: StopReason | None = None
    exit_code: int | None = None
    stop_code: int | None = None
    failure: str | None = None
    """Why it stopped or never ran, in a sentence; not part of the platform's API."""
    console: bytearray = field(default_factory=bytearray)
    """What was printed over all starts, lines ending in a newline alone; the latest `CONSOLE_KEPT` bytes."""
    console_dropped: int = 0
    """Bytes that were printed before those."""

    @property
    def interface(self) -> Interface:
        """The interface that is reached under `private_ip`."""
        return self.interfaces[0]

    @property
    def policy(self) -> str:
        """Its scale-to-zero policy: `off`, `on` or `idle`; without a service there is none to wake it."""
        return "off" if self.scale_to_zero is None or self.group is None else self.scale_to_zero.policy

    @property
    def private_fqdn(self) -> str:
        """Its name on the private network."""
        return f"{self.name}.internal"

    def uptime_ms(self, now: float) -> int:
        """Give the time it ran, over all runs, in ms; `now` by the clock's `monotonic`."""
        since = self.run.up_since if self.run is not None else None
        running = 0.0 if since is None else now - since
        return int((self.uptime_s + running) * 1000)

    def print(self, data: bytes) -> None:
        """Add to the console. [choice]: line ends of the serial line (CR LF) are kept as newlines."""
        if data.startswith(b"\n") and self.console.endswith(b"\r"):
            del self.console[-1]
        self.console += data.replace(b"\r\n", b"\n")
        if (excess := len(self.console) - CONSOLE_KEPT) > 0:
            del self.console[:excess]
            self.console_dropped += excess
