"""What one account has in one metro: its instances and service groups, made, found and deleted."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from .groups.group import ServiceGroup, plan_group
from .instances.instance import Instance, Interface
from .instances.plans import check_name, plan_instance
from .instances.states import State
from .orders import ImageOrder, Ref
from .refusals import ErrorCode, Refusal, not_found
from .roms.rom import Rom
from .roms.sources import ImageSource, InlineImage
from .settings import MissingImage

if TYPE_CHECKING:
    from collections.abc import Container, Sequence
    from uuid import UUID

    from .accounts import Account
    from .cloud import Cloud
    from .groups.group import GroupPlan
    from .instances.plans import InstancePlan
    from .orders import GroupOrder, InstanceOrder

__all__ = ["Space"]


class Space:
    """One account's resources in one metro. All calls are made under the cloud's lock.

    Made by `Cloud.space`.
    """

    def __init__(self, cloud: Cloud, metro: str, account: Account) -> None:
        self._cloud = cloud
        self.metro = metro
        self.account = account
        self.instances: dict[UUID, Instance] = {}
        self.groups: dict[UUID, ServiceGroup] = {}
        self.inline_images: dict[UUID, InlineImage] = {}
        self._instance_names: dict[str, Instance] = {}
        self._group_names: dict[str, ServiceGroup] = {}
        self._published = 0

    def instance(self, ref: Ref) -> Instance:
        """Find an instance.

        Raises:
            Refusal: Code 8; there is none.
        """
        found = (
            self.instances.get(ref.uuid) if ref.uuid is not None else self._instance_names.get(ref.name or "")
        )
        if found is None:
            raise _missing("instance", ref)
        return found

    def group(self, ref: Ref) -> ServiceGroup:
        """Find a service group.

        Raises:
            Refusal: Code 8; there is none.
        """
        found = self.groups.get(ref.uuid) if ref.uuid is not None else self._group_names.get(ref.name or "")
        if found is None:
            raise _missing("service group", ref)
        return found

    def create_instances(self, order: InstanceOrder) -> list[Instance]:
        """Make 1 + `replicas` instances, stopped; nothing is made when something is refused.

        Raises:
            Refusal: With the codes of the specification, Parts A.6, E.12 and F.
        """
        limits = self._cloud.settings.limits
        plan = plan_instance(order, limits)
        if order.name is not None and order.name in self._instance_names:
            raise Refusal(
                ErrorCode.ALREADY_EXISTS, f"An instance with the name '{order.name}' already exists"
            )
        if len(self.instances) + 1 + order.replicas > limits.instances:
            raise Refusal(ErrorCode.QUOTA, "Failed to create. Quota exceeded")
        required = self._cloud.settings.missing_image is MissingImage.AT_CREATE
        source = ImageSource(plan.image)
        source.pull_early(self._cloud.images, "image", required=required)
        roms = self._roms(plan, required=required)
        # The last step that may refuse: a group that is made here would otherwise stay behind.
        group = None if order.service_group is None else self._group_for(order.service_group)
        made = [self._create(order, plan, index, source, roms, group) for index in range(1 + order.replicas)]
        self._cloud.enter(made)
        return made

    def create_group(self, order: GroupOrder, *, persistent: bool = True) -> ServiceGroup:
        """Make a service group.

        Raises:
            Refusal: With the codes of the specification, Parts A.6 and F.
        """
        limits = self._cloud.settings.limits
        if order.name is not None:
            check_name(order.name)
            if order.name in self._group_names:
                raise Refusal(
                    ErrorCode.ALREADY_EXISTS, f"A service group with the name '{order.name}' already exists"
                )
        plan = plan_group(order, self.metro, self._cloud.domains)
        if (
            len(self.groups) + 1 > limits.service_groups
            or self._published + len(plan.services) > limits.services
        ):
            raise Refusal(ErrorCode.QUOTA, "Failed to create. Quota exceeded")
        group = self._made(order, plan, persistent=persistent)
        self.groups[group.uuid] = self._group_names[group.name] = group
        for domain in group.domains:
            self._cloud.domains.claim(domain, group)
        self._published += len(group.services)
        self._cloud.gateway.opened(group.services)
        return group

    def delete_group(self, group: ServiceGroup) -> None:
        """Delete a service group.

        Raises:
            Refusal: Code 15; it has instances. [choice]
        """
        if group.instances:
            names = ", ".join(f"'{instance.name}'" for instance in group.instances.values())
            raise Refusal(ErrorCode.ATTACHED, f"Service group '{group.name}' still has instances: {names}")
        self._drop_group(group)

    def remove(self, instance: Instance) -> None:
        """Take an instance out, with all that only it holds; its machine is somebody else's care."""
        instance.state = State.DELETED
        del self.instances[instance.uuid]
        del self._instance_names[instance.name]
        for rom in instance.roms:
            if isinstance(rom.source, InlineImage):
                rom.source.holders.discard(instance.uuid)
                if not rom.source.holders:
                    del self.inline_images[rom.source.uuid]
        group, instance.group = instance.group, None
        if group is not None:
            group.instances.pop(instance.uuid, None)
            if not group.instances and not group.persistent:
                self._drop_group(group)

    def drop_groups(self) -> None:
        """Delete all service groups, once no instances are left."""
        for group in tuple(self.groups.values()):
            self._drop_group(group)

    def _drop_group(self, group: ServiceGroup) -> None:
        del self.groups[group.uuid]
        del self._group_names[group.name]
        for domain in group.domains:
            self._cloud.domains.release(domain)
        self._published -= len(group.services)
        self._cloud.gateway.closed(group.services)

    def _roms(self, plan: InstancePlan, *, required: bool) -> tuple[Rom, ...]:
        roms = []
        for rom in plan.roms:
            if isinstance(rom.content, ImageOrder):
                source = ImageSource(rom.content)
                source.pull_early(self._cloud.images, "ROM image", required=required)
                roms.append(Rom(rom.name, rom.at, source))
            else:
                roms.append(Rom(rom.name, rom.at, InlineImage(self._cloud.names.uuid(), rom.content)))
        return tuple(roms)

    def _group_for(self, order: GroupOrder) -> ServiceGroup:
        if order.services is not None:
            if order.uuid is not None:
                raise Refusal(ErrorCode.NOT_BOTH, "A 'service_group' has either a 'uuid' or 'services'")
            return self.create_group(order, persistent=False)
        if order.uuid is not None and order.name is not None:
            raise Refusal(ErrorCode.NOT_BOTH, "A 'service_group' has either a 'uuid' or a 'name'")
        if order.domains is not None:
            # [choice]: the platform's own client refuses it.
            raise Refusal(ErrorCode.NOT_BOTH, "'domains' can only be given with new 'services'")
        if order.uuid is None and order.name is None:
            raise Refusal(ErrorCode.MISSING_ID, "A 'service_group' needs a 'uuid', a 'name' or 'services'")
        return self.group(Ref(order.uuid, order.name))

    def _made(self, order: GroupOrder, plan: GroupPlan, *, persistent: bool) -> ServiceGroup:
        names, table = self._cloud.names, self._cloud.domains
        name = order.name or names.group(_Taken(self._group_names, table.labels(self.metro)))
        domains = plan.domains
        if not domains:
            label = names.domain(name.lower(), table.labels(self.metro)) if order.name else name
            # [choice]: a group's name may hold letters that a host name may not.
            label = label.replace("_", "-").replace(".", "-")[-63:].strip("-")
            domains = (table.check(label, self.metro),)
        now = self._cloud.clock.now()
        return ServiceGroup(
            names.uuid(), name, now, persistent, plan.services, domains, order.soft_limit, order.hard_limit
        )

    def _create(
        self,
        order: InstanceOrder,
        plan: InstancePlan,
        index: int,
        source: ImageSource,
        roms: Sequence[Rom],
        group: ServiceGroup | None,
    ) -> Instance:
        names = self._cloud.names
        if order.name is None:
            name = names.instance(plan.image.reference, self._instance_names)
        else:
            # [choice]: of several replicas only the first can have the name itself.
            name = order.name if not index else names.instance(order.name, self._instance_names)
        instance = Instance(
            uuid=names.uuid(),
            name=name,
            account=self.account,
            metro=self.metro,
            created_at=self._cloud.clock.now(),
            source=replace(source),
            memory_mb=order.memory_mb,
            vcpus=order.vcpus,
            args=order.args,
            env=order.env,
            hostname=order.hostname or name,
            interface=self._interface(),
            roms=tuple(_attached(rom) for rom in roms),
            group=group,
            scale_to_zero=order.scale_to_zero,
            restart_policy=order.restart_policy,
            features=order.features,
            tags=plan.tags,
            annotations=order.annotations,
        )
        self._enter(instance)
        return instance

    def _enter(self, instance: Instance) -> None:
        self.instances[instance.uuid] = self._instance_names[instance.name] = instance
        if instance.group is not None:
            instance.group.instances[instance.uuid] = instance
        for rom in instance.roms:
            if isinstance(rom.source, InlineImage):
                rom.source.holders.add(instance.uuid)
                self.inline_images[rom.source.uuid] = rom.source

    def _interface(self) -> Interface:
        high, low = divmod(self._cloud.next_address(self.metro), 256)
        address = bytes((10, high // 256 % 256, high % 256, low))
        mac = bytes((0x12, 0xB0)) + address
        return Interface(self._cloud.names.uuid(), ".".join(map(str, address)), mac.hex(":"))


class _Taken:
    """Names that are taken in one place or another."""

    def __init__(self, *places: Container[str]) -> None:
        self._places = places

    def __contains__(self, name: object) -> bool:
        return any(name in place for place in self._places)


def _missing(noun: str, ref: Ref) -> Refusal:
    return not_found(noun, "name", ref.name) if ref.uuid is None else not_found(noun, "uuid", ref.uuid)


def _attached(rom: Rom) -> Rom:
    # Replicas share inline content, but each pulls its images for itself.
    return replace(rom, source=replace(rom.source)) if isinstance(rom.source, ImageSource) else rom
