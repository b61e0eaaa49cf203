"""Instances and templates as answers show them (specification, Parts B.1, C.1 and C.17)."""

from typing import Annotated, Literal, Required

from pydantic import Field
from typing_extensions import TypedDict

from .instance_parts import (
    Autokill,
    Gpu,
    GroupOfInstance,
    InstanceAutokill,
    InstanceVolume,
    NetworkInterface,
    PendingUpdate,
    Plugin,
    RestartAttempt,
    Rom,
    ScaleToZeroPolicy,
    Schedule,
    Snapshot,
)
from .scalars import Amount, Moment, Uuid, closed

__all__ = [
    "DeletedInstance",
    "HistoryEntry",
    "Instance",
    "InstanceHistory",
    "InstanceLog",
    "InstanceState",
    "LogRange",
    "MovedInstance",
    "SeenInstance",
]

InstanceState = Literal[
    "stopped",
    "starting",
    "running",
    "draining",
    "stopping",
    "template",
    "standby",
    "deleted",
    "checkpoint",
]
"""The states of instances, templates and checkpoints (Part D.1)."""


@closed
class Instance(TypedDict, total=False):
    """An instance or a template; creates and listings show part of it (Part C.1)."""

    uuid: Required[Uuid]
    name: Required[str]
    created_at: Moment
    state: InstanceState
    private_fqdn: str
    image: str
    """Pinned by its digest."""
    memory_mb: Amount
    vcpus: Amount
    args: list[str]
    env: dict[str, str]
    start_count: Amount
    restart_count: Amount
    started_at: Moment
    stopped_at: Moment
    uptime_ms: Amount
    retained_until: Moment
    vmm_start_time_us: Amount
    vmm_load_time_us: Amount
    vmm_ready_time_us: Amount
    boot_time_us: Amount
    net_time_us: Amount
    template_time_us: Amount
    stop_reason: Amount
    """Bits (Part D.4)."""
    exit_code: Annotated[int, Field(ge=0, le=255)]
    stop_code: Amount
    restart_policy: Literal["never", "always", "on-failure"]
    restart: RestartAttempt
    scale_to_zero: ScaleToZeroPolicy
    service_group: GroupOfInstance
    services: list[Annotated[str, Field(pattern=r"^(tcp|udp):\d+$")]]
    volumes: list[InstanceVolume]
    network_interfaces: list[NetworkInterface]
    private_ip: str
    gateway: str
    nameserver: str
    tags: list[str]
    annotations: dict[str, str]
    snapshot: Snapshot
    delete_lock: bool
    features: list[Literal["delete-on-stop", "nested-virt"]]
    roms: list[Rom]
    plugins: list[Plugin]
    schedules: list[Schedule]
    autokill: InstanceAutokill
    template_autokill: Autokill
    checkpoint_autokill: Autokill
    updates: list[PendingUpdate]
    sched_priority: Literal["normal", "medium", "high", "admin"]
    type: Literal["micro", "full"]
    gpus: list[Gpu]


@closed
class SeenInstance(TypedDict, total=False):
    """An instance in the state that was found, or that it came to: waits, conversions (Part B.1)."""

    uuid: Required[Uuid]
    name: Required[str]
    state: Required[InstanceState]


@closed
class MovedInstance(TypedDict, total=False):
    """An instance that was started, stopped or suspended (Part D.3)."""

    uuid: Required[Uuid]
    name: Required[str]
    state: Required[InstanceState]
    previous_state: Required[InstanceState]


@closed
class DeletedInstance(TypedDict, total=False):
    """An instance that was deleted (Part D.3)."""

    uuid: Required[Uuid]
    name: Required[str]
    previous_state: Required[InstanceState]


@closed
class LogRange(TypedDict, total=False):
    """Part of a log, in bytes; the end is exclusive (Part D.8)."""

    start: Required[Amount]
    end: Required[Amount]


@closed
class InstanceLog(TypedDict, total=False):
    """A window of an instance's console (Part D.8)."""

    uuid: Required[Uuid]
    name: Required[str]
    output: Required[Annotated[str, Field(json_schema_extra={"contentEncoding": "base64"})]]
    available: Required[LogRange]
    range: Required[LogRange]
    state: Required[InstanceState]


@closed
class HistoryEntry(TypedDict, total=False):
    """A checkpoint that the instance came by (Part C.17)."""

    uuid: Required[Uuid]
    name: Required[str]
    created_at: Required[Moment]


@closed
class InstanceHistory(TypedDict, total=False):
    """Where an instance comes from, newest checkpoint first (Part C.17)."""

    uuid: Required[Uuid]
    name: Required[str]
    history: Required[list[HistoryEntry]]
