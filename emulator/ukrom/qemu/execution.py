"""Commands that run in the guest beside its application."""

from __future__ import annotations

import itertools
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ukrom.errors import MachineError

__all__ = ["Execution", "Executions", "too_long"]

_WORDS = 900
_BYTES = 2 << 20
"""Below what a frame to the agent holds, and about what Linux lets a program have."""


@dataclass(frozen=True, slots=True)
class Execution:
    """A command that ended."""

    exit_code: int
    """0 to 255; 128 + signal number if a signal ended it, 127 if it could not be run."""
    stdout: bytes
    stderr: bytes


@dataclass(slots=True)
class _Pending:
    future: Future[Execution] = field(default_factory=Future)
    stdout: bytearray = field(default_factory=bytearray)
    stderr: bytearray = field(default_factory=bytearray)


class Executions:
    """The commands of one machine that are under way. Belongs to the machine's loop."""

    def __init__(self) -> None:
        self._ids = itertools.count(1)
        self._pending: dict[str, _Pending] = {}

    def begin(self, future: Future[Execution]) -> str:
        """Open a command; returns the identifier under which the agent will report on it."""
        identifier = str(next(self._ids))
        self._pending[identifier] = _Pending(future)
        return identifier

    def output(self, identifier: str, stream: str, data: bytes) -> None:
        """Take in output; none is expected of a command that was given up."""
        if (pending := self._pending.get(identifier)) is not None:
            (pending.stderr if stream == "stderr" else pending.stdout).extend(data)

    def done(self, identifier: str, exit_code: int) -> None:
        """A command ended."""
        pending = self._pending.pop(identifier, None)
        if pending is not None and pending.future.set_running_or_notify_cancel():
            pending.future.set_result(Execution(exit_code, bytes(pending.stdout), bytes(pending.stderr)))

    def fail(self, error: MachineError) -> None:
        """The machine is gone: nobody will report any more."""
        for pending in self._pending.values():
            if pending.future.set_running_or_notify_cancel():
                pending.future.set_exception(error)
        self._pending.clear()


def too_long(argv: Sequence[str], env: Mapping[str, str]) -> bool:
    """Whether a command has more words, or longer ones, than can be handed on."""
    size = sum(map(len, argv)) + sum(len(name) + len(value) for name, value in env.items())
    return len(argv) + len(env) > _WORDS or size > _BYTES
