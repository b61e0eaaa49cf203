"""Into a cloud: documents become the state of an account, in the place of what it had."""

from __future__ import annotations

import base64
import binascii
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from ukrom.cloud.agenda import Alarm
from ukrom.cloud.groups.domains import Domain
from ukrom.cloud.groups.group import ServiceGroup
from ukrom.cloud.groups.making import enter_group
from ukrom.cloud.groups.services import Service
from ukrom.cloud.images.pin import Pin
from ukrom.cloud.instances.instance import Instance, Interface, Mount, Restart, Traffic, Update
from ukrom.cloud.instances.states import StopReason
from ukrom.cloud.orders import Autokill, Change, ImageOrder, Op, ScaleToZero
from ukrom.cloud.ports import InlineFile, Snapshot
from ukrom.cloud.roms.rom import Rom
from ukrom.cloud.roms.sources import ImageSource, InlineImage
from ukrom.cloud.volumes.volume import Volume
from ukrom.errors import ImageError, StateError

from .adoption import take_up
from .checking import checked
from .values import BadValue, unpack

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from ukrom.cloud.accounts import Account
    from ukrom.cloud.cloud import Cloud
    from ukrom.cloud.space import Space

    from .parts import AlarmDocument, ChangeDocument, Document
    from .resources import (
        AccountDocument,
        GroupDocument,
        InlineImageDocument,
        InstanceDocument,
        MetroDocument,
        PinDocument,
        RomDocument,
        SourceDocument,
        VolumeDocument,
    )

__all__ = ["load"]


def load(cloud: Cloud, account: Account, document: Any) -> None:
    """Give an account the state of a dump; what it had is deleted. Nothing is changed if that fails.

    Machines that ran are taken up by the runner if it can (the stub can); else their instances have
    stopped, for a reason of the platform's.

    Args:
        cloud: The cloud.
        account: Whose state it becomes; it need not be the account that was dumped.
        document: What `dump` gave, or that as JSON text.

    Raises:
        StateError: It is no state of an account, or does not fit into this cloud.
    """
    with cloud.guard:
        state = checked(cloud, account, document)
        snapshots = _snapshots(state)
        with cloud.snapshots.kept(snapshots.values(), account.runner or cloud.runner):
            made = {
                metro: _Reader(cloud, cloud.space(account, metro), snapshots).read(resources)
                for metro, resources in state.metros.items()
            }
            cloud.reset(account)
            for metro, reader in made.items():
                reader.enter(cloud.space(account, metro))
        cloud.waits.changed()


def _snapshots(state: AccountDocument) -> dict[UUID, Snapshot]:
    found = (
        instance.snapshot
        for metro in state.metros.values()
        for instance in metro.instances
        if instance.snapshot is not None
    )
    return {snapshot.uuid: Snapshot(snapshot.uuid, snapshot.size) for snapshot in found}


class _Reader:
    """Makes the resources of one metro, and then enters them."""

    def __init__(self, cloud: Cloud, space: Space, snapshots: dict[UUID, Snapshot]) -> None:
        self._cloud = cloud
        self._space = space
        self._snapshots = snapshots
        self._images: dict[UUID, InlineImage] = {}
        self._groups: dict[UUID, ServiceGroup] = {}
        self._volumes: dict[UUID, Volume] = {}
        self._pins: list[Pin] = []
        self._instances: list[tuple[Instance, InstanceDocument]] = []

    def read(self, state: MetroDocument) -> _Reader:
        """Make everything, but enter nothing yet."""
        self._images = {image.uuid: _inline(image) for image in state.inline_images}
        self._groups = {group.uuid: _group(group) for group in state.service_groups}
        self._volumes = {volume.uuid: _volume(volume) for volume in state.volumes}
        self._pins = [pin for document in state.pins if (pin := self._pin(document)) is not None]
        self._instances = [(self._instance(document), document) for document in state.instances]
        return self

    def enter(self, space: Space) -> None:
        """Enter everything into the metro, which is empty."""
        for group in self._groups.values():
            enter_group(space, group)
        for volume in self._volumes.values():
            space.volumes.add(volume)
        for pin in self._pins:
            space.pins.add(pin)
        for instance, document in self._instances:
            space.enter(instance)
            for mount in instance.volumes:
                mount.volume.attached_to[instance.uuid] = instance
            if document.snapshot is not None:
                snapshot = self._snapshots[document.snapshot.uuid]
                self._cloud.snapshots.hold(instance, snapshot, self._cloud.runner_of(instance))
        self._cloud.enter_loaded([instance for instance, _ in self._instances])
        for resource in (*self._groups.values(), *self._volumes.values(), *self._pins, *space.instances):
            self._cloud.agenda.rearm(resource)
        for instance, document in self._instances:
            if document.run is not None:
                take_up(self._cloud, instance, document.run)

    def _instance(self, document: InstanceDocument) -> Instance:
        plain = document.model_dump(exclude=_MADE)
        return Instance(
            **{**plain, "features": frozenset(document.features), "tags": tuple(document.tags)},
            account=self._space.account,
            metro=self._space.metro,
            args=None if document.args is None else tuple(document.args),
            dependencies=tuple(document.dependencies),
            source=self._source(document.source),
            interfaces=tuple(Interface(**_plain(one)) for one in document.interfaces),
            roms=tuple(self._rom(rom) for rom in document.roms),
            volumes=[
                Mount(self._volumes[mount.volume], mount.at, mount.readonly, mount.phase)
                for mount in document.volumes
                if mount.volume is not None
            ],
            group=None if document.group is None else self._groups[document.group],
            scale_to_zero=None
            if (policy := document.scale_to_zero) is None
            else ScaleToZero(**_plain(policy)),
            autokill=Autokill(**_plain(document.autokill)),
            template_autokill=Autokill(**_plain(document.template_autokill)),
            updates=[_update(update) for update in document.updates],
            alarms=_alarms(document.alarms),
            restart=None if document.restart is None else Restart(**_plain(document.restart)),
            traffic=Traffic(**_plain(document.traffic)),
            stop_reason=None if document.stop_reason is None else StopReason(document.stop_reason),
            console=bytearray(_bytes(document.console)),
        )

    def _pin(self, document: PinDocument) -> Pin | None:
        try:
            image = self._cloud.images.resolve(document.image)
        except ImageError:
            return None  # what is gone by now needs nobody to keep it
        policy = Autokill(**_plain(document.autokill))
        return Pin(document.uuid, image, document.created_at, policy, _alarms(document.alarms))

    def _source(self, document: SourceDocument) -> ImageSource:
        source = ImageSource(ImageOrder(**_plain(document.order)))
        if document.image is not None:
            # One that is gone by now is looked for again when the instance starts.
            with suppress(ImageError):
                source.image = self._cloud.images.resolve(document.image)
        return source

    def _rom(self, document: RomDocument) -> Rom:
        if document.inline is not None:
            return Rom(document.name, document.at, self._images[document.inline])
        assert document.image is not None
        return Rom(document.name, document.at, self._source(document.image))


_MADE = {
    "alarms",
    "args",
    "autokill",
    "template_autokill",
    "console",
    "dependencies",
    "features",
    "group",
    "interfaces",
    "restart",
    "roms",
    "run",
    "scale_to_zero",
    "snapshot",
    "source",
    "stop_reason",
    "tags",
    "traffic",
    "updates",
    "volumes",
}
"""Fields of an instance that are not simply those of its document."""


def _plain(document: Document) -> dict[str, Any]:
    return document.model_dump()


def _bytes(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise StateError(f"The state has bytes that are no base64: {error}.") from error


def _alarms(documents: list[AlarmDocument]) -> dict[Alarm, datetime]:
    try:
        return {Alarm(document.alarm): document.at for document in documents}
    except ValueError as error:
        raise StateError(f"The state has an alarm of an unknown kind: {error}.") from error


def _update(document: ChangeDocument) -> Update:
    try:
        value = unpack(document.value)
    except BadValue as error:
        raise StateError(
            f"The state has a queued change of {document.prop!r} without sense: {error}."
        ) from error
    change = Change(document.prop, Op(document.op), value, document.given, document.wire)
    return Update(change, document.error)


def _inline(document: InlineImageDocument) -> InlineImage:
    files = tuple(InlineFile(file.path, _bytes(file.data)) for file in document.files)
    return InlineImage(document.uuid, files)


def _group(document: GroupDocument) -> ServiceGroup:
    return ServiceGroup(
        **document.model_dump(exclude={"services", "domains", "autokill", "alarms"}),
        services=tuple(
            Service(one.port, one.destination_port, tuple(one.handlers), one.protocol)
            for one in document.services
        ),
        domains=tuple(Domain(one.metro, one.label) for one in document.domains),
        autokill=Autokill(**_plain(document.autokill)),
        alarms=_alarms(document.alarms),
    )


def _volume(document: VolumeDocument) -> Volume:
    plain = document.model_dump(exclude={"alarms", "tags"})
    return Volume(**plain, tags=tuple(document.tags), alarms=_alarms(document.alarms))
