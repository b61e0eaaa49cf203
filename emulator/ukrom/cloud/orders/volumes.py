"""Volumes as they are asked for (specification, Part C.9)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .references import Ref

__all__ = ["AttachOrder", "CloneVolumeOrder", "MountOrder", "VolumeOrder"]


@dataclass(frozen=True, slots=True)
class VolumeOrder:
    """A volume."""

    name: str | None = None
    size_mb: int | None = None
    """In MiB."""
    host_path: str | None = None
    template: Ref | None = None
    quota_policy: Literal["static", "dynamic"] | None = None
    filesystem: str | None = None
    tags: tuple[str, ...] = ()
    uid: int | None = None
    gid: int | None = None
    access_mode: Literal["rwo", "rox", "rwx"] | None = None
    args: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class MountOrder:
    """A volume in an instance's create: one that exists, or a new one."""

    at: str
    ref: Ref | None = None
    """The volume that exists."""
    new: VolumeOrder | None = None
    """The volume to be made; goes with the instance unless it is detached before."""
    readonly: bool = False


@dataclass(frozen=True, slots=True)
class AttachOrder:
    """Where to attach a volume (Part B.4)."""

    attach_to: Ref
    at: str
    readonly: bool = False


@dataclass(frozen=True, slots=True)
class CloneVolumeOrder:
    """A copy of a volume (Part B.4); what is None is the source's."""

    vol_name: str | None = None
    quota_policy: Literal["static", "dynamic"] | None = None
    tags: tuple[str, ...] | None = None
    access_mode: Literal["rwo", "rox", "rwx"] | None = None
