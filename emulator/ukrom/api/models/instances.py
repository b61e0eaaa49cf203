"""What requests about instances that exist look like (specification, Part B.1)."""

from __future__ import annotations

from typing import ClassVar

from ukrom.api.envelope import RequestRefused
from ukrom.api.shapes.instances import InstanceState
from ukrom.api.wire import Int64, Integer, Text, Wire
from ukrom.cloud import StopOrder

from .timeouts import check_timeouts, deprecated, seconds

__all__ = [
    "DeleteInstance",
    "LogInstance",
    "StartInstance",
    "StopInstance",
    "SuspendInstance",
    "WaitInstance",
]


class StartInstance(Wire):
    """How to start (Part D.3)."""

    called: ClassVar[str] = "instance start arguments"
    timeout_s: Integer = None
    wait_timeout_ms: Integer = None

    @property
    def seconds(self) -> int:
        """How long to wait; -1 as long as the platform does."""
        return seconds(self.timeout_s, self.wait_timeout_ms, 0)

    def check(self) -> None:
        """Check the time-out."""
        check_timeouts(self.timeout_s, self.wait_timeout_ms)

    def warnings(self) -> list[str]:
        """Say what of it is deprecated."""
        return deprecated("wait_timeout_ms", self.model_fields_set)


class StopInstance(Wire):
    """How to stop (Part D.3)."""

    called: ClassVar[str] = "instance stop arguments"
    force: bool = False
    drain_timeout_ms: Int64 = 0
    quick: bool = False
    ifstate: Text = None
    dump: bool = False

    def check(self) -> None:
        """Check what can be checked without knowing the instance.

        Raises:
            RequestRefused: 400; parts that exclude each other.
        """
        if self.force and "drain_timeout_ms" in self.model_fields_set:
            raise RequestRefused(400, "'force' and 'drain_timeout_ms' exclude each other")
        if self.drain_timeout_ms < -1:
            raise RequestRefused(
                400, f"Invalid 'drain_timeout_ms' {self.drain_timeout_ms}: must be -1, 0 or more"
            )
        if self.dump and not self.force:
            raise RequestRefused(400, "'dump' needs 'force'")

    def order(self) -> StopOrder:
        """Say it in the cloud's terms."""
        return StopOrder(self.force, self.drain_timeout_ms, self.quick, self.ifstate, self.dump)


class SuspendInstance(Wire):
    """How to suspend (Part D.3)."""

    called: ClassVar[str] = "instance suspension arguments"
    drain_timeout_ms: Int64 = 0

    def check(self) -> None:
        """Check the time-out."""
        check_timeouts(self.drain_timeout_ms)


class WaitInstance(Wire):
    """What to wait for (Part D.7)."""

    called: ClassVar[str] = "instance wait arguments"
    state: InstanceState = "running"
    timeout_s: Integer = None
    timeout_ms: Integer = None

    @property
    def seconds(self) -> float:
        """How long to wait; -1 as long as the platform does, which is also the default."""
        if self.timeout_s is None and self.timeout_ms is not None and self.timeout_ms >= 0:
            return self.timeout_ms / 1000
        return seconds(self.timeout_s, self.timeout_ms, -1)

    def check(self) -> None:
        """Check the time-out."""
        check_timeouts(self.timeout_s, self.timeout_ms)

    def warnings(self) -> list[str]:
        """Say what of it is deprecated."""
        return deprecated("timeout_ms", self.model_fields_set)


class LogInstance(Wire):
    """Which part of a log (Part D.8)."""

    called: ClassVar[str] = "instance log arguments"
    offset: Integer = None
    limit: Integer = None


class DeleteInstance(Wire):
    """How to delete (Part D.3)."""

    called: ClassVar[str] = "instance deletion arguments"
    timeout_s: Int64 = 0
    # [choice]: taken, and nothing comes of it. What is deleted is gone at once, since neither the time of
    # retention nor the listing of what is retained is known (Part G.18).
    dont_retain: bool = False

    def check(self) -> None:
        """Check the time-out."""
        check_timeouts(self.timeout_s)
