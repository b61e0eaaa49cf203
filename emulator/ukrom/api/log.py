"""The latest calls of an API, for failure reports."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["CallLog", "LoggedCall"]

_KEPT = 200


@dataclass(frozen=True, slots=True)
class LoggedCall:
    """A call that was answered."""

    method: str
    path: str
    """Without the query; a whole URL where the call went to a host that is not emulated."""
    status: int
    """Of HTTP; 0 where there was no answer at all."""
    milliseconds: float
    error: str | None
    """What was refused or went wrong, in the words of the answer."""
    fault: str | None = None
    """The fault on request that struck it, in a few words."""
    missed: bool = False
    """Whether no operation takes such a call, or one does by a word where a UUID belongs."""
    number: int = 0
    """Counts the calls of an API."""


class CallLog:
    """The latest calls, oldest first; any thread may add to it and read it."""

    def __init__(self) -> None:
        self._calls: deque[LoggedCall] = deque(maxlen=_KEPT)
        self._numbers = count(1)
        self.latest = 0
        """The number of the latest call."""

    def __iter__(self) -> Iterator[LoggedCall]:
        # A copy, made in one step: others go on calling.
        return iter(self._calls.copy())

    def __len__(self) -> int:
        return len(self._calls)

    def next_number(self) -> int:
        """Give the number of a call that is about to be added."""
        self.latest = next(self._numbers)
        return self.latest

    def add(self, call: LoggedCall) -> None:
        """Add a call."""
        self._calls.append(call)

    def since(self, number: int) -> list[LoggedCall]:
        """Give the calls after the one of a number, as far as they are kept."""
        return [call for call in self if call.number > number]
