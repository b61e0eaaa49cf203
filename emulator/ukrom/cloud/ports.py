"""What the cloud needs of the world, as Protocols: a runner of machines and a store of images.

The cloud does no IO. It calls these ports under its own lock, so every call must return at once;
what takes time is reported later through the callback that was handed over.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import datetime
    from pathlib import Path
    from uuid import UUID

__all__ = [
    "Ability",
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
    "SaveFailed",
    "Saved",
    "ScaleToZeroDisabled",
    "Snapshot",
    "StoredBlob",
    "TemplateWritten",
    "Usage",
    "VolumeDevice",
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
class VolumeDevice:
    """A volume as one machine gets it."""

    uuid: UUID
    size_mb: int
    """In MiB."""
    at: str
    """Where the guest mounts it."""
    readonly: bool
    filesystem: str
    source: UUID | None = None
    """The volume or volume template whose content it begins with; None begins empty."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The memory and the writable root of a machine, saved; the runner knows it by its UUID."""

    uuid: UUID
    size: int = 0
    """In bytes."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What a machine has used up to now, as far as its runner can tell."""

    rss_bytes: int = 0
    cpu_time_ms: int = 0
    rx_bytes: int = 0
    rx_packets: int = 0
    tx_bytes: int = 0
    tx_packets: int = 0


class Ability(Enum):
    """What a runner may be able to do beyond booting and stopping."""

    SNAPSHOTS = "snapshots"  # save a machine's memory and resume from it
    VOLUMES = "volumes"  # attach volumes


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
    volumes: tuple[VolumeDevice, ...] = ()
    preparing: bool = False
    """Whether this boot is only for a template on demand: its guest is about to write to
    `/uk/libukp/template_instance` (Part D.10)."""


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
