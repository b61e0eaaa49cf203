"""What requests about service groups look like (specification, Parts B.2 and C.8)."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from ukrom.api.envelope import RequestRefused
from ukrom.api.identifiers import read_uuid
from ukrom.api.models.policies import AutokillTime
from ukrom.api.models.references import Reference
from ukrom.api.wire import Int64, Integer, Text, Wire, given
from ukrom.cloud import DomainOrder, GroupOrder, ServiceOrder

__all__ = ["LIMITS", "CreateGroup", "InstanceGroup", "check_limits"]

LIMITS = {"soft_limit": 1, "hard_limit": 65535}
"""What the limits of a group are by default: the ends of their range (Parts C.8 and F.4)."""


def check_limits(soft_limit: int, hard_limit: int) -> None:
    """Check that limits fit one another (Part A.4).

    Raises:
        RequestRefused: 400; the soft limit is above the hard one.
    """
    if soft_limit > hard_limit:
        raise RequestRefused(400, "'soft_limit' must not be greater than 'hard_limit'")


class CreateDomain(Wire):
    """A domain (Part F.7)."""

    name: str
    certificate: Annotated[Reference | None, given("object")] = None

    def order(self) -> DomainOrder:
        """Say it in the cloud's terms."""
        return DomainOrder(self.name, None if self.certificate is None else self.certificate.ref())


class CreateService(Wire):
    """A published port (Part C.8)."""

    port: Int64
    destination_port: Integer = None
    protocol: Literal["tcp", "udp"] = "tcp"
    ip: Text = None
    handlers: Annotated[list[Literal["tls", "http", "redirect"]] | None, given("array")] = None

    def order(self) -> ServiceOrder:
        """Say it in the cloud's terms."""
        handlers = None if self.handlers is None else frozenset(self.handlers)
        return ServiceOrder(self.port, self.destination_port, self.protocol, self.ip, handlers)


class _Group(Wire):
    name: Text = None
    domains: Annotated[list[CreateDomain] | None, given("array")] = None
    soft_limit: Int64 = LIMITS["soft_limit"]
    hard_limit: Int64 = LIMITS["hard_limit"]

    def check(self) -> None:
        """Check what can be checked without knowing the account.

        Raises:
            RequestRefused: 400; the soft limit is above the hard one (Part A.4).
        """
        check_limits(self.soft_limit, self.hard_limit)

    def _domains(self) -> tuple[DomainOrder, ...] | None:
        return None if self.domains is None else tuple(domain.order() for domain in self.domains)


class InstanceGroup(_Group):
    """A service group in an instance's create: one to join, or a new one."""

    uuid: Text = None
    services: Annotated[list[CreateService] | None, given("array")] = None

    def check(self) -> None:
        """Check what can be checked without knowing the account.

        Raises:
            RequestRefused: 400; limits that do not fit one another, or that would change a group which
                is only joined. [choice]
        """
        super().check()
        limits = sorted(self.model_fields_set & {"soft_limit", "hard_limit"})
        if limits and self.services is None:
            raise RequestRefused(400, f"'{limits[0]}' can only be given with new 'services'")

    def order(self) -> GroupOrder:
        """Say it in the cloud's terms."""
        return GroupOrder(
            None if self.uuid is None else read_uuid(self.uuid),
            self.name,
            None if self.services is None else tuple(service.order() for service in self.services),
            self._domains(),
            self.soft_limit,
            self.hard_limit,
        )


class CreateGroup(_Group):
    """A persistent service group to be made."""

    called: ClassVar[str] = "service group creation arguments"
    services: list[CreateService]
    autokill: Annotated[AutokillTime | None, given("object")] = None

    def order(self) -> GroupOrder:
        """Say it in the cloud's terms."""
        services = tuple(service.order() for service in self.services)
        autokill = None if self.autokill is None else self.autokill.order()
        return GroupOrder(
            None, self.name, services, self._domains(), self.soft_limit, self.hard_limit, autokill
        )
