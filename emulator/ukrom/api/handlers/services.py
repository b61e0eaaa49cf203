"""What each operation on service groups does with one item (specification, Part B.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ukrom.api.envelope import Outcome
from ukrom.api.models.services import CreateGroup
from ukrom.api.operation import Form, Operation
from ukrom.api.shapes import Reference
from ukrom.api.shapes import ServiceGroup as GroupShape
from ukrom.api.views.references import brief, reference_view
from ukrom.api.views.services import group_view

from .finding import find_group

if TYPE_CHECKING:
    from ukrom.api.call import Call
    from ukrom.api.selection import Bare
    from ukrom.cloud import GroupOrder, ServiceGroup

__all__ = ["OPERATIONS"]


def listed(call: Call) -> list[ServiceGroup]:
    """Give the service groups of a listing, oldest first.

    They have no tags (Part B.2), so `tags` is passed over, as other parameters that mean nothing. [choice]
    """
    return list(call.space.groups)


def read(call: Call, group: ServiceGroup) -> dict[str, Any]:
    """Show a service group."""
    return group_view(group, call.suffix)


def create(call: Call, order: GroupOrder) -> Outcome:
    """Make a persistent service group."""
    return Outcome(group_view(call.space.create_group(order), call.suffix))


def delete(call: Call, group: ServiceGroup, said: Bare) -> Outcome:  # noqa: ARG001 - nothing can be said.
    """Delete a service group."""
    call.space.delete_group(group)
    return Outcome(reference_view(group))


OPERATIONS = (
    Operation(
        "create services",
        "POST",
        ("/services",),
        Form.CREATE,
        create,
        CreateGroup,
        "service_groups",
        answer=GroupShape,
        simplified="No UDP and no addresses of the account's own; domains have no certificates of their own.",
    ),
    Operation(
        "read services",
        "GET",
        ("/services", "/services/{uuid}"),
        Form.READ,
        read,
        key="service_groups",
        find=find_group,
        listed=listed,
        brief=brief,
        answer=GroupShape,
    ),
    Operation(
        "delete services",
        "DELETE",
        ("/services", "/services/{uuid}"),
        Form.ACT,
        delete,
        key="service_groups",
        find=find_group,
        answer=Reference,
    ),
)
