"""PATCH triples: one property, what to do to it, and with what (specification, Part A.13)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from pydantic import ValidationInfo, field_validator

from ukrom.api.shapes.instance_parts import InstanceProperty
from ukrom.api.wire import Text, Wire
from ukrom.cloud import Change, Op

from . import patched
from .patched import Kind

__all__ = ["Patch", "PatchGroup", "PatchInstance", "PatchTemplate", "PatchVolume", "PatchVolumeTemplate"]


@dataclass(frozen=True, slots=True)
class _Said:
    """A value, as it was sent and as it was read."""

    sent: Any
    read: Any


class Patch(Wire):
    """A change of some resource."""

    id: Text = None
    prop: str
    op: Literal["set", "add", "del"]
    value: Any = None

    kinds: ClassVar[Mapping[str, Kind]] = {}
    """What the values of the properties may be."""

    @field_validator("value", mode="after")
    @classmethod
    def _read(cls, value: Any, info: ValidationInfo) -> Any:
        prop, op = info.data.get("prop"), info.data.get("op")
        # Without these the triple is refused anyway.
        return value if prop is None or op is None else _Said(value, cls.kinds[prop].read(op, value))

    def check(self) -> None:
        """Check the value.

        Raises:
            RequestRefused: 400; it can never be.
        """
        self.change()

    def change(self) -> Change:
        """Say it in the cloud's terms."""
        if not isinstance(self.value, _Said):
            return Change(self.prop, Op(self.op))
        value = self.kinds[self.prop].ordered(self.op, self.value.read)
        return Change(self.prop, Op(self.op), value, given=True, wire=self.value.sent)

    def echoed(self) -> dict[str, str]:
        """Give the caller's tag."""
        return {} if self.id is None else {"id": self.id}


class PatchInstance(Patch):
    """A change of an instance (Part C.13)."""

    called: ClassVar[str] = "instance update"
    prop: InstanceProperty
    kinds: ClassVar[Mapping[str, Kind]] = patched.INSTANCE


class PatchTemplate(Patch):
    """A change of an instance template (Part C.13)."""

    called: ClassVar[str] = "instance template update"
    prop: Literal["tags", "delete_lock", "autokill"]
    kinds: ClassVar[Mapping[str, Kind]] = patched.TEMPLATE


class PatchGroup(Patch):
    """A change of a service group (Part C.13)."""

    called: ClassVar[str] = "service group update"
    prop: Literal["services", "domains", "soft_limit", "hard_limit", "autokill"]
    kinds: ClassVar[Mapping[str, Kind]] = patched.GROUP


class PatchVolume(Patch):
    """A change of a volume (Part C.13)."""

    called: ClassVar[str] = "volume update"
    prop: Literal["size_mb", "tags", "quota_policy", "delete_lock"]
    kinds: ClassVar[Mapping[str, Kind]] = patched.VOLUME


class PatchVolumeTemplate(Patch):
    """A change of a volume template (Part C.13)."""

    called: ClassVar[str] = "volume template update"
    prop: Literal["tags", "delete_lock"]
    kinds: ClassVar[Mapping[str, Kind]] = patched.VOLUME_TEMPLATE
