"""Holding an answer back, by the cloud's clock and without a thread."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ukrom.cloud import Wait

from .messages import Answer, Waiting

if TYPE_CHECKING:
    from collections.abc import Callable

    from ukrom.cloud import Cloud, Steps

__all__ = ["held_back"]


def held_back(
    cloud: Cloud, answer: Answer | Waiting, delay: float, ended: Callable[[], bool]
) -> Answer | Waiting:
    """Give an answer later; call under the cloud's lock.

    Args:
        cloud: Whose clock counts.
        answer: What was answered; what it waits for goes on meanwhile.
        delay: Seconds from now.
        ended: Whether it shall be held back no more.
    """
    if isinstance(answer, Waiting):
        answer.future.add_done_callback(lambda _: cloud.guard.post(cloud.waits.changed))
    deadline = cloud.clock.monotonic() + delay
    return Waiting(cloud.waits.future(_later(answer, deadline, ended)))


def _later(answer: Answer | Waiting, deadline: float, ended: Callable[[], bool]) -> Steps[Answer]:
    try:
        yield Wait(ended, deadline)
        if isinstance(answer, Answer):
            return answer
        yield Wait(answer.future.done)
        return answer.future.result()
    finally:
        if isinstance(answer, Waiting):
            # Does nothing to one that is there; else nobody waits for it any more.
            answer.future.cancel()
