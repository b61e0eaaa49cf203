"""Waiting for an answer from async code, under asyncio and trio alike."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio
import anyio.to_thread

if TYPE_CHECKING:
    from .messages import Answer, Waiting

__all__ = ["patiently"]


async def patiently(waiting: Waiting) -> Answer:
    """Await an answer; cancelling this tells the cloud that nobody waits any more."""
    try:
        # A limiter of its own: many waits must not use up the threads of the program around them.
        return await anyio.to_thread.run_sync(
            waiting.result, abandon_on_cancel=True, limiter=anyio.CapacityLimiter(1)
        )
    finally:
        waiting.future.cancel()
