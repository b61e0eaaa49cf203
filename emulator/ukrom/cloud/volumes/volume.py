"""A volume, or a volume template (specification, Parts C.9 and D.18)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .states import MountPhase, VolumeState, after_volume

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from uuid import UUID

    from ukrom.cloud.agenda import Alarm
    from ukrom.cloud.instances.instance import Instance, Mount

    from .states import VolumeTrigger

__all__ = ["Volume", "VolumeState"]


@dataclass(eq=False, slots=True)
class Volume:
    """A volume."""

    uuid: UUID
    name: str
    created_at: datetime
    size_mb: int
    """In MiB; 0 for one that is a directory of the host."""
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

    @property
    def free_mb(self) -> int:
        """Space that is not used, in MiB. [choice]: all of it, for nobody looks into it."""
        return self.size_mb

    @property
    def shareable(self) -> bool:
        """Whether several instances may have it at once."""
        return self.access_mode != "rwo"

    def move(self, trigger: VolumeTrigger) -> None:
        """Go to the state to which a trigger leads."""
        self.state = after_volume(self.state, trigger)

    def mounted_by(self) -> list[tuple[Instance, Mount]]:
        """Give the instances whose guests have it, each with its attachment."""
        return [
            (instance, mount)
            for instance in self.attached_to.values()
            for mount in instance.volumes
            if mount.volume is self and mount.phase is not MountPhase.ATTACHED
        ]
