"""The pieces that documents of resources are made of.

Documents are read off the cloud's own objects by attribute (`from_attributes`), so a field needs its
name and type here and nothing else; where one resource has another, the document has its UUID.
"""

from __future__ import annotations

import base64
from ipaddress import IPv4Address
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict

__all__ = [
    "AlarmDocument",
    "Alarms",
    "Bytes",
    "ChangeDocument",
    "Document",
    "DomainDocument",
    "ImageOrderDocument",
    "InlineFileDocument",
    "InterfaceDocument",
    "Owner",
    "PolicyDocument",
    "RestartDocument",
    "ScaleToZeroDocument",
    "ServiceDocument",
    "SnapshotDocument",
    "TrafficDocument",
]


class Document(BaseModel):
    """A JSON object of a dump."""

    model_config = ConfigDict(extra="forbid", frozen=True, from_attributes=True)


def _uuid_of(value: Any) -> Any:
    return getattr(value, "uuid", value)


def _text_of(value: Any) -> Any:
    return base64.b64encode(value).decode() if isinstance(value, bytes | bytearray) else value


def _alarms(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    return [{"alarm": alarm.value, "at": at} for alarm, at in value.items()]


def _address(text: str) -> str:
    return str(IPv4Address(text))


Owner = Annotated[UUID | None, BeforeValidator(_uuid_of)]
"""Another resource, by its UUID."""

Bytes = Annotated[str, BeforeValidator(_text_of)]
"""Bytes, in base64."""


class AlarmDocument(Document):
    """Something that is due (see `ukrom.cloud.agenda`)."""

    alarm: str
    at: AwareDatetime


Alarms = Annotated[list[AlarmDocument], BeforeValidator(_alarms)]


class ImageOrderDocument(Document):
    """An image as it was asked for."""

    reference: str
    pull_policy: Literal["always", "if_not_present", "never"] | None = None


class InlineFileDocument(Document):
    """A file of an inline ROM."""

    path: str
    data: Bytes


class InterfaceDocument(Document):
    """A network interface."""

    uuid: UUID
    private_ip: Annotated[str, AfterValidator(_address)]
    mac: str
    name: str | None = None
    autoconfig: bool = True


class ScaleToZeroDocument(Document):
    """When to scale to zero."""

    policy: Literal["off", "on", "idle"]
    stateful: bool
    cooldown_time_ms: int
    notify_time_ms: int


class PolicyDocument(Document):
    """When to delete what nobody uses."""

    time_ms: int
    num_requests: int


class SnapshotDocument(Document):
    """A saved memory, which the runner has under its UUID."""

    uuid: UUID
    size: int


class RestartDocument(Document):
    """A restart sequence that is under way."""

    attempt: int
    next_at: AwareDatetime | None


class TrafficDocument(Document):
    """What was handed to an instance up to now; what is in flight ends with the dump."""

    total: int
    served: int
    wakeups_ms: list[float]


class ServiceDocument(Document):
    """A published port."""

    port: int
    destination_port: int
    handlers: list[Literal["tls", "http", "redirect"]]
    protocol: Literal["tcp"]


class DomainDocument(Document):
    """A domain."""

    metro: str | None
    label: str


class ChangeDocument(Document):
    """A change that waits for its instance to stop."""

    prop: str
    op: Literal["set", "add", "del"]
    given: bool
    value: Any = None
    """As `values.pack` makes it."""
    wire: Any = None
    error: str | None = None
