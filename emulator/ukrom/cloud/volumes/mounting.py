"""The volumes of an instance's create: those that exist, and new ones (specification, Parts C.2, C.9)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ukrom.cloud.refusals import ErrorCode, Refusal

from .attaching import check_attachable, check_count, check_runner, free_path, join
from .making import enter, settle
from .plans import check_room, plan_volume

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ukrom.cloud.instances.instance import Instance
    from ukrom.cloud.orders import MountOrder
    from ukrom.cloud.space import Space

    from .plans import VolumePlan
    from .volume import Volume

__all__ = ["MountPlan", "make_mounts", "plan_mounts"]


@dataclass(frozen=True, slots=True)
class MountPlan:
    """A volume of an instance's create that was found to be in order: one that exists, or a new one."""

    at: str
    readonly: bool
    volume: Volume | None = None
    new: VolumePlan | None = None


def plan_mounts(
    space: Space,
    orders: Sequence[MountOrder],
    *,
    roms: Iterable[str | None] = (),
    source: Instance | None = None,
    instances: int = 1,
) -> tuple[MountPlan, ...]:
    """Check the volumes of instances that are about to be made.

    Args:
        space: Where.
        orders: What was asked for.
        roms: Where the instances' ROMs are mounted.
        source: The template or instance whose volumes are to be cloned for each (see `clone_for`).
        instances: How many instances are to have them; each gets new ones of its own.

    Raises:
        Refusal: Code 1 when the account's runner has no volumes, 5 for too many, 7 for a mount path that
            is bad or taken, 8 for an unknown volume, 15 for one that another instance has, 19 when
            there is no room, 23 for a taken name, 24 for one that is not ready.
    """
    cloned = [] if source is None else source.volumes
    if not orders and not cloned:
        return ()
    check_runner(space.account.runner or space.cloud.runner)
    check_count(len(cloned) + len(orders), space.cloud.settings.limits)
    taken: set[str | None] = {*roms}
    for mount in cloned:
        taken.add(free_path(mount.at, taken))
    plans: list[MountPlan] = []
    for order in orders:
        at = free_path(order.at, taken)
        taken.add(at)
        plans.append(_planned(space, order, at))
    _check_apart(plans, instances)
    new = [plan.new.size_mb for plan in plans if plan.new] + [mount.volume.size_mb for mount in cloned]
    if new:
        check_room(space, sum(new) * instances, len(new) * instances)
    return tuple(plans)


def make_mounts(space: Space, instance: Instance, plans: Sequence[MountPlan]) -> None:
    """Attach the volumes of a create to one of its instances, the new ones made and ready at once."""
    for plan in plans:
        volume = plan.volume
        if plan.new is not None:
            volume = _made(space, plan.new)
        if volume is not None:
            join(instance, volume, plan.at, readonly=plan.readonly)


def _planned(space: Space, order: MountOrder, at: str) -> MountPlan:
    if order.new is not None:
        plan = plan_volume(order.new, space)
        if plan.name is not None:
            space.volumes.check_free(plan.name)
        return MountPlan(at, order.readonly, new=plan)
    if order.ref is None:
        raise Refusal(ErrorCode.MISSING_ID, "A volume needs a 'uuid', a 'name' or a 'size_mb'")
    volume = space.volume(order.ref)
    check_attachable(volume, readonly=order.readonly)
    return MountPlan(at, order.readonly, volume=volume)


def _check_apart(plans: Sequence[MountPlan], instances: int) -> None:
    volumes = [plan.volume for plan in plans if plan.volume is not None]
    names = [plan.new.name for plan in plans if plan.new is not None and plan.new.name is not None]
    for volume in volumes:
        if volumes.count(volume) > 1:
            raise Refusal(ErrorCode.ATTACHED, f"Volume '{volume.name}' is given twice")
        if instances > 1 and not volume.shareable:
            message = f"Volume '{volume.name}' has the access mode 'rwo': only one instance can have it"
            raise Refusal(ErrorCode.ATTACHED, message)
    for name in names:
        if names.count(name) > 1:
            raise Refusal(ErrorCode.ALREADY_EXISTS, f"A volume with the name '{name}' already exists")


def _made(space: Space, plan: VolumePlan) -> Volume:
    # [choice]: of several replicas' volumes only the first can have the name.
    if plan.name is not None and plan.name in space.volumes:
        plan = replace(plan, name=None)
    volume = enter(space, plan, persistent=False)
    settle(volume)
    return volume
