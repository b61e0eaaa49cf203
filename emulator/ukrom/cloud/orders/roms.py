"""ROMs as they are asked for (specification, Part E.2)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from .references import ImageOrder

__all__ = ["FileOrder", "RomOrder"]


@dataclass(frozen=True, slots=True)
class FileOrder:
    """One file of an inline ROM, still encoded (Part C.5)."""

    path: str
    data: str
    encoding: Literal["text", "base64"] = "text"


@dataclass(frozen=True, slots=True)
class RomOrder:
    """A ROM (Part E.2)."""

    name: str | None = None
    image: ImageOrder | None = None
    files: tuple[FileOrder, ...] | None = None
    at: str | None = None
