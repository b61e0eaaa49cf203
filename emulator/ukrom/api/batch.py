"""Many items, one answer: each item goes its own way, and the answer comes when all are done."""

from __future__ import annotations

from collections.abc import Generator
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

from ukrom.cloud import ErrorCode, Refusal

from .envelope import Outcome, refused
from .messages import Answer, Waiting

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ukrom.cloud import Cloud, Steps

__all__ = ["Batch"]


class Batch:
    """The items of one request.

    Args:
        cloud: Whose waits the items use.
        finish: Makes the answer, under the cloud's lock, when all items are done.
    """

    def __init__(self, cloud: Cloud, finish: Callable[[Sequence[Outcome]], Answer]) -> None:
        self._cloud = cloud
        self._finish = finish
        self._outcomes: list[Outcome | list[Outcome] | None] = []
        self._open = 0
        self._future: Future[Answer] | None = None
        self._tasks: list[Any] = []

    def add(self, outcome: Outcome) -> None:
        """Add an item that is done."""
        self._outcomes.append(outcome)

    def attempt(self, identifiers: Mapping[str, str], work: Callable[[], Any]) -> None:
        """Add what `work` gives: one item or a list, each done or a generator that still waits.

        A generator may come to several items too; they stand where it stood.
        """
        try:
            result = work()
        except Refusal as refusal:
            self.add(refused(refusal, **identifiers))
            return
        for part in result if isinstance(result, list) else [result]:
            if isinstance(part, Generator):
                self._follow(part, identifiers)
            else:
                self.add(part)

    def answer(self) -> Answer | Waiting:
        """Give the answer, or the future of it; call under the cloud's lock, after the last item."""
        if not self._open:
            return self._made()
        self._future = Future()
        self._future.add_done_callback(lambda future: self._drop() if future.cancelled() else None)
        return Waiting(self._future)

    def _follow(self, steps: Steps[Outcome | list[Outcome]], identifiers: Mapping[str, str]) -> None:
        place = len(self._outcomes)
        self._outcomes.append(None)
        self._open += 1
        task = self._cloud.waits.spawn(
            _answered(steps, identifiers),
            lambda outcome: self._done(place, outcome),
            lambda error: self._done(place, _broken(error, identifiers)),
        )
        self._tasks.append(task)

    def _done(self, place: int, outcome: Outcome | list[Outcome]) -> None:
        self._outcomes[place] = outcome
        self._open -= 1
        if not self._open and self._future is not None:
            future, answer = self._future, self._made()
            self._cloud.guard.later(lambda: _deliver(future, answer))

    def _made(self) -> Answer:
        flat: list[Outcome] = []
        for outcome in self._outcomes:
            flat.extend(outcome if isinstance(outcome, list) else [outcome] if outcome is not None else [])
        return self._finish(flat)

    def _drop(self) -> None:
        for task in self._tasks:
            self._cloud.guard.post(task.drop)


def _answered(
    steps: Steps[Outcome | list[Outcome]], identifiers: Mapping[str, str]
) -> Steps[Outcome | list[Outcome]]:
    try:
        return (yield from steps)
    except Refusal as refusal:
        return refused(refusal, **identifiers)


def _broken(error: Exception, identifiers: Mapping[str, str]) -> Outcome:
    message = f"internal error of the emulator: {type(error).__name__}: {error}"
    return refused(Refusal(ErrorCode.UNKNOWN_ERROR, message), **identifiers)


def _deliver(future: Future[Answer], answer: Answer) -> None:
    if future.set_running_or_notify_cancel():
        future.set_result(answer)
