"""What the cloud asks of time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

__all__ = ["Clock", "Timer"]


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

    def close(self) -> None:
        """Call off everything that is due later; from now on nothing is called any more."""
