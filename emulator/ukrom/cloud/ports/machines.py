"""What a runner must know of a machine that it is to boot."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID

    from .images import Image, StoredBlob

__all__ = ["InlineFile", "MachineSpec", "RomDevice", "Snapshot", "VolumeDevice"]


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
