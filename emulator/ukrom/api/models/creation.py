"""What a request for an instance looks like (specification, Parts C.2, D.10 and D.11)."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from ukrom.api.envelope import RequestRefused
from ukrom.api.wire import Int64, Integer, Text, TextMap, Texts, Wire, given
from ukrom.cloud import Autokill, InstanceOrder, InterfaceOrder, ScaleToZero, TemplateOrder

from .annotations import check_annotations
from .later import CreatePlugin, CreateSchedule, Relay
from .policies import AutokillInstance, AutokillTime, CreateScaleToZero
from .references import ImageField, PlainImageField, Reference, image_order
from .roms import CreateRom
from .services import InstanceGroup
from .timeouts import check_timeouts, deprecated, seconds
from .volumes import CreateMount

__all__ = ["CreateInstance"]

Plugins = Annotated[list[CreatePlugin] | None, given("array")]
RestartPolicy = Annotated[Literal["never", "always", "on-failure"] | None, given("string")]

# What the platform can do and the emulator cannot yet; with the values that ask for nothing.
_NOT_EMULATED: dict[str, tuple[Any, ...]] = {
    "checkpoint": (),
    "gpus": (0,),
    "plugins": ([],),
    "schedules": ([],),
    "type": ("micro",),
}

_OLD_FEATURE = "scale-to-zero"
"""How older clients ask for what `scale_to_zero` says now (Part C.2)."""


class CreateInterface(Wire):
    """A network interface (Part C.6), of an account that has no machines of its own."""

    called: ClassVar[str] = "network interface"
    name: Text = None
    autoconfig: bool = True
    tap_name: Text = None
    ip: Text = None
    mac: Text = None
    relay: Annotated[Relay | None, given("object")] = None

    def own(self) -> bool:
        """Tell whether it wants a network of the customer's own machines."""
        return any(value is not None for value in (self.tap_name, self.ip, self.mac, self.relay))

    def order(self) -> InterfaceOrder:
        """Say it in the cloud's terms."""
        return InterfaceOrder(self.name, self.autoconfig)


class TemplateField(Reference):
    """The template to clone, perhaps to be made first (Part D.10)."""

    called: ClassVar[str] = "template"
    prepare: bool = False
    create_args: Annotated[TemplateArgs | None, given("object")] = None
    prepare_timeout_s: Integer = None
    autokill: Annotated[AutokillTime | None, given("object")] = None

    def check(self) -> None:
        """Check the parts against each other.

        Raises:
            RequestRefused: 400; parts that mean nothing together. [choice]
        """
        self.ref()
        said = sorted(self.model_fields_set & {"create_args", "prepare_timeout_s", "autokill"})
        if not self.prepare and said:
            raise RequestRefused(400, f"'{said[0]}' of a 'template' needs 'prepare'")
        if self.prepare and self.name is None:
            raise RequestRefused(400, "A 'template' with 'prepare' needs a 'name'")
        if (self.prepare_timeout_s or 0) < 0:
            raise RequestRefused(400, "Invalid 'prepare_timeout_s': must be 0 or more")
        if self.create_args is not None:
            self.create_args.check()

    def template(self) -> TemplateOrder:
        """Say it in the cloud's terms."""
        return TemplateOrder(
            self.ref(),
            self.prepare,
            None if self.create_args is None else self.create_args.order(),
            self.prepare_timeout_s or 0,
            None if self.autokill is None else self.autokill.order(),
        )


class TemplateArgs(Wire):
    """What makes an instance, be it for itself or for a template (Parts C.2 and D.10)."""

    called: ClassVar[str] = "template creation arguments"
    image: PlainImageField = None
    template: Annotated[TemplateField | None, given("object")] = None
    args: Texts = None
    env: TextMap = None
    memory_mb: Integer = None
    vcpus: Integer = None
    roms: list[CreateRom] = Field(default_factory=list)
    restart_policy: RestartPolicy = None
    scale_to_zero: Annotated[CreateScaleToZero | None, given("object")] = None
    tags: list[str] = Field(default_factory=list)
    annotations: TextMap = None
    autokill: Annotated[AutokillInstance | None, given("object")] = None
    plugins: Plugins = None

    def check(self) -> None:
        """Check the annotations (Part A.4) and the template.

        Raises:
            RequestRefused: 400; one of them can never be.
        """
        check_annotations(self.annotations or {})
        if self.template is not None:
            self.template.check()

    def order(self) -> InstanceOrder:
        """Say it in the cloud's terms."""
        return InstanceOrder(**self.common())

    def common(self) -> dict[str, Any]:
        """Give the fields of an order that both kinds have."""
        return {
            "image": image_order(self.image),
            "template": None if self.template is None else self.template.template(),
            "args": None if self.args is None else tuple(self.args),
            "env": self.env,
            "memory_mb": self.memory_mb,
            "vcpus": self.vcpus,
            "roms": tuple(rom.order() for rom in self.roms),
            "restart_policy": self.restart_policy,
            "scale_to_zero": self._scale_to_zero(),
            "tags": tuple(self.tags),
            "annotations": self.annotations,
            "autokill": self._autokill(),
            "not_emulated": self._not_emulated(),
        }

    def _scale_to_zero(self) -> ScaleToZero | None:
        return None if self.scale_to_zero is None else self.scale_to_zero.order()

    def _autokill(self) -> Autokill | None:
        return None if self.autokill is None else self.autokill.order()

    def _not_emulated(self) -> tuple[str, ...]:
        asked = (name for name in _NOT_EMULATED if name in self.model_fields_set)
        return tuple(name for name in asked if getattr(self, name) not in _NOT_EMULATED[name])


class CreateInstance(TemplateArgs):
    """An instance to be made (Part C.2)."""

    called: ClassVar[str] = "instance creation arguments"
    name: Text = None
    image: ImageField = None
    branch_from: Annotated[Reference | None, given("object")] = None
    checkpoint: Annotated[Reference | None, given("object")] = None
    service_group: Annotated[InstanceGroup | None, given("object")] = None
    volumes: Annotated[list[CreateMount] | None, given("array")] = None
    autostart: bool = False
    timeout_s: Integer = None
    wait_timeout_ms: Integer = None
    replicas: Int64 = 0
    features: list[Literal["delete-on-stop", "nested-virt", "scale-to-zero"]] = Field(default_factory=list)
    hostname: Text = None
    schedules: Annotated[list[CreateSchedule] | None, given("array")] = None
    dependencies: Annotated[list[Reference] | None, given("array")] = None
    network_interfaces: Annotated[list[CreateInterface] | None, given("array")] = None
    gateway: Text = None
    nameserver: Text = None
    sched_priority: Annotated[Literal["normal", "medium", "high", "admin"] | None, given("string")] = None
    type: Literal["micro", "full"] = "micro"
    gpus: Int64 = 0

    def check(self) -> None:
        """Check what can be checked without knowing any state.

        Raises:
            RequestRefused: 400; a part can never be.
        """
        super().check()
        check_timeouts(self.timeout_s, self.wait_timeout_ms)
        if self.service_group is not None:
            self.service_group.check()
        for mount in self.volumes or ():
            mount.check()

    def order(self) -> InstanceOrder:
        """Say it in the cloud's terms."""
        return InstanceOrder(
            **self.common(),
            name=self.name,
            branch_from=None if self.branch_from is None else self.branch_from.ref(),
            service_group=None if self.service_group is None else self.service_group.order(),
            volumes=tuple(mount.order() for mount in self.volumes or ()),
            autostart=self.autostart,
            timeout_s=seconds(self.timeout_s, self.wait_timeout_ms, 0),
            replicas=self.replicas,
            features=frozenset(self.features) - {_OLD_FEATURE},
            hostname=self.hostname,
            dependencies=tuple(reference.ref() for reference in self.dependencies or ()),
            interfaces=tuple(one.order() for one in self.network_interfaces or ()),
            gateway=self.gateway,
            nameserver=self.nameserver,
            sched_priority=self.sched_priority,
        )

    def warnings(self) -> list[str]:
        """Say what of it is deprecated."""
        messages = deprecated("wait_timeout_ms", self.model_fields_set)
        if _OLD_FEATURE in self.features:
            messages.append(f"'{_OLD_FEATURE}' in 'features' is deprecated, use 'scale_to_zero' instead")
        return messages

    def _scale_to_zero(self) -> ScaleToZero | None:
        # [choice]: older clients know no more of it than that it is on; what is said newly counts.
        old = self.scale_to_zero is None and _OLD_FEATURE in self.features
        return ScaleToZero("on") if old else super()._scale_to_zero()

    def _not_emulated(self) -> tuple[str, ...]:
        fields = [*super()._not_emulated()]
        if "nested-virt" in self.features:
            fields.append("features: nested-virt")
        if any(interface.own() for interface in self.network_interfaces or ()):
            fields.append("network_interfaces: tap_name, ip, mac and relay")
        return tuple(fields)
