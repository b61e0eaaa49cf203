"""How instances come to be (specification, Parts C.2, D.9 and F.1)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ukrom.cloud.groups.making import group_for
from ukrom.cloud.orders import ImageOrder
from ukrom.cloud.refusals import ErrorCode, Refusal
from ukrom.cloud.roms.rom import Rom, plan_roms
from ukrom.cloud.roms.sources import ImageSource, InlineImage
from ukrom.cloud.settings import MissingImage
from ukrom.cloud.values import check_annotations

from .instance import Instance
from .interfaces import make_interfaces
from .plans import plan_instance

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from ukrom.cloud.groups.group import ServiceGroup
    from ukrom.cloud.orders import InstanceOrder
    from ukrom.cloud.roms.rom import RomPlan
    from ukrom.cloud.space import Space
    from ukrom.cloud.volumes.mounting import MountPlan

    from .origins import Origin
    from .plans import InstancePlan

__all__ = ["check_order", "make_instances", "make_roms"]


@dataclass(frozen=True, slots=True)
class _Making:
    """All that the instances of one request have in common."""

    order: InstanceOrder
    plan: InstancePlan
    origin: Origin
    roms: tuple[Rom, ...]
    volumes: tuple[MountPlan, ...]
    dependencies: tuple[UUID, ...]
    group: ServiceGroup | None
    as_template: bool


def check_order(space: Space, order: InstanceOrder, *, as_template: bool = False) -> InstancePlan:
    """Check an instance request, with what there is already, before anything is made.

    Raises:
        Refusal: With the codes of the specification, Parts A.6, E.12 and F.
    """
    limits = space.cloud.settings.limits
    plan = plan_instance(order, limits, as_template=as_template)
    space.cloud.sleeping.check(order.scale_to_zero, space.account.runner or space.cloud.runner)
    if order.name is not None:
        space.instances.check_free(order.name)
    if len(space.instances) + 1 + order.replicas > limits.instances:
        raise Refusal(ErrorCode.QUOTA, "Failed to create. Quota exceeded")
    return plan


def make_instances(
    space: Space, order: InstanceOrder, origin: Origin, *, as_template: bool = False
) -> list[Instance]:
    """Make 1 + `replicas` instances, stopped; nothing is made when something is refused.

    Args:
        space: Where.
        order: The request.
        origin: What they begin as.
        as_template: Whether the instance is made only to become a template.

    Raises:
        Refusal: With the codes of the specification, Parts A.6, E.12 and F.
    """
    cloud = space.cloud
    plan = check_order(space, order, as_template=as_template)
    check_annotations({**origin.annotations, **(order.annotations or {})}, cloud.settings.limits)
    if origin.roms:
        plan = replace(plan, roms=plan_roms(order.roms, cloud.settings.limits, origin.roms))
    dependencies = tuple(space.instance(ref).uuid for ref in order.dependencies)
    required = cloud.settings.missing_image is MissingImage.AT_CREATE
    origin.source.pull_early(cloud.images, "image", required=required)
    roms = (*origin.roms, *make_roms(space, plan.roms))
    volumes = cloud.volumes.plan(
        space,
        order.volumes,
        roms=[rom.at for rom in roms],
        source=origin.model,
        instances=1 + order.replicas,
    )
    # The last step that may refuse: a group that is made here would otherwise stay behind.
    group = None if order.service_group is None else group_for(space, order.service_group)
    making = _Making(order, plan, origin, roms, volumes, dependencies, group, as_template)
    made = [_create(space, making, index) for index in range(1 + order.replicas)]
    cloud.enter(made)
    return made


def make_roms(space: Space, plans: Sequence[RomPlan]) -> tuple[Rom, ...]:
    """Make ROMs out of a request; their images are resolved if they are there already.

    Raises:
        Refusal: Code 7 for no reference; code 8 for none that exists, if the settings want that.
    """
    cloud = space.cloud
    required = cloud.settings.missing_image is MissingImage.AT_CREATE
    roms = []
    for plan in plans:
        if isinstance(plan.content, ImageOrder):
            source = ImageSource(plan.content)
            source.pull_early(cloud.images, "ROM image", required=required)
            roms.append(Rom(plan.name, plan.at, source))
        else:
            image = InlineImage(space.account.names.uuid(), plan.content)
            roms.append(Rom(plan.name, plan.at, image))
    return tuple(roms)


def _create(space: Space, making: _Making, index: int) -> Instance:
    order, origin = making.order, making.origin
    name = _name(space, making, index)
    instance = Instance(
        uuid=space.account.names.uuid(),
        name=name,
        account=space.account,
        metro=space.metro,
        created_at=space.cloud.clock.now(),
        source=replace(origin.source),
        memory_mb=origin.memory_mb,
        vcpus=origin.vcpus,
        args=origin.args,
        env=origin.env,
        hostname=order.hostname or name,
        interfaces=make_interfaces(space, name, order.interfaces),
        roms=tuple(_attached(rom) for rom in making.roms),
        group=making.group,
        **_said(order, making),
    )
    if origin.snapshot is not None:
        space.cloud.snapshots.hold(instance, origin.snapshot, space.cloud.runner_of(instance))
        instance.suspended = origin.suspended
    space.enter(instance)
    if origin.model is not None:
        space.cloud.volumes.clone_for(space, origin.model, instance)
    space.cloud.volumes.mount(space, instance, making.volumes)
    return instance


def _said(order: InstanceOrder, making: _Making) -> dict[str, Any]:
    """Give what a request says about an instance, over what the instance inherits."""
    origin = making.origin
    return {
        "scale_to_zero": order.scale_to_zero,
        "restart_policy": order.restart_policy or "never",
        "features": order.features,
        "tags": making.plan.tags,
        "annotations": {**origin.annotations, **(order.annotations or {})} or None,
        "autokill": origin.autokill if order.autokill is None else order.autokill,
        "dependencies": making.dependencies,
        "gateway": order.gateway,
        "nameserver": order.nameserver,
        "template": origin.template,
        "preparing": making.as_template,
    }


def _name(space: Space, making: _Making, index: int) -> str:
    names, wanted = space.account.names, making.order.name
    if wanted is None:
        return names.instance(making.origin.source.order.reference, space.instances)
    # [choice]: of several replicas only the first can have the name itself.
    return wanted if not index else names.instance(wanted, space.instances)


def _attached(rom: Rom) -> Rom:
    # Replicas share inline content, but each pulls its images for itself.
    return replace(rom, source=replace(rom.source)) if isinstance(rom.source, ImageSource) else rom
