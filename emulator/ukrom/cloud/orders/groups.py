"""Service groups as they are asked for (specification, Part C.8)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from uuid import UUID

    from .policies import Autokill
    from .references import Ref

__all__ = ["DomainOrder", "GroupOrder", "ServiceOrder"]


@dataclass(frozen=True, slots=True)
class ServiceOrder:
    """A published port (Part C.8)."""

    port: int
    destination_port: int | None = None
    protocol: Literal["tcp", "udp"] = "tcp"
    ip: str | None = None
    handlers: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class DomainOrder:
    """A domain (Part F.7)."""

    name: str
    certificate: Ref | None = None


@dataclass(frozen=True, slots=True)
class GroupOrder:
    """A service group, or in an instance's create also a reference to one (Part C.8)."""

    uuid: UUID | None = None
    name: str | None = None
    services: tuple[ServiceOrder, ...] | None = None
    domains: tuple[DomainOrder, ...] | None = None
    soft_limit: int = 1
    hard_limit: int = 65535
    autokill: Autokill | None = None
