"""The cloud's one lock, and what is due when it is let go.

Machines report on any thread, even from inside a call that the cloud makes to them, and whoever
waits for an answer may call back into the cloud at once. So reports are put in a queue, which is
worked off at the end of the outermost section, and answers are handed over after that, unlocked.
An operation therefore answers with the state it left, `starting` and not yet `running`, as the
platform does.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Guard"]

_log = logging.getLogger(__name__)


class Guard:
    """A reentrant lock, to be used as a context manager, with a queue of reports."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._owner: int | None = None
        self._depth = 0
        self._reports: deque[Callable[[], object]] = deque()
        self._later: list[Callable[[], object]] = []

    def __enter__(self) -> None:
        self._lock.acquire()
        self._depth += 1
        self._owner = threading.get_ident()

    def __exit__(self, *_: object) -> None:
        due: list[Callable[[], object]] = []
        try:
            if self._depth == 1:
                while self._reports:
                    _safely(self._reports.popleft())
                due, self._later = self._later, []
        finally:
            self._depth -= 1
            if not self._depth:
                self._owner = None
            self._lock.release()
        for call in due:
            _safely(call)

    @property
    def held(self) -> bool:
        """Whether the calling thread is inside a section."""
        return self._owner == threading.get_ident()

    def post(self, report: Callable[[], object]) -> None:
        """Call `report` under the lock: now, or at the end of the section that this thread is in."""
        self._reports.append(report)
        if not self.held:
            with self:
                pass

    def later(self, call: Callable[[], object]) -> None:
        """Call `call` when the lock was let go; only from inside a section."""
        self._later.append(call)


def _safely(call: Callable[[], object]) -> None:
    """Call it; an error in one must not keep the others, which belong to others, from being done."""
    try:
        call()
    except Exception:  # noqa: BLE001 - whatever it is, it is told, and the queue goes on
        _log.exception("the cloud could not take in a report, or hand over an answer")
