"""UUIDs in requests (specification, Part A.10)."""

from __future__ import annotations

import re
from uuid import UUID

from .envelope import NoUuidInPath, RequestRefused

__all__ = ["is_uuid", "read_path_uuid", "read_uuid"]

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
        raise RequestRefused(400, _said(text))
    return UUID(text)


def read_path_uuid(text: str) -> UUID:
    """Read what stands for a UUID in a path.

    Raises:
        NoUuidInPath: 400; it is none, perhaps a name, or a misspelt word of another path.
    """
    if not is_uuid(text):
        raise NoUuidInPath(400, _said(text))
    return UUID(text)


def _said(text: str) -> str:
    return f"Invalid uuid '{text[:300]}'"
