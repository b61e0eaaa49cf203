"""Service groups as answers show them (specification, Part C.8)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .moments import rfc3339
from .references import reference_view

if TYPE_CHECKING:
    from ukrom.cloud import Domain, ServiceGroup

__all__ = ["domains_view", "group_view"]


def domains_view(domains: tuple[Domain, ...], suffix: str) -> list[dict[str, Any]]:
    """Show domains, under a suffix of the platform."""
    return [{"fqdn": domain.fqdn(suffix)} for domain in domains]


def group_view(group: ServiceGroup, suffix: str) -> dict[str, Any]:
    """Show all of a service group."""
    autokill = {"autokill": {"time_ms": group.autokill.time_ms}} if group.autokill.time_ms else {}
    return {
        **reference_view(group),
        "created_at": rfc3339(group.created_at),
        "persistent": group.persistent,
        "autoscale": False,
        "soft_limit": group.soft_limit,
        "hard_limit": group.hard_limit,
        **autokill,
        "services": [
            {
                "port": service.port,
                "destination_port": service.destination_port,
                "protocol": service.protocol,
                "handlers": list(service.handlers),
            }
            for service in group.services
        ],
        "domains": domains_view(group.domains, suffix),
        "instances": [reference_view(instance) for instance in group.instances.values()],
    }
