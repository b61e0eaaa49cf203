"""How instances come to be (specification, Parts C.2 and F.1)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ukrom.cloud.groups.making import group_for
from ukrom.cloud.orders import ImageOrder
from ukrom.cloud.refusals import ErrorCode, Refusal
from ukrom.cloud.roms.rom import Rom
from ukrom.cloud.roms.sources import ImageSource, InlineImage
from ukrom.cloud.settings import MissingImage

from .instance import Instance, Interface
from .plans import plan_instance

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ukrom.cloud.groups.group import ServiceGroup
    from ukrom.cloud.orders import InstanceOrder
    from ukrom.cloud.roms.rom import RomPlan
    from ukrom.cloud.space import Space

    from .plans import InstancePlan

__all__ = ["create_instances", "make_interface", "make_roms"]

DEFAULT_MEMORY_MB = 128
DEFAULT_VCPUS = 1


def create_instances(space: Space, order: InstanceOrder) -> list[Instance]:
    """Make 1 + `replicas` instances, stopped; nothing is made when something is refused.

    Raises:
        Refusal: With the codes of the specification, Parts A.6, E.12 and F.
    """
    cloud = space.cloud
    limits = cloud.settings.limits
    plan = plan_instance(order, limits)
    if order.name is not None:
        space.instances.check_free(order.name)
    if len(space.instances) + 1 + order.replicas > limits.instances:
        raise Refusal(ErrorCode.QUOTA, "Failed to create. Quota exceeded")
    required = cloud.settings.missing_image is MissingImage.AT_CREATE
    source = ImageSource(plan.image)
    source.pull_early(cloud.images, "image", required=required)
    roms = make_roms(space, plan.roms)
    # The last step that may refuse: a group that is made here would otherwise stay behind.
    group = None if order.service_group is None else group_for(space, order.service_group)
    made = [_create(space, order, plan, index, source, roms, group) for index in range(1 + order.replicas)]
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


def make_interface(space: Space) -> Interface:
    """Make a network interface with the next free private address (specification, Part C.6)."""
    high, low = divmod(space.cloud.next_address(space.metro), 256)
    address = bytes((10, high // 256 % 256, high % 256, low))
    mac = bytes((0x12, 0xB0)) + address
    return Interface(space.account.names.uuid(), ".".join(map(str, address)), mac.hex(":"))


def _create(
    space: Space,
    order: InstanceOrder,
    plan: InstancePlan,
    index: int,
    source: ImageSource,
    roms: Sequence[Rom],
    group: ServiceGroup | None,
) -> Instance:
    names = space.account.names
    if order.name is None:
        name = names.instance(plan.image.reference, space.instances)
    else:
        # [choice]: of several replicas only the first can have the name itself.
        name = order.name if not index else names.instance(order.name, space.instances)
    instance = Instance(
        uuid=names.uuid(),
        name=name,
        account=space.account,
        metro=space.metro,
        created_at=space.cloud.clock.now(),
        source=replace(source),
        memory_mb=DEFAULT_MEMORY_MB if order.memory_mb is None else order.memory_mb,
        vcpus=DEFAULT_VCPUS if order.vcpus is None else order.vcpus,
        args=order.args,
        env=order.env,
        hostname=order.hostname or name,
        interfaces=(make_interface(space),),
        roms=tuple(_attached(rom) for rom in roms),
        group=group,
        scale_to_zero=order.scale_to_zero,
        restart_policy=order.restart_policy or "never",
        features=order.features,
        tags=plan.tags,
        annotations=order.annotations,
    )
    space.enter(instance)
    return instance


def _attached(rom: Rom) -> Rom:
    # Replicas share inline content, but each pulls its images for itself.
    return replace(rom, source=replace(rom.source)) if isinstance(rom.source, ImageSource) else rom
