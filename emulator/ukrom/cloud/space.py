"""What one account has in one metro: its instances, service groups and volumes, found and deleted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .groups.making import create_group, drop_group
from .index import Index, missing
from .instances.creating import create_instances
from .instances.states import FROZEN, State, Trigger, after
from .refusals import ErrorCode, Refusal
from .roms.sources import InlineImage
from .volumes.states import VolumeState

if TYPE_CHECKING:
    from collections.abc import Iterable
    from uuid import UUID

    from .accounts import Account
    from .cloud import Cloud
    from .groups.group import ServiceGroup
    from .images.pin import Pin
    from .instances.instance import Instance, Run
    from .orders import GroupOrder, InstanceOrder, Ref
    from .roms.rom import Rom
    from .volumes.volume import Volume
    from .waits import Steps

__all__ = ["Space"]


class Space:
    """One account's resources in one metro. All calls are made under the cloud's lock.

    Made by `Cloud.space`.
    """

    def __init__(self, cloud: Cloud, metro: str, account: Account) -> None:
        self.cloud = cloud
        self.metro = metro
        self.account = account
        self.instances: Index[Instance] = Index("instance")
        """Templates too, which share the name space (specification, Part F.1)."""
        self.groups: Index[ServiceGroup] = Index("service group")
        self.volumes: Index[Volume] = Index("volume")
        """Volume templates too."""
        self.pins: Index[Pin] = Index("pinned image")
        self.published = 0
        """Services of all groups."""
        self.inline_images: dict[UUID, InlineImage] = {}

    def instance(self, ref: Ref) -> Instance:
        """Find an instance; a template is none. [choice].

        Raises:
            Refusal: Code 8; there is none.
        """
        return self._instance(ref, "instance", frozen=False)

    def template(self, ref: Ref) -> Instance:
        """Find an instance template.

        Raises:
            Refusal: Code 8; there is none.
        """
        return self._instance(ref, "instance template", frozen=True)

    def group(self, ref: Ref) -> ServiceGroup:
        """Find a service group.

        Raises:
            Refusal: Code 8; there is none.
        """
        return self.groups.find(ref)

    def volume(self, ref: Ref) -> Volume:
        """Find a volume; a template is none.

        Raises:
            Refusal: Code 8; there is none.
        """
        return self._volume(ref, "volume", frozen=False)

    def volume_template(self, ref: Ref) -> Volume:
        """Find a volume template.

        Raises:
            Refusal: Code 8; there is none.
        """
        return self._volume(ref, "volume template", frozen=True)

    def create_instances(self, order: InstanceOrder) -> list[Instance] | Steps[list[Instance]]:
        """Make 1 + `replicas` instances, stopped, or give the steps that lead to them.

        See `create_instances` in `instances.creating`.
        """
        return create_instances(self, order)

    def delete_instance(self, instance: Instance) -> Run | None:
        """Delete an instance or template because somebody asks for it.

        Returns:
            The run that was cut off; see `Cloud.remove`.

        Raises:
            Refusal: Code 14; it is locked.
        """
        if instance.delete_lock:
            raise Refusal(ErrorCode.NOT_ALLOWED, "Deletion protection enabled")
        return self.cloud.remove(instance)

    def create_group(self, order: GroupOrder) -> ServiceGroup:
        """Make a persistent service group; see `create_group` in `groups.making`."""
        return create_group(self, order, persistent=True)

    def delete_group(self, group: ServiceGroup) -> None:
        """Delete a service group.

        Raises:
            Refusal: Code 15; it has instances. [choice]
        """
        if group.instances:
            names = ", ".join(f"'{instance.name}'" for instance in group.instances.values())
            raise Refusal(ErrorCode.ATTACHED, f"Service group '{group.name}' still has instances: {names}")
        drop_group(self, group)

    def enter(self, instance: Instance) -> None:
        """Add an instance, with what it holds."""
        self.instances.add(instance)
        if instance.group is not None:
            instance.group.instances[instance.uuid] = instance
            self.cloud.autokill.joined(instance.group)
        self.hold(instance, instance.roms)

    def remove(self, instance: Instance) -> None:
        """Take an instance out, with all that only it holds; its machine is somebody else's care."""
        instance.state = after(instance.state, Trigger.DELETE) or State.DELETED
        self.instances.remove(instance)
        self.let_go(instance, instance.roms)
        self.leave_group(instance)

    def leave_group(self, instance: Instance) -> None:
        """Take an instance out of its service group; an ephemeral one goes with its last instance."""
        group, instance.group = instance.group, None
        if group is not None:
            group.instances.pop(instance.uuid, None)
            if not group.instances and not group.persistent:
                drop_group(self, group)
            else:
                self.cloud.autokill.emptied(group)

    def hold(self, instance: Instance, roms: Iterable[Rom]) -> None:
        """Note that an instance has the content of ROMs attached."""
        for rom in roms:
            if isinstance(rom.source, InlineImage):
                rom.source.holders.add(instance.uuid)
                self.inline_images[rom.source.uuid] = rom.source

    def let_go(self, instance: Instance, roms: Iterable[Rom]) -> None:
        """Note that an instance no longer has the content of ROMs; what nobody has is gone."""
        for rom in roms:
            if isinstance(rom.source, InlineImage):
                rom.source.holders.discard(instance.uuid)
                if not rom.source.holders:
                    self.inline_images.pop(rom.source.uuid, None)

    def drop_groups(self) -> None:
        """Delete all service groups, once no instances are left."""
        for group in tuple(self.groups):
            drop_group(self, group)

    def _instance(self, ref: Ref, noun: str, *, frozen: bool) -> Instance:
        found = self.instances.find(ref, noun)
        if (found.state in FROZEN) is not frozen:
            raise missing(noun, ref)
        return found

    def _volume(self, ref: Ref, noun: str, *, frozen: bool) -> Volume:
        found = self.volumes.find(ref, noun)
        if (found.state is VolumeState.TEMPLATE) is not frozen:
            raise missing(noun, ref)
        return found
