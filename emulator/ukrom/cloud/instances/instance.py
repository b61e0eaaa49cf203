"""An instance and its present run (specification, Parts C.1 and D)."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING

from .states import State, StopReason

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from uuid import UUID

    from ukrom.cloud.accounts import Account
    from ukrom.cloud.groups.group import ServiceGroup
    from ukrom.cloud.orders import ScaleToZero
    from ukrom.cloud.ports import Machine
    from ukrom.cloud.roms.rom import Rom
    from ukrom.cloud.roms.sources import ImageSource

__all__ = ["Asked", "Instance", "Interface", "Run"]


class Asked(Enum):
    """What was asked of a running machine."""

    NOTHING = "nothing"
    STOP = "stop"  # end in order
    FORCE = "force"  # end at once


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
    dropped: bool = False
    """Its instance was deleted; what it still reports interests nobody."""

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
    interface: Interface
    roms: tuple[Rom, ...] = ()
    group: ServiceGroup | None = None
    scale_to_zero: ScaleToZero | None = None
    restart_policy: str = "never"
    features: frozenset[str] = frozenset()
    tags: tuple[str, ...] = ()
    annotations: Mapping[str, str] | None = None
    delete_lock: bool = False
    state: State = State.STOPPED
    run: Run | None = None
    last_machine: Machine | None = None
    """The machine of the run before, for reports."""
    in_flight: int = 0
    """Requests and connections that the ingress holds to it."""
    start_count: int = 0
    started_at: datetime | None = None
    stopped_at: datetime | None = None
    uptime_s: float = 0.0
    """Over all runs that ended."""
    boot_time_us: int | None = None
    net_time_us: int | None = None
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
