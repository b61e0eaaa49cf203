"""Leaving out the fields of a request body that nobody knows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic_core import from_json, to_json

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    Location = Sequence[str | int]

__all__ = ["without"]


def without(body: bytes, locations: Iterable[Location]) -> tuple[bytes, list[Location]]:
    """Leave out fields of a body.

    Args:
        body: JSON that can be parsed.
        locations: Where the fields are, as a validation error tells it.

    Returns:
        The body, and which of the fields were there; parts of a location that name no place of the
        body, but one of several types that were tried, are left out.
    """
    data = from_json(body)
    gone = [place for location in locations if (place := _drop(data, location)) is not None]
    return to_json(data, inf_nan_mode="constants"), gone


def _drop(data: Any, location: Location) -> Location | None:
    place: list[str | int] = []
    for part in location[:-1]:
        if _leads_on(data, part):
            data = data[part]
            place.append(part)
    last = location[-1]
    if not isinstance(data, dict) or last not in data:
        return None
    del data[last]
    return [*place, last]


def _leads_on(data: Any, part: str | int) -> bool:
    if isinstance(data, list):
        return isinstance(part, int) and part < len(data)
    return isinstance(data, dict) and part in data
