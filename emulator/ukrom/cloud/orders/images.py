"""Pins of images as they are asked for (specification, Part C.11)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .policies import Autokill
    from .references import ImageOrder

__all__ = ["PinOrder"]


@dataclass(frozen=True, slots=True)
class PinOrder:
    """An image to be pulled and kept."""

    image: ImageOrder
    autokill: Autokill | None = None
    """Unpin it when nobody uses it for so long."""

    @property
    def name(self) -> None:
        """Nothing: an image that could not be pinned is not named (Part C.11)."""
