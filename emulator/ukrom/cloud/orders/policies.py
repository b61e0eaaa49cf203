"""Policies of instances, templates and service groups (specification, Parts C.4, D.15 and D.16)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["NO_AUTOKILL", "Autokill", "ScaleToZero"]


@dataclass(frozen=True, slots=True)
class ScaleToZero:
    """When to scale to zero (Part C.4)."""

    policy: Literal["off", "on", "idle"] = "off"
    stateful: bool = False
    cooldown_time_ms: int = 1000
    notify_time_ms: int = 0


@dataclass(frozen=True, slots=True)
class Autokill:
    """When to delete what nobody uses (Part D.16); 0 turns a part off."""

    time_ms: int = 0
    num_requests: int = 0
    """Instances only."""


NO_AUTOKILL = Autokill()
"""Nothing is deleted by itself."""
