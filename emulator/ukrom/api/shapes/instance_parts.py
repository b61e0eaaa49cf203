"""What an instance is made of, as reads show it (specification, Parts C.1, C.4 to C.7 and E.8)."""

from typing import Annotated, Any, Literal, Required

from pydantic import Field
from typing_extensions import TypedDict

from .scalars import Amount, Moment, Uuid, closed

__all__ = [
    "Autokill",
    "Gpu",
    "GroupOfInstance",
    "InlineFile",
    "InstanceAutokill",
    "InstanceDomain",
    "InstanceProperty",
    "InstanceVolume",
    "NetworkInterface",
    "PendingUpdate",
    "Plugin",
    "Relay",
    "RestartAttempt",
    "Rom",
    "ScaleToZeroPolicy",
    "Schedule",
    "Snapshot",
]


InstanceProperty = Literal[
    "image",
    "args",
    "env",
    "memory_mb",
    "vcpus",
    "scale_to_zero",
    "tags",
    "delete_lock",
    "schedules",
    "autokill",
    "hostname",
    "roms",
    "dependencies",
    "sched_priority",
    "plugins",
    "annotations",
]
"""What of an instance can be changed (Part C.13)."""


@closed
class ScaleToZeroPolicy(TypedDict, total=False):
    """When the instance scales to zero (Part C.4)."""

    enabled: Required[bool]
    policy: Required[Literal["off", "on", "idle"]]
    stateful: Required[bool]
    cooldown_time_ms: Required[Amount]
    notify_time_ms: Required[Amount]


@closed
class CertificateReference(TypedDict, total=False):
    """Which certificate a domain has (Part C.1)."""

    uuid: Uuid
    name: str


@closed
class InstanceDomain(TypedDict, total=False):
    """A domain of the instance's service group (Part C.1)."""

    fqdn: Required[str]
    certificate: CertificateReference


@closed
class GroupOfInstance(TypedDict, total=False):
    """The service group, as far as an instance shows it (Part C.8)."""

    uuid: Required[Uuid]
    name: Required[str]
    domains: Required[list[InstanceDomain]]


@closed
class InstanceVolume(TypedDict, total=False):
    """A volume that the instance has (Part C.1)."""

    uuid: Required[Uuid]
    name: Required[str]
    at: Required[str]
    readonly: Required[bool]


@closed
class Relay(TypedDict, total=False):
    """The instance that an interface's traffic goes through (Part C.6)."""

    uuid: Required[Uuid]
    name: str
    relay_dns: bool


@closed
class NetworkInterface(TypedDict, total=False):
    """A network interface (Part C.6)."""

    uuid: Required[Uuid]
    private_ip: str
    mac: Required[str]
    name: str
    tap_name: str
    autoconfig: bool
    relay: Relay


@closed
class Snapshot(TypedDict, total=False):
    """The snapshot that the instance has (Part C.1)."""

    uuid: Required[Uuid]


@closed
class RestartAttempt(TypedDict, total=False):
    """How far a restart sequence is (Part D.6)."""

    attempt: Required[Amount]
    next_at: Moment


@closed
class InlineFile(TypedDict, total=False):
    """A file of an inline ROM; modelled, though reads leave files out (Part E.8)."""

    path: Required[str]
    encoding: Literal["text", "base64"]
    data: Required[str]


@closed
class Rom(TypedDict, total=False):
    """A ROM (Parts C.5 and E.8)."""

    name: Required[str]
    image: Required[str]
    """A pinned reference; for inline content the UUID of the ephemeral image."""
    at: str
    files: list[InlineFile]


@closed
class Plugin(TypedDict, total=False):
    """A plugin of the instance (Part C.1)."""

    name: Required[str]
    image: Required[str]
    config: Any


@closed
class Schedule(TypedDict, total=False):
    """Something done at set times (Part C.7)."""

    name: Required[str]
    when: Required[str]
    action: Required[Literal["start", "stop", "delete", "exec"]]
    args: list[str]
    next_at: Moment


@closed
class InstanceAutokill(TypedDict, total=False):
    """When the instance is deleted by itself (Part D.16)."""

    time_ms: Amount
    num_requests: Amount


@closed
class Autokill(TypedDict, total=False):
    """After how long something is deleted by itself (Parts C.1 and C.8)."""

    time_ms: Required[Amount]


@closed
class PendingUpdate(TypedDict, total=False):
    """A change that waits for the next stop, or that failed there (Part A.13)."""

    prop: Required[InstanceProperty]
    op: Required[Literal["set", "add", "del"]]
    value: Any
    status: Required[Literal["pending", "failed"]]
    error: str


@closed
class Gpu(TypedDict, total=False):
    """A GPU of the instance (Part C.1)."""

    uuid: Required[Uuid]
    model: Required[Annotated[str, Field(pattern=r"^[0-9a-f]+:[0-9a-f]+$")]]
    """`<vendor>:<device>`."""
