"""Service groups as answers show them (specification, Parts B.2 and C.8)."""

from typing import Annotated, Literal, Required

from pydantic import Field
from typing_extensions import TypedDict

from .certificates import Certificate
from .instance_parts import Autokill
from .references import Reference
from .scalars import Moment, Uuid, closed

__all__ = ["Domain", "Service", "ServiceGroup"]

Port = Annotated[int, Field(ge=1, le=65535)]
Limit = Annotated[int, Field(ge=1, le=65535)]


@closed
class Service(TypedDict, total=False):
    """A published port (Part F.6)."""

    port: Required[Port]
    destination_port: Required[Port]
    protocol: Literal["tcp", "udp"]
    ip: str
    handlers: list[Literal["tls", "http", "redirect"]]


@closed
class Domain(TypedDict, total=False):
    """A domain that leads to the group (Part F.7)."""

    fqdn: Required[str]
    certificate: Certificate


@closed
class ServiceGroup(TypedDict, total=False):
    """A service group; listings without details show part of it (Part C.8)."""

    uuid: Required[Uuid]
    name: Required[str]
    created_at: Moment
    persistent: bool
    autoscale: bool
    soft_limit: Limit
    hard_limit: Limit
    services: list[Service]
    domains: list[Domain]
    instances: list[Reference]
    autokill: Autokill
