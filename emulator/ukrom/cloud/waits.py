"""Waiting without threads: a handler that has to wait is a generator that yields a `Wait`.

The generator goes on with True as soon as the wait's predicate holds, or with False when its
deadline passes. Predicates are looked at after every change of the cloud's state, under its lock.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeAlias, TypeVar

if TYPE_CHECKING:
    from ukrom.clock import Clock, Timer

    from .guard import Guard

__all__ = ["Steps", "Task", "Wait", "Waits"]

T = TypeVar("T")

Steps: TypeAlias = Generator["Wait", bool, T]
"""A handler that may wait; its return value is the result."""


@dataclass(frozen=True, slots=True)
class Wait:
    """Something to wait for."""

    ready: Callable[[], bool]
    """Whether it has come; called under the lock, so it must not block."""
    deadline: float | None = None
    """When to give up, by the clock's `monotonic`; None waits for ever."""
    about: object = None
    """The one resource on whose state `ready` depends; None may depend on anything."""


class Task(Generic[T]):
    """One generator on its way; made by `Waits.spawn`."""

    def __init__(
        self,
        waits: Waits,
        steps: Steps[T],
        done: Callable[[T], object],
        failed: Callable[[Exception], object] | None,
    ) -> None:
        self._waits = waits
        self._steps = steps
        self._done = done
        self._failed = failed
        self._timer: Timer | None = None
        self.wait: Wait | None = None

    def advance(self, value: bool | None) -> None:  # noqa: FBT001 - the outcome of a wait.
        """Run until the next wait that does not hold yet, or to the end."""
        self._rest()
        while True:
            try:
                # The first step of a generator takes None and no other value.
                wait = next(self._steps) if value is None else self._steps.send(value)
            except StopIteration as end:
                self._done(end.value)
                return
            except Exception as error:
                if self._failed is None:
                    raise
                self._failed(error)
                return
            if wait.ready():
                value = True
            elif wait.deadline is not None and wait.deadline <= self._waits.clock.monotonic():
                value = False
            else:
                self._sleep(wait)
                return

    def drop(self) -> None:
        """Give up on it, for nobody waits for the result any more; call under the lock."""
        self._rest()
        self._steps.close()

    def _sleep(self, wait: Wait) -> None:
        self.wait = wait
        self._waits.put(self, wait)
        if wait.deadline is not None:
            left = max(0.0, wait.deadline - self._waits.clock.monotonic())
            self._timer = self._waits.clock.call_later(
                left, lambda: self._waits.guard.post(lambda: self._expire(wait))
            )

    def _expire(self, wait: Wait) -> None:
        if self.wait is wait:
            self.advance(wait.ready())

    def _rest(self) -> None:
        if self.wait is not None:
            self._waits.take(self, self.wait)
            self.wait = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


class Waits:
    """All generators of one cloud that wait for something."""

    def __init__(self, guard: Guard, clock: Clock) -> None:
        self.guard = guard
        self.clock = clock
        self.sleeping: dict[Task[Any], None] = {}
        self._about: dict[object, dict[Task[Any], None]] = {}

    def spawn(
        self,
        steps: Steps[T],
        done: Callable[[T], object],
        failed: Callable[[Exception], object] | None = None,
    ) -> Task[T]:
        """Start a generator, under the lock; `done` gets its result, maybe before this returns."""
        task = Task(self, steps, done, failed)
        task.advance(None)
        return task

    def future(self, steps: Steps[T], unwanted: Callable[[T], object] | None = None) -> Future[T]:
        """Start a generator and give its result as a future.

        Args:
            steps: The generator; its exception becomes the future's.
            unwanted: Gets a result that comes after the future was cancelled.
        """
        future: Future[T] = Future()

        def hand_over(result: T) -> None:
            if future.set_running_or_notify_cancel():
                future.set_result(result)
            elif unwanted is not None:
                unwanted(result)

        def fail(error: Exception) -> None:
            if future.set_running_or_notify_cancel():
                future.set_exception(error)

        with self.guard:
            task = self.spawn(
                steps,
                lambda result: self.guard.later(lambda: hand_over(result)),
                lambda error: self.guard.later(lambda: fail(error)),
            )
        future.add_done_callback(lambda ended: self.guard.post(task.drop) if ended.cancelled() else None)
        return future

    def changed(self, *only: object) -> None:
        """Let everything go on whose wait is over; call under the lock after every change.

        Args:
            only: What has changed, if surely nothing else has: waits about other things are left alone,
                so that one call is not slowed down by all that others wait for.
        """
        groups = [self._about.get(about, {}) for about in (None, *only)] if only else [self.sleeping]
        for task in [task for group in groups for task in group]:
            wait = task.wait
            if wait is not None and wait.ready():
                task.advance(True)  # noqa: FBT003 - the outcome of a wait.

    def put(self, task: Task[Any], wait: Wait) -> None:
        """Note that a generator waits."""
        self.sleeping[task] = None
        self._about.setdefault(wait.about, {})[task] = None

    def take(self, task: Task[Any], wait: Wait) -> None:
        """Note that a generator waits no more."""
        self.sleeping.pop(task, None)
        group = self._about[wait.about]
        del group[task]
        if not group:
            del self._about[wait.about]
