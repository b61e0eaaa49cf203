"""What the cloud is asked to make: requests in the cloud's own terms, types checked, values not.

`None` means that the field was absent. Sections name the models of the specification.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID

__all__ = [
    "DomainOrder",
    "FileOrder",
    "GroupOrder",
    "ImageOrder",
    "InstanceOrder",
    "Ref",
    "RomOrder",
    "ScaleToZero",
    "ServiceOrder",
    "StopOrder",
]


@dataclass(frozen=True, slots=True)
class Ref:
    """A reference to a resource: by UUID or by name (specification, Part 0.2)."""

    uuid: UUID | None = None
    name: str | None = None


@dataclass(frozen=True, slots=True)
class ImageOrder:
    """An image, by its reference (Part C.3)."""

    reference: str
    pull_policy: Literal["always", "if_not_present", "never"] | None = None


@dataclass(frozen=True, slots=True)
class FileOrder:
    """One file of an inline ROM, still encoded (Part C.5)."""

    path: str
    data: str
    encoding: Literal["text", "base64"] = "text"


@dataclass(frozen=True, slots=True)
class RomOrder:
    """A ROM (Part E.2)."""

    name: str | None = None
    image: ImageOrder | None = None
    files: tuple[FileOrder, ...] | None = None
    at: str | None = None


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
    not_emulated: tuple[str, ...] = ()
    """Fields that were given a meaning which the emulator does not have yet."""


@dataclass(frozen=True, slots=True)
class ScaleToZero:
    """When to scale to zero (Part C.4); kept and shown, not acted upon yet."""

    policy: Literal["off", "on", "idle"] = "off"
    stateful: bool = False
    cooldown_time_ms: int = 1000
    notify_time_ms: int = 0


@dataclass(frozen=True, slots=True)
class InstanceOrder:
    """An instance (Part C.2)."""

    image: ImageOrder | None = None
    name: str | None = None
    args: tuple[str, ...] | None = None
    env: Mapping[str, str] | None = None
    memory_mb: int = 128
    vcpus: int = 1
    service_group: GroupOrder | None = None
    roms: tuple[RomOrder, ...] = ()
    autostart: bool = False
    timeout_s: int = 0
    replicas: int = 0
    scale_to_zero: ScaleToZero | None = None
    restart_policy: Literal["never", "always", "on-failure"] = "never"
    features: frozenset[str] = frozenset()
    tags: tuple[str, ...] = ()
    annotations: Mapping[str, str] | None = None
    hostname: str | None = None
    not_emulated: tuple[str, ...] = ()
    """Fields that were given a meaning which the emulator does not have yet."""


@dataclass(frozen=True, slots=True)
class StopOrder:
    """How to stop (Part D.3)."""

    force: bool = False
    drain_timeout_ms: int = 0
    quick: bool = False
    ifstate: str | None = None
    dump: bool = False
