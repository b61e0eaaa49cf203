"""Moments as answers show them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

__all__ = ["rfc3339"]


def rfc3339(moment: datetime) -> str:
    """Write a moment in UTC, in whole seconds (specification, Part C)."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
