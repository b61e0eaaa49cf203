"""UUIDs in requests, and whom an item means (specification, Parts A.10 and A.12)."""

from __future__ import annotations

import re
from uuid import UUID

from .envelope import RequestRefused

__all__ = ["read_uuid"]

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


def read_uuid(text: str) -> UUID:
    """Read a UUID.

    Raises:
        RequestRefused: 400; it is none, perhaps a name.
    """
    if not _UUID.fullmatch(text):
        raise RequestRefused(400, f"Invalid uuid '{text[:300]}'")
    return UUID(text)
