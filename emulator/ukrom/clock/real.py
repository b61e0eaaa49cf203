"""The machine's own time, with one thread for all timers."""

from __future__ import annotations

import logging
import threading
import time
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from .schedule import SECOND, Call, Schedule, nanoseconds

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .ports import Timer

__all__ = ["RealClock"]

_log = logging.getLogger(__name__)


class RealClock:
    """The machine's own time, with one thread for all timers, started with the first of them.

    Calls are made one after the other, so they must not block. One that raises is logged.
    """

    def __init__(self) -> None:
        self._schedule = Schedule()
        self._changed = self._schedule.changed
        self._thread: threading.Thread | None = None
        self._closed = False
        # The thread that makes calls at this moment.
        self._caller: int | None = None

    def now(self) -> datetime:
        """The date and time, in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Seconds since some fixed moment; never goes back."""
        return self._time_ns() / SECOND

    def call_later(self, delay: float, call: Callable[[], object]) -> Timer:
        """Call `call` once, `delay` seconds from now, on the timers' thread.

        Args:
            delay: Seconds; nothing and less than nothing mean at once.
            call: Must not block. After `close` it is never called.

        Raises:
            ValueError: The delay is not finite.
        """
        delay_ns = max(0, nanoseconds(delay))
        with self._changed:
            if self._closed:
                return Call(self._schedule, None)
            due_ns = self._time_ns() + delay_ns
            first = self._schedule.first()
            timer = self._schedule.add(due_ns, call)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="ukrom-timer", daemon=True)
                self._thread.start()
            elif first is None or due_ns < first:
                self._changed.notify_all()
            return timer

    def close(self) -> None:
        """Call off all timers and end their thread; a call that is being made is waited for.

        Any thread may close, even from inside a call, with no lock held that the calls need. Once
        closed, a clock still tells the time; timers made later never fire.
        """
        with self._changed:
            self._closed = True
            self._schedule.clear()
            self._changed.notify_all()
            thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join()

    def _time_ns(self) -> int:
        # Under this name, freezegun does not replace it: a test that freezes its own time must not
        # freeze the emulator's time-outs.
        return time.clock_gettime_ns(time.CLOCK_MONOTONIC)

    def _run(self) -> None:
        with self._changed:
            while not self._closed:
                due_ns = self._schedule.first()
                if due_ns is None or self._caller is not None:
                    self._changed.wait()
                elif due_ns > self._time_ns():
                    self._changed.wait(self._left_s(due_ns))
                else:
                    with self._turn():
                        self._call_first(survive=BaseException)

    def _left_s(self, due_ns: int) -> float | None:
        """How long it really takes until a moment, in seconds; None when it does not come by itself."""
        return min(max(0.0, (due_ns - self._time_ns()) / SECOND), threading.TIMEOUT_MAX)

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """Be the one who makes calls, after whoever makes them now; nests on one thread."""
        me = threading.get_ident()
        nested = self._caller == me
        while not nested and self._caller is not None:
            self._changed.wait()
        self._caller = me
        try:
            yield
        finally:
            if not nested:
                self._caller = None
                self._changed.notify_all()

    def _call_first(self, *, survive: type[BaseException]) -> None:
        """Make the first call of the schedule, with the lock let go meanwhile."""
        call = self._schedule.pop()
        self._changed.release()
        try:
            call()
        except survive:
            _log.exception("a call that was due failed")
        finally:
            self._changed.acquire()
