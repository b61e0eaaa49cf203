"""What requests about instances look like (specification, Parts B.1, C.2 to C.7)."""

from __future__ import annotations

from math import ceil
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field
from pydantic_core import PydanticCustomError

from ukrom.api.envelope import RequestRefused
from ukrom.api.wire import Integer, Text, TextMap, Texts, Wire, given, type_name
from ukrom.cloud import (
    FileOrder,
    ImageOrder,
    InstanceOrder,
    RomOrder,
    ScaleToZero,
    StopOrder,
)

from .services import InstanceGroup  # noqa: TC001 - pydantic reads it at run time.

__all__ = ["CreateInstance", "DeleteInstance", "LogInstance", "StartInstance", "StopInstance", "WaitInstance"]


class ImageSpec(Wire):
    """An image with instructions for its pull (Part C.3)."""

    called: ClassVar[str] = "image specification"
    url: str
    credentials: Text = None
    headers: TextMap = None
    pull_policy: Annotated[Literal["always", "if_not_present", "never"] | None, given("string")] = None


def _spec(value: Any) -> Any:
    if isinstance(value, str):
        return ImageSpec(url=value)
    if isinstance(value, dict) and isinstance(value.get("url"), str):
        return value
    raise PydanticCustomError("json_type", "{found}", {"expected": "string", "found": type_name(value)})


ImageField = Annotated[ImageSpec | None, BeforeValidator(_spec)]


class InlineFile(Wire):
    """A file of an inline ROM (Part C.5)."""

    path: str
    data: str
    encoding: Literal["text", "base64"] = "text"


class CreateRom(Wire):
    """A ROM (Part E.2)."""

    name: Text = None
    image: ImageField = None
    files: Annotated[list[InlineFile] | None, given("array")] = None
    at: Text = None

    def order(self) -> RomOrder:
        """Say it in the cloud's terms."""
        files = None
        if self.files is not None:
            files = tuple(FileOrder(file.path, file.data, file.encoding) for file in self.files)
        return RomOrder(self.name, _image(self.image), files, self.at)


class CreateScaleToZero(Wire):
    """When to scale to zero (Part C.4)."""

    policy: Literal["off", "on", "idle"] = "off"
    stateful: bool = False
    cooldown_time_ms: int = 1000
    notify_time_ms: int = 0

    def order(self) -> ScaleToZero:
        """Say it in the cloud's terms."""
        return ScaleToZero(self.policy, self.stateful, self.cooldown_time_ms, self.notify_time_ms)


Objects = Annotated[list[dict[str, Any]] | None, given("array")]
Object = Annotated[dict[str, Any] | None, given("object")]

# What the platform can do and the emulator cannot yet; with the value that asks for nothing.
_NOT_EMULATED: dict[str, tuple[Any, ...]] = {
    "autokill": ({},),
    "branch_from": (),
    "checkpoint": (),
    "dependencies": ([],),
    "gateway": (),
    "gpus": (0,),
    "nameserver": (),
    "network_interfaces": ([],),
    "plugins": ([],),
    "restart_policy": ("never",),
    "sched_priority": ("normal",),
    "schedules": ([],),
    "template": (),
    "type": ("micro",),
    "volumes": ([],),
}


class CreateInstance(Wire):
    """An instance to be made (Part C.2)."""

    called: ClassVar[str] = "instance creation arguments"
    name: Text = None
    image: ImageField = None
    args: Texts = None
    env: TextMap = None
    memory_mb: int = 128
    vcpus: int = 1
    service_group: Annotated[InstanceGroup | None, given("object")] = None
    roms: list[CreateRom] = Field(default_factory=list)
    autostart: bool = False
    timeout_s: Integer = None
    wait_timeout_ms: Integer = None
    replicas: int = 0
    restart_policy: Literal["never", "always", "on-failure"] = "never"
    scale_to_zero: Annotated[CreateScaleToZero | None, given("object")] = None
    features: list[Literal["delete-on-stop", "nested-virt"]] = Field(default_factory=list)
    tags: list[str] = Field(default_factory=list)
    annotations: TextMap = None
    hostname: Text = None
    template: Object = None
    branch_from: Object = None
    checkpoint: Object = None
    volumes: Objects = None
    plugins: Objects = None
    schedules: Objects = None
    autokill: Object = None
    dependencies: Objects = None
    network_interfaces: Objects = None
    gateway: Text = None
    nameserver: Text = None
    sched_priority: Literal["normal", "medium", "high", "admin"] = "normal"
    type: Literal["micro", "full"] = "micro"
    gpus: int = 0

    def check(self) -> None:
        """Check the annotations (Part A.4), the time-out and the service group.

        Raises:
            RequestRefused: 400; one of them can never be.
        """
        for key, value in (self.annotations or {}).items():
            if any(ord(letter) < 0x20 or ord(letter) == 0x7F for letter in value):
                raise RequestRefused(
                    400, f"The annotation {key[:300]!a} has a control character in its value"
                )
        _check_timeouts(self.timeout_s, self.wait_timeout_ms)
        if self.service_group is not None:
            self.service_group.check()

    def order(self) -> InstanceOrder:
        """Say it in the cloud's terms."""
        return InstanceOrder(
            image=_image(self.image),
            name=self.name,
            args=None if self.args is None else tuple(self.args),
            env=self.env,
            memory_mb=self.memory_mb,
            vcpus=self.vcpus,
            service_group=None if self.service_group is None else self.service_group.order(),
            roms=tuple(rom.order() for rom in self.roms),
            autostart=self.autostart,
            timeout_s=seconds(self.timeout_s, self.wait_timeout_ms, 0),
            replicas=self.replicas,
            scale_to_zero=None if self.scale_to_zero is None else self.scale_to_zero.order(),
            restart_policy=self.restart_policy,
            features=frozenset(self.features),
            tags=tuple(self.tags),
            annotations=self.annotations,
            hostname=self.hostname,
            not_emulated=self._not_emulated(),
        )

    def warnings(self) -> list[str]:
        """Say what of it is deprecated."""
        return _deprecated("wait_timeout_ms", self.model_fields_set)

    def _not_emulated(self) -> tuple[str, ...]:
        asked = (name for name in _NOT_EMULATED if name in self.model_fields_set)
        fields = [name for name in asked if getattr(self, name) not in _NOT_EMULATED[name]]
        if "nested-virt" in self.features:
            fields.append("features: nested-virt")
        return tuple(fields)


class StartInstance(Wire):
    """How to start (Part D.3)."""

    called: ClassVar[str] = "instance start arguments"
    timeout_s: Integer = None
    wait_timeout_ms: Integer = None

    @property
    def seconds(self) -> int:
        """How long to wait; -1 as long as the platform does."""
        return seconds(self.timeout_s, self.wait_timeout_ms, 0)

    def check(self) -> None:
        """Check the time-out."""
        _check_timeouts(self.timeout_s, self.wait_timeout_ms)

    def warnings(self) -> list[str]:
        """Say what of it is deprecated."""
        return _deprecated("wait_timeout_ms", self.model_fields_set)


class StopInstance(Wire):
    """How to stop (Part D.3)."""

    called: ClassVar[str] = "instance stop arguments"
    force: bool = False
    drain_timeout_ms: int = 0
    quick: bool = False
    ifstate: Text = None
    dump: bool = False

    def check(self) -> None:
        """Check what can be checked without knowing the instance.

        Raises:
            RequestRefused: 400; parts that exclude each other.
        """
        if self.force and "drain_timeout_ms" in self.model_fields_set:
            raise RequestRefused(400, "'force' and 'drain_timeout_ms' exclude each other")
        if self.drain_timeout_ms < -1:
            raise RequestRefused(
                400, f"Invalid 'drain_timeout_ms' {self.drain_timeout_ms}: must be -1, 0 or more"
            )
        if self.dump and not self.force:
            raise RequestRefused(400, "'dump' needs 'force'")

    def order(self) -> StopOrder:
        """Say it in the cloud's terms."""
        return StopOrder(self.force, self.drain_timeout_ms, self.quick, self.ifstate, self.dump)


class WaitInstance(Wire):
    """What to wait for (Part D.7)."""

    called: ClassVar[str] = "instance wait arguments"
    state: Literal[
        "stopped",
        "starting",
        "running",
        "draining",
        "stopping",
        "template",
        "standby",
        "deleted",
        "checkpoint",
    ] = "running"
    timeout_s: Integer = None
    timeout_ms: Integer = None

    @property
    def seconds(self) -> float:
        """How long to wait; -1 as long as the platform does, which is also the default."""
        if self.timeout_s is None and self.timeout_ms is not None and self.timeout_ms >= 0:
            return self.timeout_ms / 1000
        return seconds(self.timeout_s, self.timeout_ms, -1)

    def check(self) -> None:
        """Check the time-out."""
        _check_timeouts(self.timeout_s, self.timeout_ms)

    def warnings(self) -> list[str]:
        """Say what of it is deprecated."""
        return _deprecated("timeout_ms", self.model_fields_set)


class LogInstance(Wire):
    """Which part of a log (Part D.8)."""

    called: ClassVar[str] = "instance log arguments"
    offset: Integer = None
    limit: Integer = None


class DeleteInstance(Wire):
    """How to delete (Part D.3)."""

    called: ClassVar[str] = "instance deletion arguments"
    timeout_s: int = 0
    dont_retain: bool = False

    def check(self) -> None:
        """Check the time-out."""
        _check_timeouts(self.timeout_s)


def seconds(timeout_s: int | None, timeout_ms: int | None, default: int) -> int:
    """Give a time-out in seconds; the deprecated one in ms is rounded up."""
    if timeout_s is not None:
        return timeout_s
    if timeout_ms is None:
        return default
    return -1 if timeout_ms < 0 else ceil(timeout_ms / 1000)


def _check_timeouts(*timeouts: int | None) -> None:
    for timeout in timeouts:
        if timeout is not None and timeout < -1:
            raise RequestRefused(400, f"Invalid time-out {timeout}: must be -1, 0 or more")


def _deprecated(field: str, given_fields: set[str]) -> list[str]:
    return [f"'{field}' is deprecated, use 'timeout_s' instead"] if field in given_fields else []


def _image(spec: ImageSpec | None) -> ImageOrder | None:
    return None if spec is None else ImageOrder(spec.url, spec.pull_policy)
