"""What each operation on service groups does with one item (specification, Part B.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .envelope import Outcome
from .views import group_reference, group_view

if TYPE_CHECKING:
    from ukrom.cloud import GroupOrder, ServiceGroup

    from .call import Call
    from .selection import Bare

__all__ = ["create", "delete", "find", "listed", "read", "reference"]


def find(call: Call, ref: Any) -> ServiceGroup:
    """Find the service group that an item means."""
    return call.space.group(ref)


def listed(call: Call) -> list[ServiceGroup]:
    """Give the service groups of a listing, oldest first."""
    return list(call.space.groups.values())


def reference(call: Call, group: ServiceGroup) -> dict[str, Any]:  # noqa: ARG001 - one shape for all views.
    """Show no more than which service group it is."""
    return group_reference(group)


def read(call: Call, group: ServiceGroup) -> dict[str, Any]:
    """Show a service group."""
    return group_view(group, call.suffix)


def create(call: Call, order: GroupOrder) -> list[Outcome]:
    """Make a persistent service group."""
    return [Outcome(group_view(call.space.create_group(order), call.suffix))]


def delete(call: Call, group: ServiceGroup, said: Bare) -> Outcome:  # noqa: ARG001 - nothing can be said.
    """Delete a service group."""
    call.space.delete_group(group)
    return Outcome(group_reference(group))
