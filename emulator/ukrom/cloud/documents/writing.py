"""Out of a cloud: the state of an account as documents."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .parts import ChangeDocument
from .resources import (
    AccountDocument,
    GroupDocument,
    InlineImageDocument,
    InstanceDocument,
    MetroDocument,
    PinDocument,
    RunDocument,
    VolumeDocument,
)
from .values import pack

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID

    from ukrom.cloud.accounts import Account
    from ukrom.cloud.cloud import Cloud
    from ukrom.cloud.instances.instance import Instance, Run, Update
    from ukrom.cloud.roms.sources import InlineImage
    from ukrom.cloud.space import Space

__all__ = ["dump"]


def dump(cloud: Cloud, account: Account) -> dict[str, Any]:
    """Give the whole state of an account as plain JSON: dictionaries, lists, texts and numbers.

    What a running machine has in its memory is not part of it, nor what is in flight.
    """
    with cloud.guard:
        metros = {space.metro: _metro(cloud, space) for space in cloud.spaces(account)}
    return AccountDocument(user=account.user, metros=metros).model_dump(mode="json")


def _metro(cloud: Cloud, space: Space) -> MetroDocument:
    now = cloud.clock.monotonic()
    return MetroDocument(
        instances=[_instance(instance, now) for instance in space.instances],
        service_groups=[GroupDocument.model_validate(group) for group in space.groups],
        volumes=[VolumeDocument.model_validate(volume) for volume in space.volumes],
        # Their order is that of changes in the past, which a load does not know.
        inline_images=[InlineImageDocument.model_validate(image) for image in _sorted(space.inline_images)],
        pins=[PinDocument.model_validate(pin) for pin in space.pins],
    )


def _sorted(images: Mapping[UUID, InlineImage]) -> list[InlineImage]:
    return [images[uuid] for uuid in sorted(images)]


class _Seen:
    """A resource, with some attributes shown as documents have them."""

    def __init__(self, resource: object, **shown: Any) -> None:
        self._resource = resource
        self.__dict__.update(shown)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._resource, name)


def _instance(instance: Instance, now: float) -> InstanceDocument:
    run = None if instance.run is None else _run(instance.run, now)
    updates = [_update(update) for update in instance.updates]
    return InstanceDocument.model_validate(_Seen(instance, run=run, updates=updates))


def _run(run: Run, now: float) -> RunDocument:
    return RunDocument(
        asked=run.asked,
        # Rounded, or the differences of large numbers would make a load not quite what was dumped.
        up_for_s=None if run.up_since is None else round(now - run.up_since, 6),
        exit_code=run.exit_code,
        published=sorted(run.published),
        vetoes=run.vetoes,
    )


def _update(update: Update) -> ChangeDocument:
    change = update.change
    return ChangeDocument(
        prop=change.prop,
        op=change.op.value,
        given=change.given,
        value=pack(change.value),
        wire=change.wire,
        error=update.error,
    )
