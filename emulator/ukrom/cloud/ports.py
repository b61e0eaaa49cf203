"""What the cloud needs of the world, as Protocols: a runner of machines and a store of images.

The cloud does no IO. It calls these ports under its own lock, so every call must return at once;
what takes time is reported later through the callback that was handed over.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import datetime
    from pathlib import Path
    from uuid import UUID

__all__ = [
    "AppExited",
    "Console",
    "Ended",
    "Endpoint",
    "Image",
    "ImageStore",
    "InlineFile",
    "Listening",
    "Machine",
    "MachineEvent",
    "MachineSpec",
    "RomDevice",
    "Runner",
    "Running",
    "StoredBlob",
]

BlobFormat: TypeAlias = Literal["erofs", "cpio", "raw"]


@dataclass(frozen=True, slots=True)
class StoredBlob:
    """Bytes that a guest sees as one block device: a root file system or a ROM."""

    path: Path
    size: int
    """In bytes."""
    digest: str
    """`sha256:<64 hex>` of the content."""
    format: BlobFormat


@dataclass(frozen=True, slots=True)
class Image:
    """An image that a reference was resolved to."""

    reference: str
    """As reads give it back, pinned: `oci://unikraft.io/<org>/<name>:<tag>@sha256:<hex>`."""
    digest: str
    architecture: str
    """In the platform's spelling: `x86_64` or `arm64`."""
    root: StoredBlob | None
    """The root file system; None in a ROM-only image."""
    roms: tuple[StoredBlob, ...] = ()
    args: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    created_at: datetime | None = None
    size: int = 0
    """In bytes, over all layers."""
    tags: tuple[str, ...] = ()

    @property
    def rom(self) -> StoredBlob | None:
        """The blob to attach when this image is used as a ROM (images and clients, section 1.6)."""
        return self.roms[0] if self.roms else self.root


class ImageStore(Protocol):
    """Where image references lead."""

    def resolve(self, reference: str) -> Image:
        """Find an image.

        Raises:
            BadReference: The text is no reference.
            ImageNotFound: There is no such image.
        """

    def images(self) -> Iterable[Image]:
        """All images that have a tag."""


@dataclass(frozen=True, slots=True)
class InlineFile:
    """One file of an inline ROM; `path` is relative, with no leading slash."""

    path: str
    data: bytes


@dataclass(frozen=True, slots=True)
class RomDevice:
    """A ROM as one machine gets it."""

    name: str
    at: str | None
    """Where the guest mounts it, or None for a bare device."""
    content: StoredBlob | tuple[InlineFile, ...]
    """A stored ROM, or the files of an inline one, which the runner packs."""


@dataclass(frozen=True, slots=True)
class MachineSpec:
    """Everything a runner must know to boot one machine."""

    uuid: UUID
    name: str
    hostname: str
    image: Image
    args: tuple[str, ...]
    """The command to run, image defaults already applied; never empty for a real machine."""
    env: Mapping[str, str]
    """The application's environment, image defaults already merged."""
    memory_mb: int
    """In MiB."""
    vcpus: int
    roms: tuple[RomDevice, ...] = ()
    ports: tuple[int, ...] = ()
    """Guest TCP ports to which services send; more can be asked for later by `Machine.publish`."""


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


MachineEvent: TypeAlias = Running | Listening | Console | AppExited | Ended


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

    def boot(self, spec: MachineSpec, report: Callable[[MachineEvent], None]) -> Machine:
        """Begin to boot a machine; `report` is called with its events, on any thread."""
