"""Volumes and volume templates as answers show them (specification, Parts B.4 and C.9)."""

from typing import Literal, Required

from typing_extensions import TypedDict

from .references import Reference
from .scalars import Amount, Moment, Uuid, closed

__all__ = ["MountingInstance", "SeenVolume", "Volume", "VolumeState"]

VolumeState = Literal[
    "uninitialized", "initializing", "available", "idle", "mounted", "busy", "error", "template"
]
"""The states of volumes and volume templates (Part D.18)."""


@closed
class MountingInstance(TypedDict, total=False):
    """An instance that has the volume mounted (Part C.9)."""

    uuid: Required[Uuid]
    name: Required[str]
    readonly: Required[bool]


@closed
class Volume(TypedDict, total=False):
    """A volume or a volume template; listings without details show part of it (Part C.9)."""

    uuid: Required[Uuid]
    name: Required[str]
    created_at: Moment
    state: VolumeState
    size_mb: Amount
    free_mb: Amount
    persistent: bool
    attached_to: list[Reference]
    mounted_by: list[MountingInstance]
    tags: list[str]
    quota_policy: Literal["static", "dynamic"]
    delete_lock: bool
    filesystem: str
    host_path: str
    access_mode: Literal["rwo", "rox", "rwx"]
    uid: Amount
    gid: Amount
    args: dict[str, str]


@closed
class SeenVolume(TypedDict, total=False):
    """A volume in the state that it came to: creates, clones, conversions (Part B.4)."""

    uuid: Required[Uuid]
    name: Required[str]
    state: Required[VolumeState]
