"""Where a request can go."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from uuid import UUID

__all__ = ["Route"]


@dataclass(frozen=True, slots=True)
class Route:
    """A published port of a service group, under one host name."""

    fqdn: str
    """The host name as reads report it."""
    port: int
    """The public port."""
    destination_port: int
    """The port in the guest."""
    handlers: frozenset[str]
    group_uuid: UUID
