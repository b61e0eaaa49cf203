"""Time that tests hold in their hands."""

from __future__ import annotations

import time
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from .real import RealClock
from .schedule import SECOND, nanoseconds

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

__all__ = ["Freeze", "VirtualClock"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LAST_MOMENT = datetime.max.replace(tzinfo=UTC)


class VirtualClock(RealClock):
    """Time that flows as it really does, until it is told to jump or to stand still.

    Timers fire by themselves as time flows. Threads may do with it what they like at the same time:
    jumps come one after the other, and whoever reads the time meanwhile sees the moment that the jump
    has come to. A date that freezegun sets does not reach it.
    """

    def __init__(self) -> None:
        super().__init__()
        self._ahead_ns = 0
        # Where time stands, while it is frozen or jumps.
        self._still_ns: int | None = None
        self._freezes: set[Freeze] = set()
        self._jumps = 0
        self._date_ns = self._real_date_ns()

    def now(self) -> datetime:
        """The date and time, in UTC; goes back only by `move_to` and `reset`."""
        with self._changed:
            return _EPOCH + timedelta(microseconds=(self._time_ns() + self._date_ns) // 1000)

    def monotonic(self) -> float:
        """Seconds since some fixed moment; never goes back, whatever happens to the date."""
        with self._changed:
            return self._time_ns() / SECOND

    def advance(self, seconds: float | timedelta) -> None:
        """Jump ahead. All that is due until then is done when this returns.

        Timers fire on the calling thread in the order in which they are due, each at its own moment;
        so do timers that they set, if they are due within the jump. Time stands still beside that,
        and flows on afterwards unless it is frozen. Inside a call of a timer, a jump counts as part
        of the one around it. Call it with no lock held that the timers' calls need.

        Args:
            seconds: How far; a number of seconds, or a timedelta. 0 does what is due now.

        Raises:
            ValueError: It leads back, or beyond the year 9999; nothing has happened then.
        """
        span = seconds.total_seconds() if isinstance(seconds, timedelta) else seconds
        span_ns = nanoseconds(span)
        if span_ns < 0:
            raise ValueError(f"Time cannot go back by {-span:g} s; use move_to to set the date.")
        with self._changed, self._turn(), self._jump():
            self._check_date(span_ns)
            goal_ns = self._time_ns() + span_ns
            while (due_ns := self._schedule.first()) is not None and due_ns <= goal_ns:
                self._reach(due_ns)
                self._call_first(survive=Exception)
            self._reach(goal_ns)

    def freeze(self) -> Freeze:
        """Let time stand still, from now on, except for `advance`.

        Until `resume` or `reset`; as a context manager, until the end of the block, unless it was
        frozen around it.
        """
        freeze = Freeze(self)
        with self._changed:
            self._still_ns = self._time_ns()
            self._freezes.add(freeze)
        return freeze

    def resume(self, freeze: Freeze | None = None) -> None:
        """Let time flow again; does nothing when it flows.

        Args:
            freeze: What `freeze` gave: ends only that one. None ends all.
        """
        with self._changed:
            self._freezes -= self._freezes if freeze is None else {freeze}
            self._flow()

    @property
    def frozen(self) -> bool:
        """Whether time stands still until it is told to go on."""
        with self._changed:
            return bool(self._freezes)

    def move_to(self, moment: datetime) -> None:
        """Set the date, forward or back. No time passes by that: nothing fires, and no time-out ends.

        Args:
            moment: With a time zone.

        Raises:
            ValueError: It has no time zone.
        """
        if moment.tzinfo is None:
            raise ValueError(f"{moment} has no time zone: say which one, for instance tzinfo=datetime.UTC.")
        with self._changed:
            date_ns = (moment - _EPOCH) // timedelta(microseconds=1) * 1000
            self._date_ns = date_ns - self._time_ns()

    def reset(self) -> None:
        """Go back to the real date and let time flow. Timers stay, and keep what is left of their delay."""
        with self._changed:
            self.resume()
            self._date_ns = self._real_date_ns()

    def _time_ns(self) -> int:
        return super()._time_ns() + self._ahead_ns if self._still_ns is None else self._still_ns

    def _left_s(self, due_ns: int) -> float | None:
        return super()._left_s(due_ns) if self._still_ns is None else None

    def _real_date_ns(self) -> int:
        """Give what makes a date out of this clock's time."""
        return time.clock_gettime_ns(time.CLOCK_REALTIME) - self._time_ns()

    def _check_date(self, span_ns: int) -> None:
        if span_ns // 1000 > (_LAST_MOMENT - self.now()) // timedelta(microseconds=1):
            raise ValueError(f"{span_ns / SECOND:g} s from now is beyond the year 9999.")

    @contextmanager
    def _jump(self) -> Iterator[None]:
        self._still_ns = self._time_ns()
        self._jumps += 1
        try:
            yield
        finally:
            self._jumps -= 1
            self._flow()

    def _reach(self, moment_ns: int) -> None:
        # What is overdue fires late rather than turning time back.
        self._still_ns = max(self._time_ns(), moment_ns)

    def _flow(self) -> None:
        """Let time flow from where it stands, unless there is still a reason for it to stand."""
        if self._still_ns is not None and not self._freezes and not self._jumps:
            self._ahead_ns = self._still_ns - super()._time_ns()
            self._still_ns = None
            self._changed.notify_all()


class Freeze:
    """A time for which a virtual clock stands still; made by `VirtualClock.freeze`."""

    def __init__(self, clock: VirtualClock) -> None:
        self._clock = clock

    def __enter__(self) -> VirtualClock:
        return self._clock

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._clock.resume(self)
