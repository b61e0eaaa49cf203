"""Properties that several kinds of resources have."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ukrom.cloud.values import plan_tags
from ukrom.cloud.volumes.volume import Volume

from .properties import Property, listed, scalar

if TYPE_CHECKING:
    from ukrom.cloud.instances.instance import Instance
    from ukrom.cloud.space import Space

    Labelled = Instance | Volume

__all__ = ["delete_lock", "tags"]


def tags() -> Property[Any]:
    """Tags (specification, Part F.2)."""
    return listed(lambda resource: resource.tags, _put_tags, _check_tags)


def delete_lock() -> Property[Any]:
    """Protection against deletion."""
    return scalar(
        lambda resource: resource.delete_lock,
        _put_delete_lock,
        lambda _space, _resource, value: value,
        default=lambda _: False,
    )


def _check_tags(space: Space, _: Labelled, value: tuple[str, ...]) -> tuple[str, ...]:
    return plan_tags(value, space.cloud.settings.limits)


def _put_tags(_: Space, resource: Labelled, value: tuple[str, ...]) -> None:
    resource.tags = value


def _put_delete_lock(space: Space, resource: Labelled, value: bool) -> None:  # noqa: FBT001 - the value.
    resource.delete_lock = value
    if not isinstance(resource, Volume):
        # What a lock kept from being deleted may be due now.
        space.cloud.autokill.changed(resource)
