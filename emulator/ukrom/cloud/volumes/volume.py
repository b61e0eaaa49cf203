"""A volume, or a volume template (specification, Parts C.9 and D.18)."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from uuid import UUID

    from ukrom.cloud.agenda import Alarm
    from ukrom.cloud.instances.instance import Instance

__all__ = ["Volume", "VolumeState"]


class VolumeState(Enum):
    """The state of a volume (specification, Parts C.9 and D.18)."""

    UNINITIALIZED = "uninitialized"  # asked for
    INITIALIZING = "initializing"  # being made, or copied
    AVAILABLE = "available"  # ready, and not in use
    IDLE = "idle"  # attached to an instance that does not run
    MOUNTED = "mounted"  # attached to an instance that runs, or is on standby
    BUSY = "busy"  # being worked upon
    ERROR = "error"  # could not be made
    TEMPLATE = "template"  # frozen, the source of clones


@dataclass(eq=False, slots=True)
class Volume:
    """A volume."""

    uuid: UUID
    name: str
    created_at: datetime
    size_mb: int
    """In MiB."""
    state: VolumeState = VolumeState.UNINITIALIZED
    persistent: bool = True
    """False for one that was made with an instance; it goes with it unless it is detached before."""
    filesystem: str = "ext4"
    access_mode: str = "rwo"
    quota_policy: str = "static"
    host_path: str | None = None
    uid: int | None = None
    gid: int | None = None
    args: Mapping[str, str] | None = None
    tags: tuple[str, ...] = ()
    delete_lock: bool = False
    source: UUID | None = None
    """The volume or volume template that it is a copy of, which may be gone."""
    attached_to: dict[UUID, Instance] = field(default_factory=dict)
    alarms: dict[Alarm, datetime] = field(default_factory=dict)
