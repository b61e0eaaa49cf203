"""The values that shapes are made of, and how a shape is closed.

The modules of this package leave annotations alone (no `from __future__ import annotations`):
pydantic reads them at run time, and `Required` counts only where it is no text.
"""

from typing import Annotated, TypeVar

from pydantic import ConfigDict, Field

__all__ = ["Amount", "Moment", "Uuid", "closed"]

Shape = TypeVar("Shape", bound=type)

Uuid = Annotated[
    str,
    Field(
        pattern=r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$",
        json_schema_extra={"format": "uuid"},
    ),
]
"""A UUID in lower case (Part F.1)."""

Moment = Annotated[
    str,
    Field(
        pattern=r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,9})?Z$",
        json_schema_extra={"format": "date-time"},
    ),
]
"""A moment in UTC, RFC 3339 (the head of Part C)."""

Amount = Annotated[int, Field(ge=0)]
"""How much or how many; never negative."""


def closed(shape: Shape) -> Shape:
    """Let a TypedDict hold nothing but its own fields, in exactly their types, when pydantic reads it."""
    # Pydantic looks for it there, and TypedDict does not say so.
    shape.__pydantic_config__ = ConfigDict(extra="forbid", strict=True)  # type: ignore[attr-defined]
    return shape
