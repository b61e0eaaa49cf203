"""The volumes of one cloud, and what becomes of them as instances start, stop, freeze and go."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ukrom.cloud.agenda import Alarm
from ukrom.cloud.happenings import Happening
from ukrom.cloud.instances.states import State

from .attaching import attach_volume, detach_volume, mount_all, part, unmount_all
from .cloning import clone_for, clone_volume
from .making import check_deletable, create_volume, drop_volume, freeze_volume, settle
from .mounting import make_mounts, plan_mounts
from .states import VolumeState, VolumeTrigger
from .volume import Volume

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ukrom.cloud.cloud import Cloud
    from ukrom.cloud.instances.instance import Instance
    from ukrom.cloud.orders import AttachOrder, CloneVolumeOrder, MountOrder, VolumeOrder
    from ukrom.cloud.space import Space

    from .mounting import MountPlan

__all__ = ["Volumes"]


class Volumes:
    """The volumes of one cloud. All calls are made under the cloud's lock."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        cloud.agenda.on(Volume, Alarm.SETTLE, settle)
        cloud.happenings.on(Happening.STARTED, mount_all)
        cloud.happenings.on(Happening.STOPPED, self._stopped)
        cloud.happenings.on(Happening.FROZEN, self._frozen)
        cloud.happenings.on(Happening.REMOVED, self._removed)

    def create(self, space: Space, order: VolumeOrder) -> Volume:
        """Make a volume; see `making.create_volume`."""
        return create_volume(space, order)

    def clone(self, space: Space, volume: Volume, order: CloneVolumeOrder) -> Volume:
        """Copy a volume; see `cloning.clone_volume`."""
        return clone_volume(space, volume, order)

    def freeze(self, volume: Volume) -> None:
        """Convert a volume into a template; see `making.freeze_volume`."""
        freeze_volume(volume)

    def attach(self, space: Space, volume: Volume, order: AttachOrder) -> None:
        """Attach a volume to an instance; see `attaching.attach_volume`."""
        attach_volume(space, volume, order)

    def detach(self, volume: Volume, instance: Instance | None = None) -> None:
        """Detach a volume from an instance, or from all; see `attaching.detach_volume`."""
        detach_volume(volume, instance)

    def delete(self, space: Space, volume: Volume) -> None:
        """Delete a volume or a volume template.

        Raises:
            Refusal: Code 14; it is locked. 15; it is attached, or has clones.
        """
        check_deletable(space, volume)
        drop_volume(space, volume)

    def drop_all(self, space: Space) -> None:
        """Delete all volumes, once no instances are left; delete locks do not count."""
        for volume in tuple(space.volumes):
            drop_volume(space, volume)

    def plan(
        self,
        space: Space,
        orders: Sequence[MountOrder],
        *,
        roms: Iterable[str | None] = (),
        source: Instance | None = None,
        instances: int = 1,
    ) -> tuple[MountPlan, ...]:
        """Check the volumes of instances that are about to be made; see `mounting.plan_mounts`."""
        return plan_mounts(space, orders, roms=roms, source=source, instances=instances)

    def mount(self, space: Space, instance: Instance, plans: Sequence[MountPlan]) -> None:
        """Attach the volumes of a create to one of its instances; see `mounting.make_mounts`."""
        make_mounts(space, instance, plans)

    def clone_for(self, space: Space, source: Instance, clone: Instance) -> None:
        """Give an instance copies of another one's volumes; see `cloning.clone_for`."""
        clone_for(space, source, clone)

    def _stopped(self, instance: Instance) -> None:
        # [choice]: an instance whose memory was kept by a suspend has stopped in full as well.
        if instance.state is not State.STANDBY:
            unmount_all(instance)

    def _frozen(self, instance: Instance) -> None:
        unmount_all(instance)
        for mount in instance.volumes:
            # [choice]: what other instances have too cannot be frozen under them; clones get copies.
            if len(mount.volume.attached_to) == 1:
                mount.volume.move(VolumeTrigger.FREEZE)

    def _removed(self, instance: Instance) -> None:
        space = self._cloud.space(instance.account, instance.metro)
        for mount in tuple(instance.volumes):
            volume = mount.volume
            part(instance, mount)
            # A volume template goes with its instance template (Part D.9).
            goes = not volume.persistent or volume.state is VolumeState.TEMPLATE
            if not goes or volume.attached_to:
                continue
            if volume.delete_lock:
                volume.persistent = True  # [choice]: a lock wins.
            else:
                drop_volume(space, volume)
