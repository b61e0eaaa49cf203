"""Instances and templates as they are asked for (specification, Parts C.2, D.9 to D.11)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .groups import GroupOrder
    from .policies import Autokill, ScaleToZero
    from .references import ImageOrder, Ref
    from .roms import RomOrder
    from .volumes import MountOrder

__all__ = ["InstanceOrder", "InterfaceOrder", "StopOrder", "TemplateOrder"]


@dataclass(frozen=True, slots=True)
class InterfaceOrder:
    """A network interface (Part C.6)."""

    name: str | None = None
    autoconfig: bool = True


@dataclass(frozen=True, slots=True)
class TemplateOrder:
    """The template to clone, perhaps to be made first (Parts D.9 and D.10)."""

    ref: Ref
    prepare: bool = False
    create_args: InstanceOrder | None = None
    prepare_timeout_s: int = 0
    """How long its guest may take to write the template file; 0 is no limit."""
    autokill: Autokill | None = None


@dataclass(frozen=True, slots=True)
class InstanceOrder:
    """An instance (Part C.2). `None` means that the field was absent."""

    image: ImageOrder | None = None
    template: TemplateOrder | None = None
    branch_from: Ref | None = None
    name: str | None = None
    args: tuple[str, ...] | None = None
    env: Mapping[str, str] | None = None
    memory_mb: int | None = None
    """In MiB; the default is 128, or the template's."""
    vcpus: int | None = None
    """The default is 1, or the template's."""
    service_group: GroupOrder | None = None
    volumes: tuple[MountOrder, ...] = ()
    roms: tuple[RomOrder, ...] = ()
    autostart: bool = False
    timeout_s: int = 0
    replicas: int = 0
    scale_to_zero: ScaleToZero | None = None
    restart_policy: Literal["never", "always", "on-failure"] | None = None
    features: frozenset[str] = frozenset()
    tags: tuple[str, ...] = ()
    annotations: Mapping[str, str] | None = None
    hostname: str | None = None
    autokill: Autokill | None = None
    dependencies: tuple[Ref, ...] = ()
    interfaces: tuple[InterfaceOrder, ...] = ()
    gateway: str | None = None
    nameserver: str | None = None
    sched_priority: Literal["normal", "medium", "high", "admin"] | None = None
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
