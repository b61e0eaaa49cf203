"""Policies as requests have them (specification, Parts C.4 and D.16)."""

from __future__ import annotations

from typing import ClassVar, Literal

from ukrom.api.wire import Int64, Wire
from ukrom.cloud import Autokill, ScaleToZero

__all__ = ["AutokillInstance", "AutokillTime", "CreateScaleToZero"]


class CreateScaleToZero(Wire):
    """When to scale to zero (Part C.4)."""

    policy: Literal["off", "on", "idle"] = "off"
    stateful: bool = False
    cooldown_time_ms: Int64 = 1000
    notify_time_ms: Int64 = 0

    def order(self) -> ScaleToZero:
        """Say it in the cloud's terms."""
        return ScaleToZero(self.policy, self.stateful, self.cooldown_time_ms, self.notify_time_ms)


class AutokillTime(Wire):
    """When to delete a template or service group that nobody uses."""

    called: ClassVar[str] = "autokill policy"
    time_ms: Int64 = 0

    def order(self) -> Autokill:
        """Say it in the cloud's terms."""
        return Autokill(self.time_ms)


class AutokillInstance(AutokillTime):
    """When to delete an instance."""

    num_requests: Int64 = 0

    def order(self) -> Autokill:
        """Say it in the cloud's terms."""
        return Autokill(self.time_ms, self.num_requests)
