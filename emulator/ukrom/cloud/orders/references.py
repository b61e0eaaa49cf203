"""References to resources, and to images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from uuid import UUID

__all__ = ["ImageOrder", "Ref"]


@dataclass(frozen=True, slots=True)
class Ref:
    """A reference to a resource: by UUID or by name (specification, Part 0.2)."""

    uuid: UUID | None = None
    name: str | None = None


@dataclass(frozen=True, slots=True)
class ImageOrder:
    """An image, by its reference (Part C.3)."""

    reference: str
    pull_policy: Literal["always", "if_not_present", "never"] | None = None
