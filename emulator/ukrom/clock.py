"""Time as the platform sees it: a port with a real implementation.

Whatever the cloud does by time (time-outs, cool-downs, back-off) asks a `Clock`, so that a virtual
one can drive it.
"""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Clock", "RealClock", "Timer"]


class Timer(Protocol):
    """A call that is due later and can still be called off."""

    def cancel(self) -> None:
        """Call it off; does nothing when it is over."""


class Clock(Protocol):
    """What the cloud knows of time."""

    def now(self) -> datetime:
        """The date and time, in UTC."""

    def monotonic(self) -> float:
        """Seconds since some fixed moment; never goes back."""

    def call_later(self, delay: float, call: Callable[[], object]) -> Timer:
        """Call `call` once, `delay` seconds from now, on any thread."""


class RealClock:
    """The machine's own time."""

    def now(self) -> datetime:
        """The date and time, in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Seconds since some fixed moment; never goes back."""
        return time.monotonic()

    def call_later(self, delay: float, call: Callable[[], object]) -> Timer:
        """Call `call` once, `delay` seconds from now, on a thread of its own."""
        timer = threading.Timer(delay, call)
        timer.daemon = True
        timer.name = "ukrom-timer"
        timer.start()
        return timer
