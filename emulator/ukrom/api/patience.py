"""Waiting for an answer from async code, under asyncio and trio alike, without a thread."""

from __future__ import annotations

import asyncio
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import anyio

if TYPE_CHECKING:
    from collections.abc import Callable

    from .messages import Answer, Waiting

__all__ = ["patiently"]


async def patiently(waiting: Waiting) -> Answer:
    """Await an answer; cancelling this tells the cloud that nobody waits any more."""
    there = anyio.Event()
    call_in_loop = _from_any_thread()

    def tell(_: object) -> None:
        # A loop that has ended since has nobody waiting.
        with suppress(RuntimeError):
            call_in_loop(there.set)

    waiting.future.add_done_callback(tell)
    try:
        await there.wait()
        return waiting.future.result()
    finally:
        waiting.future.cancel()


def _from_any_thread() -> Callable[[Callable[[], object]], Any]:
    """Give what makes a call in the running loop, from whatever thread."""
    trio = sys.modules.get("trio")
    if trio is not None:
        # Outside of trio's loop there is no token; older ones have no other way to ask.
        with suppress(RuntimeError):
            call: Callable[[Callable[[], object]], Any] = trio.lowlevel.current_trio_token().run_sync_soon
            return call
    return asyncio.get_running_loop().call_soon_threadsafe
