"""Changes of an instance's ROMs (specification, Parts E.9 and E.12)."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from ukrom.cloud.instances.making import make_roms
from ukrom.cloud.orders import ImageOrder, Op
from ukrom.cloud.refusals import ErrorCode, Refusal
from ukrom.cloud.roms.rom import Rom, RomPlan, plan_roms
from ukrom.cloud.roms.sources import ImageSource
from ukrom.cloud.settings import MissingImage

from .properties import Property

if TYPE_CHECKING:
    from ukrom.cloud.instances.instance import Instance
    from ukrom.cloud.orders import Change
    from ukrom.cloud.space import Space

    Value: TypeAlias = tuple[Rom | RomPlan, ...]

__all__ = ["roms"]


def roms() -> Property[Instance]:
    """ROMs: those that stay are left alone, new ones are made when they are put in place."""
    return Property(lambda instance: instance.roms, _worked_out, _put, queued=True)


def _worked_out(space: Space, instance: Instance, value: Value, change: Change) -> Value:
    if change.op is Op.DEL:
        return _without(value, change.value if change.given else ())
    orders = change.value if change.given else ()
    kept = value if change.op is Op.ADD else ()
    planned = plan_roms(orders, space.cloud.settings.limits, present=kept)
    _check_images(space, planned)
    _check_paths(instance, planned)
    return (*kept, *planned)


def _without(value: Value, names: tuple[str, ...]) -> Value:
    there = {rom.name for rom in value}
    for name in names:
        if name not in there:
            raise Refusal(ErrorCode.NOT_FOUND, f"No ROM with name '{name}'")
    return tuple(rom for rom in value if rom.name not in names)


def _check_images(space: Space, plans: tuple[RomPlan, ...]) -> None:
    required = space.cloud.settings.missing_image is MissingImage.AT_CREATE
    for plan in plans:
        if isinstance(plan.content, ImageOrder):
            source = ImageSource(plan.content)
            source.pull_early(space.cloud.images, "ROM image", required=required)


def _check_paths(instance: Instance, plans: tuple[RomPlan, ...]) -> None:
    mounts = {mount.at for mount in instance.volumes}
    for plan in plans:
        if plan.at in mounts:
            raise Refusal(ErrorCode.INVALID, f"A volume has the mount path '{plan.at}'")


def _put(space: Space, instance: Instance, value: Value) -> None:
    before = instance.roms
    made = iter(make_roms(space, [rom for rom in value if isinstance(rom, RomPlan)]))
    instance.roms = tuple(next(made) if isinstance(rom, RomPlan) else rom for rom in value)
    # First held, then let go: content that stays must not be freed in between.
    space.hold(instance, instance.roms)
    gone = [rom for rom in before if rom not in instance.roms]
    space.let_go(instance, gone)
