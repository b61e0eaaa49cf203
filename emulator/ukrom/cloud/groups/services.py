"""Published ports and what they may do (specification, Part F.6)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from ukrom.cloud.refusals import ErrorCode, Refusal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ukrom.cloud.orders import ServiceOrder

__all__ = ["PORTS", "Service", "plan_services"]

PORTS = range(1, 65536)
_HTTPS = 443


@dataclass(frozen=True, slots=True)
class Service:
    """A public port and the guest's port behind it."""

    port: int
    destination_port: int
    handlers: tuple[str, ...]
    """Out of `tls`, `http`, `redirect`, as they were given."""
    protocol: Literal["tcp"] = "tcp"


@dataclass(frozen=True, slots=True)
class _Rule:
    must: frozenset[str]
    must_not: frozenset[str]


_RULES = {
    80: _Rule(must=frozenset({"http"}), must_not=frozenset({"tls"})),
    443: _Rule(must=frozenset({"http", "tls"}), must_not=frozenset({"redirect"})),
}
_OTHER = _Rule(must=frozenset({"tls"}), must_not=frozenset({"http", "redirect"}))
_ORDER = ("tls", "http", "redirect")


def plan_services(orders: Sequence[ServiceOrder]) -> tuple[Service, ...]:
    """Check the services of a request.

    Raises:
        Refusal: Code 7 for ports and handlers that are not allowed, 1 for UDP.
    """
    if not orders:
        raise Refusal(ErrorCode.INVALID, "A service group needs at least one service")
    services = tuple(_planned(order) for order in orders)
    ports = [service.port for service in services]
    for port in ports:
        if ports.count(port) > 1:
            raise Refusal(ErrorCode.INVALID, f"Two services have the port {port}")
    return services


def _planned(order: ServiceOrder) -> Service:
    if order.protocol != "tcp" or order.ip is not None:
        raise Refusal(ErrorCode.NOT_SUPPORTED, "UDP and services with an 'ip' are not emulated yet")
    redirects = "redirect" in (order.handlers or ())
    # [choice]: the port itself where no destination is given, and 443 for a redirect.
    usual = _HTTPS if redirects else order.port
    destination = usual if order.destination_port is None else order.destination_port
    for name, port in (("port", order.port), ("destination_port", destination)):
        if port not in PORTS:
            raise Refusal(ErrorCode.INVALID, f"Invalid '{name}' {port}: must be from 1 to 65535")
    rule = _RULES.get(order.port, _OTHER)
    # [choice]: without handlers a port gets those that it must have.
    handlers = rule.must if order.handlers is None else order.handlers
    missing, wrong = rule.must - handlers, handlers & rule.must_not
    if missing:
        raise Refusal(ErrorCode.INVALID, f"Port {order.port} must have the handler {_listed(missing)}")
    if wrong:
        raise Refusal(ErrorCode.INVALID, f"Port {order.port} must not have the handler {_listed(wrong)}")
    if redirects and destination != _HTTPS:
        raise Refusal(ErrorCode.INVALID, f"A redirect must have the destination_port {_HTTPS}")
    return Service(order.port, destination, tuple(name for name in _ORDER if name in handlers))


def _listed(handlers: frozenset[str]) -> str:
    return " and ".join(f"'{name}'" for name in _ORDER if name in handlers)
