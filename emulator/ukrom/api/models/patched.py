"""What the values of PATCH triples look like (specification, Parts A.13 and C.13)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BeforeValidator, TypeAdapter

from ukrom.api.identifiers import is_uuid
from ukrom.api.wire import Int64

from .annotations import check_annotations
from .policies import AutokillInstance, AutokillTime, CreateScaleToZero
from .references import ImageField, Reference, image_order
from .roms import CreateRom
from .services import CreateDomain, CreateService

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["GROUP", "INSTANCE", "TEMPLATE", "VOLUME", "VOLUME_TEMPLATE", "Kind"]


@dataclass(frozen=True, slots=True)
class Kind:
    """What the value of a property may be."""

    whole: TypeAdapter[Any]
    """For `set`, and for `add` where that is possible."""
    order: Callable[[Any], Any]
    """Says it in the cloud's terms."""
    members: TypeAdapter[Any] | None = None
    """For `del`; None where there is nothing but `set`."""
    gone: Callable[[Any], Any] = tuple
    """Says what is to be taken out in the cloud's terms."""

    def read(self, op: str, value: Any) -> Any:
        """Read a value; nothing of a scalar's is looked at but what it is set to.

        Raises:
            ValidationError: It has another type.
        """
        adapter = self.whole if op == "set" or (op == "add" and self.members is not None) else None
        if op == "del":
            adapter = self.members
        # By way of JSON, whose arrays and objects may be what a strict reader of Python's refuses.
        return None if adapter is None else adapter.validate_json(json.dumps(value), strict=True)

    def ordered(self, op: str, read: Any) -> Any:
        """Say what was read in the cloud's terms.

        Raises:
            RequestRefused: 400; it can never be.
        """
        if op == "del":
            return None if self.members is None else self.gone(read)
        return None if read is None else self.order(read)


def _listed(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def _each(wrap: Callable[[Any], Any]) -> BeforeValidator:
    return BeforeValidator(lambda value: [wrap(one) for one in value] if isinstance(value, list) else value)


def _reference(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    return {"uuid" if is_uuid(value) else "name": value}


def _service(value: Any) -> Any:
    return {"port": value} if isinstance(value, int) else value


def _domain(value: Any) -> Any:
    return {"name": value} if isinstance(value, str) else value


def _orders(values: Any) -> tuple[Any, ...]:
    return tuple(value.order() for value in values)


def _annotated(value: dict[str, str]) -> dict[str, str]:
    check_annotations(value)
    return value


def _scalar(kind: Any, order: Callable[[Any], Any] = lambda value: value) -> Kind:
    return Kind(TypeAdapter(kind), order)


_TEXTS: TypeAdapter[Any] = TypeAdapter(list[str])
_KEYS: TypeAdapter[Any] = TypeAdapter(Annotated[list[str], BeforeValidator(_listed)])
_MAP: TypeAdapter[Any] = TypeAdapter(dict[str, str])
_OBJECTS: TypeAdapter[Any] = TypeAdapter(list[dict[str, Any]])
# The official client's notes say names or UUIDs, the specification says references.
_REFERENCES: TypeAdapter[Any] = TypeAdapter(Annotated[list[Reference], _each(_reference)])


def _refs(values: list[Reference]) -> tuple[Any, ...]:
    return tuple(value.ref() for value in values)


_TAGS = Kind(_TEXTS, tuple, _TEXTS)
_LOCK = _scalar(bool)
_AUTOKILL = _scalar(AutokillTime, AutokillTime.order)

INSTANCE = {
    "image": Kind(TypeAdapter(ImageField), image_order),
    "args": Kind(_KEYS, tuple, _KEYS),
    "env": Kind(_MAP, dict, _KEYS),
    "memory_mb": _scalar(Int64),
    "vcpus": _scalar(Int64),
    "scale_to_zero": _scalar(CreateScaleToZero, CreateScaleToZero.order),
    "tags": _TAGS,
    "delete_lock": _LOCK,
    "schedules": Kind(_OBJECTS, tuple, _TEXTS),
    "autokill": _scalar(AutokillInstance, AutokillInstance.order),
    "hostname": _scalar(str),
    "roms": Kind(TypeAdapter(list[CreateRom]), _orders, _TEXTS),
    "dependencies": Kind(_REFERENCES, _refs, _REFERENCES, _refs),
    "sched_priority": _scalar(Literal["normal", "medium", "high", "admin"]),
    "plugins": Kind(_OBJECTS, tuple, _TEXTS),
    "annotations": Kind(_MAP, _annotated, _KEYS),
}
TEMPLATE = {"tags": _TAGS, "delete_lock": _LOCK, "autokill": _AUTOKILL}
GROUP = {
    # [choice]: services are taken out by their ports, domains by their names, or as they were given.
    "services": Kind(
        TypeAdapter(list[CreateService]),
        _orders,
        TypeAdapter(Annotated[list[CreateService], _each(_service)]),
        _orders,
    ),
    "domains": Kind(
        TypeAdapter(list[CreateDomain]),
        _orders,
        TypeAdapter(Annotated[list[CreateDomain], _each(_domain)]),
        _orders,
    ),
    "soft_limit": _scalar(Int64),
    "hard_limit": _scalar(Int64),
    "autokill": _AUTOKILL,
}
VOLUME = {
    "size_mb": _scalar(Int64),
    "tags": _TAGS,
    "quota_policy": _scalar(Literal["static", "dynamic"]),
    "delete_lock": _LOCK,
}
VOLUME_TEMPLATE = {"tags": _TAGS, "delete_lock": _LOCK}
