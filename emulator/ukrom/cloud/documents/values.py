"""Values of queued changes as JSON: orders by the name of their class, everything else as it is."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from typing import Any
from uuid import UUID

from ukrom.cloud import orders

__all__ = ["BadValue", "pack", "unpack"]

_KIND = "$"


class BadValue(ValueError):
    """A JSON value stands for nothing that a change can have."""


def pack(value: Any) -> Any:
    """Make JSON of a value."""
    if is_dataclass(value) and not isinstance(value, type):
        packed = {field.name: pack(getattr(value, field.name)) for field in fields(value)}
        return {_KIND: type(value).__name__, **packed}
    if isinstance(value, UUID):
        return {_KIND: "uuid", "value": str(value)}
    if isinstance(value, frozenset):
        return {_KIND: "set", "value": sorted(pack(one) for one in value)}
    if isinstance(value, tuple | list):
        return [pack(one) for one in value]
    if isinstance(value, dict):
        return {_KIND: "map", "value": {key: pack(one) for key, one in value.items()}}
    return value


def unpack(value: Any) -> Any:
    """Make a value out of JSON again; lists become tuples, as orders have them.

    Raises:
        BadValue: It names no order, or gives one what it has not.
    """
    if isinstance(value, list):
        return tuple(unpack(one) for one in value)
    if not isinstance(value, dict):
        return value
    kind = value.get(_KIND)
    inner = {key: one for key, one in value.items() if key != _KIND}
    try:
        if kind == "uuid":
            return UUID(inner["value"])
        if kind == "set":
            return frozenset(unpack(one) for one in inner["value"])
        if kind == "map":
            return {key: unpack(one) for key, one in inner["value"].items()}
        if kind in orders.__all__:
            return getattr(orders, kind)(**{key: unpack(one) for key, one in inner.items()})
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        raise BadValue(f"{kind!a}: {error}") from error
    raise BadValue(f"{kind!a} is nothing that a change can have")
