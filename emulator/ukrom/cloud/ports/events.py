"""What machines report."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from uuid import UUID

    from .machines import Snapshot

__all__ = [
    "AppExited",
    "Console",
    "Ended",
    "Listening",
    "MachineEvent",
    "Running",
    "SaveFailed",
    "Saved",
    "ScaleToZeroDisabled",
    "TemplateWritten",
]


@dataclass(frozen=True, slots=True)
class Running:
    """The application's entry point was reached."""

    boot_time_us: int


@dataclass(frozen=True, slots=True)
class Listening:
    """The application listens on a TCP port."""

    port: int
    net_time_us: int
    """Since the machine was started."""
    reachable: bool = True
    """False for a port that is bound to the guest's own loopback, which nobody outside can reach."""


@dataclass(frozen=True, slots=True)
class Console:
    """More of the console: kernel, agent and application, merged."""

    data: bytes


@dataclass(frozen=True, slots=True)
class AppExited:
    """The application ended; the machine will end soon."""

    exit_code: int
    """0 to 255; 128 + signal number if a signal ended it."""


@dataclass(frozen=True, slots=True)
class Ended:
    """The machine is gone; always the last event.

    `error` is None when it ended as machines do, else why it could not go on, in a sentence.
    """

    started: bool
    """Whether the application's entry point was ever reached."""
    kernel_code: int | None = None
    """The kernel's stop code if it shut down or crashed by itself (specification, Part D.5)."""
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Saved:
    """A snapshot that was asked for is complete."""

    snapshot: Snapshot
    time_us: int
    """How long it took to make."""


@dataclass(frozen=True, slots=True)
class SaveFailed:
    """A snapshot that was asked for could not be made; the machine goes on."""

    uuid: UUID
    error: str
    """Why, in a sentence."""


@dataclass(frozen=True, slots=True)
class TemplateWritten:
    """The guest wrote `1` to `/uk/libukp/template_instance`, and is held in that write (Part D.9)."""


@dataclass(frozen=True, slots=True)
class ScaleToZeroDisabled:
    """The guest changed `/uk/libukp/scale_to_zero_disable` (Part D.15)."""

    count: int
    """What the file says now; above 0 the machine must not be scaled to zero."""


MachineEvent: TypeAlias = (
    Running
    | Listening
    | Console
    | AppExited
    | Ended
    | Saved
    | SaveFailed
    | TemplateWritten
    | ScaleToZeroDisabled
)
