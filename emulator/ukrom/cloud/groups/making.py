"""How service groups come and go (specification, Parts C.8 and F.7)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ukrom.cloud.orders import NO_AUTOKILL, Ref
from ukrom.cloud.refusals import ErrorCode, Refusal
from ukrom.cloud.values import check_name

from .group import ServiceGroup, plan_group

if TYPE_CHECKING:
    from collections.abc import Container

    from ukrom.cloud.orders import GroupOrder
    from ukrom.cloud.space import Space

    from .domains import Domain
    from .group import GroupPlan

__all__ = ["create_group", "drop_group", "enter_group", "group_for"]


def create_group(space: Space, order: GroupOrder, *, persistent: bool) -> ServiceGroup:
    """Make a service group.

    Args:
        space: Where.
        order: Its services are required.
        persistent: Whether it outlives its last instance.

    Raises:
        Refusal: With the codes of the specification, Parts A.6 and F.
    """
    cloud = space.cloud
    if order.name is not None:
        check_name(order.name)
        space.groups.check_free(order.name)
    plan = plan_group(order, space.metro, cloud.domains)
    limits = cloud.settings.limits
    published = space.published + len(plan.services)
    if len(space.groups) + 1 > limits.service_groups or published > limits.services:
        raise Refusal(ErrorCode.QUOTA, "Failed to create. Quota exceeded")
    group = _made(space, order, plan, persistent=persistent)
    enter_group(space, group)
    return group


def enter_group(space: Space, group: ServiceGroup) -> None:
    """Add a service group whose name and domains are free."""
    cloud = space.cloud
    space.groups.add(group)
    space.published += len(group.services)
    for domain in group.domains:
        cloud.domains.claim(domain, group)
    cloud.gateway.opened(group.services)


def drop_group(space: Space, group: ServiceGroup) -> None:
    """Delete a service group, whatever it has; its domains are free afterwards."""
    cloud = space.cloud
    space.groups.remove(group)
    space.published -= len(group.services)
    cloud.agenda.clear(group)
    for domain in group.domains:
        cloud.domains.release(domain)
    cloud.gateway.closed(group.services)


def group_for(space: Space, order: GroupOrder) -> ServiceGroup:
    """Give the service group that an instance's create means: one that exists, or a new one.

    Raises:
        Refusal: With the codes of the specification, Parts A.6 and F.
    """
    if order.services is not None:
        if order.uuid is not None:
            raise Refusal(ErrorCode.NOT_BOTH, "A 'service_group' has either a 'uuid' or 'services'")
        return create_group(space, order, persistent=False)
    if order.uuid is not None and order.name is not None:
        raise Refusal(ErrorCode.NOT_BOTH, "A 'service_group' has either a 'uuid' or a 'name'")
    if order.domains is not None:
        # [choice]: the platform's own client refuses it.
        raise Refusal(ErrorCode.NOT_BOTH, "'domains' can only be given with new 'services'")
    if order.uuid is None and order.name is None:
        raise Refusal(ErrorCode.MISSING_ID, "A 'service_group' needs a 'uuid', a 'name' or 'services'")
    return space.group(Ref(order.uuid, order.name))


def _made(space: Space, order: GroupOrder, plan: GroupPlan, *, persistent: bool) -> ServiceGroup:
    names, table, metro = space.account.names, space.cloud.domains, space.metro
    labels = table.labels(metro)
    name = order.name or names.group(_Taken(space.groups, labels))
    domains: tuple[Domain, ...] = plan.domains
    if not domains:
        label = names.domain(name.lower(), labels) if order.name else name
        # [choice]: a group's name may hold letters that a host name may not.
        label = label.replace("_", "-").replace(".", "-")[-63:].strip("-")
        domains = (table.check(label, metro),)
    return ServiceGroup(
        uuid=names.uuid(),
        name=name,
        created_at=space.cloud.clock.now(),
        persistent=persistent,
        services=plan.services,
        domains=domains,
        soft_limit=order.soft_limit,
        hard_limit=order.hard_limit,
        autokill=order.autokill or NO_AUTOKILL,
    )


class _Taken:
    """Names that are taken in one place or another."""

    def __init__(self, *places: Container[str]) -> None:
        self._places = places

    def __contains__(self, name: object) -> bool:
        return any(name in place for place in self._places)
