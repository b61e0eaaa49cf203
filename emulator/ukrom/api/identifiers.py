"""UUIDs in requests (specification, Part A.10)."""

from __future__ import annotations

import re
from uuid import UUID

from .envelope import RequestRefused

__all__ = ["is_uuid", "read_uuid"]

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


def is_uuid(text: str) -> bool:
    """Tell whether a text is a UUID as the platform writes them."""
    return _UUID.fullmatch(text) is not None


def read_uuid(text: str) -> UUID:
    """Read a UUID.

    Raises:
        RequestRefused: 400; it is none, perhaps a name.
    """
    if not is_uuid(text):
        raise RequestRefused(400, f"Invalid uuid '{text[:300]}'")
    return UUID(text)
