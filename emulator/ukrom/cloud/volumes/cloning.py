"""How volumes are copied: by request, and for clones and branches (specification, Parts D.9, D.11, D.18)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ukrom.cloud.refusals import ErrorCode, Refusal
from ukrom.cloud.values import check_name, plan_tags

from .attaching import join
from .making import begin, enter, settle
from .plans import VolumePlan, check_access, check_room
from .states import VolumeState

if TYPE_CHECKING:
    from ukrom.cloud.instances.instance import Instance
    from ukrom.cloud.orders import CloneVolumeOrder
    from ukrom.cloud.space import Space

    from .volume import Volume

__all__ = ["clone_for", "clone_volume"]

_COPYABLE = frozenset({VolumeState.AVAILABLE, VolumeState.IDLE, VolumeState.MOUNTED})


def clone_volume(space: Space, volume: Volume, order: CloneVolumeOrder) -> Volume:
    """Copy a volume, asynchronously; the copy is persistent, unlocked and attached to nothing.

    [choice]: one that guests have may be copied too.

    Raises:
        Refusal: Code 19 when there is no room, 23 for a taken name, 24 for a template or a volume that
            is not ready, and those of `check_name`, `plan_tags` and `check_access`.
    """
    if volume.state is VolumeState.TEMPLATE:
        message = f"Volume '{volume.name}' is a template: name it as the 'template' of a new volume"
        raise Refusal(ErrorCode.CANNOT_BE_USED, message)
    if volume.state not in _COPYABLE:
        message = f"Volume '{volume.name}' is in state '{volume.state.value}' and cannot be cloned"
        raise Refusal(ErrorCode.CANNOT_BE_USED, message)
    if order.vol_name is not None:
        check_name(order.vol_name)
        space.volumes.check_free(order.vol_name)
    plan = _copied(volume, space, order)
    check_access(plan.access_mode, plan.filesystem)
    check_room(space, plan.size_mb, 1)
    return begin(space, plan)


def clone_for(space: Space, source: Instance, clone: Instance) -> None:
    """Copy the volumes of a template, or of an instance that is branched, and attach the copies.

    The copies have names of their own and go with the clone; there must be room. [choice]: they are
    ready at once.
    """
    for mount in source.volumes:
        volume = enter(space, _copied(mount.volume, space), persistent=False)
        settle(volume)
        join(clone, volume, mount.at, readonly=mount.readonly)


def _copied(volume: Volume, space: Space, order: CloneVolumeOrder | None = None) -> VolumePlan:
    limits = space.cloud.settings.limits
    # [choice]: tags are given to a copy, not handed down.
    tags = () if order is None else plan_tags(order.tags or (), limits)
    return VolumePlan(
        name=None if order is None else order.vol_name,
        size_mb=volume.size_mb,
        filesystem=volume.filesystem,
        access_mode=(None if order is None else order.access_mode) or volume.access_mode,
        quota_policy=(None if order is None else order.quota_policy) or volume.quota_policy,
        tags=tags,
        host_path=volume.host_path,
        uid=volume.uid,
        gid=volume.gid,
        args=volume.args,
        source=volume,
    )
