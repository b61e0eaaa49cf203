"""What is due later, in order, under a lock that its clock shares.

Time is whole nanoseconds here: eight times 0.1 s are 0.8 s, so what is due then is not missed by a
rounding error.
"""

from __future__ import annotations

import heapq
import math
import threading
from itertools import count
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["SECOND", "Call", "Schedule", "nanoseconds"]

SECOND = 1_000_000_000
"""In nanoseconds."""

# Fewer cancelled timers than this are not worth the clearing away.
_FEW = 64


def nanoseconds(seconds: float) -> int:
    """Give a span of time in whole nanoseconds.

    Raises:
        ValueError: It is infinite, or no number.
    """
    if not math.isfinite(seconds):
        raise ValueError(f"{seconds} s is no span of time.")
    # In two parts: the largest floats have no thousand million times as much.
    whole = math.floor(seconds)
    return whole * SECOND + round((seconds - whole) * SECOND)


class Call:
    """A timer in a schedule; over, or called off, when it has no `call`."""

    __slots__ = ("_schedule", "call")

    def __init__(self, schedule: Schedule, call: Callable[[], object] | None) -> None:
        self._schedule = schedule
        self.call = call

    def cancel(self) -> None:
        """Call it off; does nothing when it is over."""
        self._schedule.cancel(self)


class Schedule:
    """Calls in the order in which they are due; those of one moment in the order in which they were made.

    All but `cancel` is called with `changed` held. It is reentrant, since a finalizer that cancels a
    timer may run at any moment.
    """

    def __init__(self) -> None:
        self.changed = threading.Condition(threading.RLock())
        self._heap: list[tuple[int, int, Call]] = []
        self._numbers = count()
        self._dead = 0

    def add(self, due_ns: int, call: Callable[[], object]) -> Call:
        """Put in a call."""
        timer = Call(self, call)
        heapq.heappush(self._heap, (due_ns, next(self._numbers), timer))
        return timer

    def first(self) -> int | None:
        """Give the moment of the first call, in nanoseconds, or None when there is none."""
        while self._heap and self._heap[0][2].call is None:
            heapq.heappop(self._heap)
            self._dead -= 1
        return self._heap[0][0] if self._heap else None

    def pop(self) -> Callable[[], object]:
        """Take out the call that `first` told of."""
        timer = heapq.heappop(self._heap)[2]
        call, timer.call = timer.call, None
        assert call is not None, "the first of a schedule was called off between first and pop"
        return call

    def cancel(self, timer: Call) -> None:
        """Call off a timer; what is cancelled stays in the heap until there is much of it."""
        with self.changed:
            if timer.call is None:
                return
            timer.call = None
            self._dead += 1
            if self._dead > max(_FEW, len(self._heap) // 2):
                self._heap = [entry for entry in self._heap if entry[2].call is not None]
                heapq.heapify(self._heap)
                self._dead = 0

    def clear(self) -> None:
        """Call off everything."""
        for _, _, timer in self._heap:
            timer.call = None
        self._heap.clear()
        self._dead = 0
