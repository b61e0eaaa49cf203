"""How volumes come and go (specification, Part D.18)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ukrom.cloud.agenda import Alarm
from ukrom.cloud.refusals import ErrorCode, Refusal

from .plans import check_room, plan_volume
from .states import VolumeState, VolumeTrigger
from .volume import Volume

if TYPE_CHECKING:
    from ukrom.cloud.orders import VolumeOrder
    from ukrom.cloud.space import Space

    from .plans import VolumePlan

__all__ = ["begin", "check_deletable", "create_volume", "drop_volume", "enter", "freeze_volume", "settle"]


def create_volume(space: Space, order: VolumeOrder) -> Volume:
    """Make a persistent volume, which is `initializing` until it has settled.

    Raises:
        Refusal: Code 19 when there is no room, 23 when its name is taken, and those of `plan_volume`.
    """
    plan = plan_volume(order, space)
    if plan.name is not None:
        space.volumes.check_free(plan.name)
    check_room(space, plan.size_mb, 1)
    return begin(space, plan)


def begin(space: Space, plan: VolumePlan) -> Volume:
    """Begin to make a volume; it settles after this section, or later if the settings say so."""
    volume = enter(space, plan, persistent=True)
    cloud = space.cloud
    if delay_s := cloud.settings.volume_settle_s:
        cloud.agenda.set(volume, Alarm.SETTLE, delay_s)
    else:
        # Not by a timer, which might go off only after the client's next call.
        cloud.guard.post(lambda: settle(volume))
    return volume


def enter(space: Space, plan: VolumePlan, *, persistent: bool) -> Volume:
    """Add a volume that is `initializing`.

    Args:
        space: Where there is room for it.
        plan: The volume.
        persistent: Whether it outlives its last instance.
    """
    names = space.account.names
    volume = Volume(
        uuid=names.uuid(),
        name=plan.name or names.volume(space.volumes),
        created_at=space.cloud.clock.now(),
        size_mb=plan.size_mb,
        persistent=persistent,
        filesystem=plan.filesystem,
        access_mode=plan.access_mode,
        quota_policy=plan.quota_policy,
        host_path=plan.host_path,
        uid=plan.uid,
        gid=plan.gid,
        args=plan.args,
        tags=plan.tags,
        source=None if plan.source is None else plan.source.uuid,
    )
    space.volumes.add(volume)
    volume.move(VolumeTrigger.PREPARE)
    return volume


def settle(volume: Volume) -> None:
    """Have a volume be ready."""
    volume.move(VolumeTrigger.SETTLE)


def freeze_volume(volume: Volume) -> None:
    """Convert a volume into a template, in place and for ever.

    Raises:
        Refusal: Code 15; it is attached. 24; it is not ready.
    """
    _check_detached(volume)
    if volume.state is not VolumeState.AVAILABLE:
        message = f"Volume '{volume.name}' is in state '{volume.state.value}', not 'available'"
        raise Refusal(ErrorCode.CANNOT_BE_USED, message)
    volume.move(VolumeTrigger.FREEZE)


def check_deletable(space: Space, volume: Volume) -> None:
    """Check that a volume or volume template may be deleted.

    [choice]: a volume template may go before its clones, as it does with an instance template.

    Raises:
        Refusal: Code 14; it is locked. 15; it is attached, or has clones.
    """
    if volume.delete_lock:
        raise Refusal(ErrorCode.NOT_ALLOWED, "Deletion protection enabled")
    _check_detached(volume)
    clones = [one.name for one in space.volumes if one.source == volume.uuid]
    if clones and volume.state is not VolumeState.TEMPLATE:
        named = ", ".join(f"'{name}'" for name in clones)
        raise Refusal(ErrorCode.ATTACHED, f"Volume '{volume.name}' still has clones: {named}")


def drop_volume(space: Space, volume: Volume) -> None:
    """Delete a volume, whatever keeps it."""
    space.volumes.remove(volume)
    space.cloud.agenda.clear(volume)


def _check_detached(volume: Volume) -> None:
    if volume.attached_to:
        named = ", ".join(f"'{instance.name}'" for instance in volume.attached_to.values())
        raise Refusal(ErrorCode.ATTACHED, f"Volume '{volume.name}' is still attached to {named}")
