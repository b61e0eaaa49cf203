"""Properties that several kinds of resources have."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ukrom.cloud.orders import NO_AUTOKILL
from ukrom.cloud.values import check_autokill, plan_tags
from ukrom.cloud.volumes.volume import Volume

from .properties import Property, held, listed, scalar

if TYPE_CHECKING:
    from ukrom.cloud.groups.group import ServiceGroup
    from ukrom.cloud.instances.instance import Instance
    from ukrom.cloud.orders import Autokill
    from ukrom.cloud.space import Space

    Labelled = Instance | Volume

__all__ = ["autokill", "delete_lock", "tags"]


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


def autokill(attribute: str = "autokill") -> Property[Any]:
    """When to delete what nobody uses (specification, Part D.16).

    Its parts are set together or not at all: `set` replaces the whole policy (Part C.13). [choice]: nothing
    can be added to it, since the specification has a form for `add` of lists and maps alone.

    Args:
        attribute: Where the resource has its policy.
    """

    def put(space: Space, resource: Instance | ServiceGroup, value: Autokill) -> None:
        setattr(resource, attribute, value)
        space.cloud.autokill.changed(resource)

    return scalar(
        lambda resource: getattr(resource, attribute),
        put,
        held(lambda value, _: check_autokill(value)),
        default=lambda _: NO_AUTOKILL,
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
