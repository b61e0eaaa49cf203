"""Service groups: published ports and domains in front of instances (specification, Part C.8)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ukrom.cloud.index import missing
from ukrom.cloud.orders import NO_AUTOKILL
from ukrom.cloud.refusals import ErrorCode, Refusal
from ukrom.cloud.values import check_autokill

from .services import PORTS, plan_services

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from ukrom.cloud.agenda import Alarm
    from ukrom.cloud.instances.instance import Instance
    from ukrom.cloud.orders import Autokill, DomainOrder, GroupOrder

    from .domains import Domain, DomainTable
    from .services import Service

__all__ = ["GroupPlan", "ServiceGroup", "check_certificate", "plan_group"]


@dataclass(eq=False, slots=True)
class ServiceGroup:
    """A service group."""

    uuid: UUID
    name: str
    created_at: datetime
    persistent: bool
    """False for one that was made with an instance; it goes with its last instance."""
    services: tuple[Service, ...]
    domains: tuple[Domain, ...]
    soft_limit: int
    hard_limit: int
    autokill: Autokill = NO_AUTOKILL
    """Counts from when it became empty; only of persistent ones."""
    instances: dict[UUID, Instance] = field(default_factory=dict)
    alarms: dict[Alarm, datetime] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class GroupPlan:
    """A service group of a request that was found to be in order."""

    services: tuple[Service, ...]
    domains: tuple[Domain, ...]


def plan_group(order: GroupOrder, metro: str, table: DomainTable) -> GroupPlan:
    """Check a service group of a request.

    Raises:
        Refusal: With the codes of `plan_services`, `DomainTable.check` and `check_autokill`.
    """
    services = plan_services(order.services or ())
    for name, limit in (("soft_limit", order.soft_limit), ("hard_limit", order.hard_limit)):
        if limit not in PORTS:
            raise Refusal(ErrorCode.INVALID, f"Invalid '{name}' {limit}: must be from 1 to 65535")
    if order.autokill is not None:
        check_autokill(order.autokill)
    domains = tuple(_checked(domain, metro, table) for domain in order.domains or ())
    for domain in domains:
        if domains.count(domain) > 1:
            raise Refusal(ErrorCode.INVALID, f"The domain '{domain.label}' is given twice")
    return GroupPlan(services, domains)


def check_certificate(order: DomainOrder) -> None:
    """Check the certificate that a domain is to have.

    Raises:
        Refusal: Code 8; certificates are not emulated yet, so none that is referred to can exist.
    """
    if order.certificate is not None:
        raise missing("certificate", order.certificate)


def _checked(order: DomainOrder, metro: str, table: DomainTable) -> Domain:
    check_certificate(order)
    return table.check(order.name, metro)
