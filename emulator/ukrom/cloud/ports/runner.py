"""Who boots machines, and what can be done with them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable
    from uuid import UUID

    from .events import MachineEvent
    from .machines import MachineSpec, Snapshot

__all__ = ["Ability", "Endpoint", "Machine", "Runner", "Usage"]


class Ability(Enum):
    """What a runner may be able to do beyond booting and stopping."""

    SNAPSHOTS = "snapshots"  # save a machine's memory and resume from it
    VOLUMES = "volumes"  # attach volumes


@dataclass(frozen=True, slots=True)
class Usage:
    """What a machine has used up to now, as far as its runner can tell."""

    rss_bytes: int = 0
    cpu_time_ms: int = 0
    rx_bytes: int = 0
    rx_packets: int = 0
    tx_bytes: int = 0
    tx_packets: int = 0


@dataclass(frozen=True, slots=True)
class Endpoint:
    """How to reach a TCP port of a machine: by loopback address, or (stub) by calling an ASGI app."""

    address: tuple[str, int] | None = None
    app: Callable[..., Any] | None = None


class Machine(Protocol):
    """A machine that was asked for; nothing here blocks, the events tell what came of it."""

    def stop(self, *, grace_s: float) -> None:
        """Ask the application to end, and end it after `grace_s` seconds if it did not."""

    def kill(self) -> None:
        """End it now."""

    def save(self, uuid: UUID) -> None:
        """Save memory and writable root under a UUID and go on; `Saved` or `SaveFailed` tells the outcome.

        Only of runners with `Ability.SNAPSHOTS`.
        """

    def suspend(self, uuid: UUID) -> None:
        """The same, but end the machine once it is saved: `Saved`, then `Ended`."""

    def usage(self) -> Usage:
        """What it has used up to now."""

    def publish(self, port: int) -> None:
        """Make a guest TCP port reachable and report when something listens there."""

    def endpoint(self, port: int) -> Endpoint | None:
        """How to reach a published port; None if it cannot be reached (yet)."""

    def listening(self) -> tuple[int, ...]:
        """The TCP ports on which the guest was last seen to listen."""


class Runner(Protocol):
    """Boots machines. `qemu` runs real ones; `stub` pretends, with no VM."""

    name: str
    speed: float
    """How much slower than a machine with working KVM; deadlines are multiplied by it."""

    abilities: frozenset[Ability]

    def boot(
        self,
        spec: MachineSpec,
        report: Callable[[MachineEvent], None],
        *,
        snapshot: Snapshot | None = None,
    ) -> Machine:
        """Begin to boot a machine; `report` is called with its events, on any thread.

        Args:
            spec: The machine.
            report: Called with every event.
            snapshot: Resume from this one instead of booting afresh: env, args and root are those
                that it was made with; ROMs, volumes and names are the spec's.
        """

    def adopt(self, spec: MachineSpec, report: Callable[[MachineEvent], None]) -> Machine | None:
        """Take up a machine that runs according to a state that was loaded; reports nothing about it.

        Returns:
            The machine, or None if no such machine can be there (any more).
        """

    def drop(self, snapshot: Snapshot) -> None:
        """Forget a snapshot that nobody needs any more."""
