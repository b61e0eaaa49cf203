"""Which resource is meant, and no more (specification, Parts A.2 and A.11)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from uuid import UUID

    from ukrom.api.call import Call

__all__ = ["Named", "brief", "reference_view"]


class Named(Protocol):
    """Any resource."""

    @property
    def uuid(self) -> UUID:
        """Its UUID."""

    @property
    def name(self) -> str:
        """Its name."""


def reference_view(resource: Named) -> dict[str, Any]:
    """Name a resource."""
    return {"uuid": str(resource.uuid), "name": resource.name}


def brief(call: Call, resource: Named) -> dict[str, Any]:  # noqa: ARG001 - handlers have one shape
    """Show no more of a resource than which it is, as plain listings do."""
    return reference_view(resource)
