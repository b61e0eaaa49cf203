"""Documents of resources: what is kept of an instance, a service group, a volume, a metro, an account."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AwareDatetime, BeforeValidator, Field

from ukrom.cloud.instances.instance import Asked, Instance
from ukrom.cloud.instances.states import State
from ukrom.cloud.roms.sources import ImageSource
from ukrom.cloud.volumes.states import MountPhase, VolumeState

from .parts import (
    Alarms,
    Bytes,
    ChangeDocument,
    Document,
    DomainDocument,
    ImageOrderDocument,
    InlineFileDocument,
    InterfaceDocument,
    Owner,
    PolicyDocument,
    RestartDocument,
    ScaleToZeroDocument,
    ServiceDocument,
    SnapshotDocument,
    TrafficDocument,
)

__all__ = [
    "AccountDocument",
    "GroupDocument",
    "InlineImageDocument",
    "InstanceDocument",
    "MetroDocument",
    "MountDocument",
    "PinDocument",
    "RomDocument",
    "RunDocument",
    "SourceDocument",
    "VolumeDocument",
]


def _reference(image: Any) -> Any:
    return getattr(image, "reference", image)


def _rom(rom: Any) -> Any:
    source = getattr(rom, "source", None)
    if source is None:
        return rom
    if isinstance(source, ImageSource):
        return {"name": rom.name, "at": rom.at, "image": SourceDocument.model_validate(source)}
    return {"name": rom.name, "at": rom.at, "inline": source.uuid}


class SourceDocument(Document):
    """An image as an instance holds it."""

    order: ImageOrderDocument
    image: Annotated[str | None, BeforeValidator(_reference)]
    """Pinned; None if it was never there."""


class RomDocument(Document):
    """A ROM: of an image, or inline."""

    name: str
    at: str | None = None
    image: SourceDocument | None = None
    inline: UUID | None = None


class MountDocument(Document):
    """A volume as an instance has it attached."""

    volume: Owner
    at: str
    readonly: bool
    phase: MountPhase


class RunDocument(Document):
    """A run that was under way."""

    asked: Asked
    up_for_s: float | None
    """How long its application ran by then, in seconds."""
    exit_code: int | None
    """That of its application, which has ended before its machine."""
    published: list[int]
    vetoes: int


class InstanceDocument(Document):
    """An instance or a template."""

    uuid: UUID
    name: str
    created_at: AwareDatetime
    source: SourceDocument
    memory_mb: int
    vcpus: int
    args: list[str] | None
    env: dict[str, str] | None
    hostname: str
    interfaces: list[InterfaceDocument] = Field(min_length=1)
    roms: list[Annotated[RomDocument, BeforeValidator(_rom)]]
    volumes: list[MountDocument]
    group: Owner
    scale_to_zero: ScaleToZeroDocument | None
    restart_policy: Literal["never", "always", "on-failure"]
    features: list[str]
    tags: list[str]
    annotations: dict[str, str] | None
    autokill: PolicyDocument
    template_autokill: PolicyDocument
    dependencies: list[UUID]
    gateway: str | None
    nameserver: str | None
    sched_priority: str
    delete_lock: bool
    template: UUID | None
    preparing: bool
    snapshot: SnapshotDocument | None
    suspended: bool
    updates: list[ChangeDocument]
    alarms: Alarms
    state: State
    run: RunDocument | None
    restart: RestartDocument | None
    traffic: TrafficDocument
    start_count: int
    restart_count: int
    started_at: AwareDatetime | None
    stopped_at: AwareDatetime | None
    uptime_s: float
    boot_time_us: int | None
    net_time_us: int | None
    template_time_us: int | None
    stop_reason: int | None
    exit_code: int | None
    stop_code: int | None
    failure: str | None
    console: Bytes
    console_dropped: int


NOT_KEPT: dict[type, frozenset[str]] = {
    # Whose it is and where is said by the place of the document; reports alone use the last machine.
    Instance: frozenset({"account", "metro", "last_machine"}),
}
"""Fields that a document of a resource does not have, on purpose."""


class GroupDocument(Document):
    """A service group."""

    uuid: UUID
    name: str
    created_at: AwareDatetime
    persistent: bool
    services: list[ServiceDocument]
    domains: list[DomainDocument]
    soft_limit: int
    hard_limit: int
    autokill: PolicyDocument
    alarms: Alarms


class VolumeDocument(Document):
    """A volume or a volume template."""

    uuid: UUID
    name: str
    created_at: AwareDatetime
    size_mb: int
    state: VolumeState
    persistent: bool
    filesystem: str
    access_mode: str
    quota_policy: str
    host_path: str | None
    uid: int | None
    gid: int | None
    args: dict[str, str] | None
    tags: list[str]
    delete_lock: bool
    source: UUID | None
    alarms: Alarms


class InlineImageDocument(Document):
    """The content of an inline ROM."""

    uuid: UUID
    files: list[InlineFileDocument]


class PinDocument(Document):
    """An image that is pinned."""

    uuid: UUID
    image: Annotated[str, BeforeValidator(_reference)]
    """With its digest."""
    created_at: AwareDatetime
    autokill: PolicyDocument
    alarms: Alarms


class MetroDocument(Document):
    """What an account has in one metro."""

    instances: list[InstanceDocument]
    service_groups: list[GroupDocument]
    volumes: list[VolumeDocument]
    inline_images: list[InlineImageDocument]
    pins: list[PinDocument]


class AccountDocument(Document):
    """The whole state of an account."""

    format: Literal["ukrom"] = "ukrom"
    version: Literal[1] = 1
    user: str
    """Whose it was; it may be loaded into another account."""
    metros: dict[str, MetroDocument]
