"""What can be changed of a service group (specification, Parts C.8, C.13, F.6 and F.7)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ukrom.cloud.groups.group import check_certificate
from ukrom.cloud.groups.services import PORTS, plan_services
from ukrom.cloud.orders import Op
from ukrom.cloud.refusals import ErrorCode, Refusal
from ukrom.cloud.values import check_range, invalid

from .labels import autokill
from .properties import Property, scalar

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ukrom.cloud.groups.domains import Domain
    from ukrom.cloud.groups.group import ServiceGroup
    from ukrom.cloud.groups.services import Service
    from ukrom.cloud.orders import Change, DomainOrder, ServiceOrder
    from ukrom.cloud.space import Space

__all__ = ["GROUP"]


def _services(
    space: Space, group: ServiceGroup, value: tuple[Service, ...], change: Change
) -> tuple[Service, ...]:
    orders: tuple[ServiceOrder, ...] = change.value if change.given else ()
    if change.op is Op.DEL:
        return _without_ports(value, [order.port for order in orders])
    if change.op is Op.ADD and not orders:
        return value
    planned = plan_services(orders)
    if change.op is Op.ADD:
        taken = {service.port for service in value}
        for service in planned:
            if service.port in taken:
                message = f"A service with the port {service.port} already exists"
                raise Refusal(ErrorCode.ALREADY_EXISTS, message)
        planned = (*value, *planned)
    if space.published - len(group.services) + len(planned) > space.cloud.settings.limits.services:
        raise Refusal(ErrorCode.QUOTA, "Failed to update. Quota exceeded")
    return planned


def _without_ports(value: tuple[Service, ...], ports: list[int]) -> tuple[Service, ...]:
    there = {service.port for service in value}
    for port in ports:
        if port not in there:
            raise Refusal(ErrorCode.NOT_FOUND, f"No service with port {port}")
    left = tuple(service for service in value if service.port not in ports)
    if not left:
        raise invalid("A service group needs at least one service")
    return left


def _put_services(space: Space, group: ServiceGroup, value: tuple[Service, ...]) -> None:
    before, group.services = group.services, value
    space.published += len(value) - len(before)
    # First opened, then closed: a port that stays must not be closed in between.
    space.cloud.gateway.opened(value)
    space.cloud.gateway.closed(before)


def _domains(
    space: Space, group: ServiceGroup, value: tuple[Domain, ...], change: Change
) -> tuple[Domain, ...]:
    orders: tuple[DomainOrder, ...] = change.value if change.given else ()
    read = tuple(_read(space, order) for order in orders)
    if change.op is Op.DEL:
        return _without_domains(space, value, read)
    if change.op is Op.SET and not read:
        return (_generated(space, group),)
    kept = value if change.op is Op.ADD else ()
    for index, domain in enumerate(read):
        _check_free(space, group, domain, (*kept, *read[:index]))
    return (*kept, *read)


def _read(space: Space, order: DomainOrder) -> Domain:
    check_certificate(order)
    return space.cloud.domains.read(order.name, space.metro)


def _check_free(space: Space, group: ServiceGroup, domain: Domain, others: Iterable[Domain]) -> None:
    if domain in others or space.cloud.domains.owners.get(domain) not in {None, group}:
        fqdn = domain.fqdn(space.cloud.settings.suffix)
        raise Refusal(ErrorCode.ALREADY_EXISTS, f"The domain '{fqdn}' is already in use")


def _without_domains(space: Space, value: tuple[Domain, ...], gone: tuple[Domain, ...]) -> tuple[Domain, ...]:
    for domain in gone:
        if domain not in value:
            fqdn = domain.fqdn(space.cloud.settings.suffix)
            raise Refusal(ErrorCode.NOT_FOUND, f"No domain with name '{fqdn}'")
    return tuple(domain for domain in value if domain not in gone)


def _generated(space: Space, group: ServiceGroup) -> Domain:
    # [choice]: a group whose domains are cleared gets one by chance, as one that is made without any.
    table = space.cloud.domains
    label = space.account.names.domain(group.name, table.labels(space.metro))
    return table.check(label, space.metro)


def _put_domains(space: Space, group: ServiceGroup, value: tuple[Domain, ...]) -> None:
    before, group.domains = group.domains, value
    for domain in before:
        space.cloud.domains.release(domain)
    for domain in value:
        space.cloud.domains.claim(domain, group)


def _soft_limit(_: Space, group: ServiceGroup, value: int) -> int:
    check_range("soft_limit", value, PORTS[0], PORTS[-1])
    _check_limits(value, group.hard_limit)
    return value


def _hard_limit(_: Space, group: ServiceGroup, value: int) -> int:
    check_range("hard_limit", value, PORTS[0], PORTS[-1])
    _check_limits(group.soft_limit, value)
    return value


def _check_limits(soft: int, hard: int) -> None:
    # The API refuses such a request as a whole (Part A.4), before any of its triples is taken up.
    if soft > hard:
        raise invalid("'soft_limit' must not be greater than 'hard_limit'")


def _put_soft_limit(_: Space, group: ServiceGroup, value: int) -> None:
    group.soft_limit = value


def _put_hard_limit(_: Space, group: ServiceGroup, value: int) -> None:
    group.hard_limit = value


GROUP: Mapping[str, Property[ServiceGroup]] = {
    "services": Property(lambda group: group.services, _services, _put_services),
    "domains": Property(lambda group: group.domains, _domains, _put_domains),
    "soft_limit": scalar(
        lambda group: group.soft_limit, _put_soft_limit, _soft_limit, default=lambda _: PORTS[0]
    ),
    "hard_limit": scalar(
        lambda group: group.hard_limit, _put_hard_limit, _hard_limit, default=lambda _: PORTS[-1]
    ),
    "autokill": autokill(),
}
