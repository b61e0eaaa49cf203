"""Work on files that is done in a thread, and never left alone."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from ukrom.qemu.layers.store import Layer

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

__all__ = ["in_thread"]


async def in_thread(work: Callable[..., T], *arguments: object) -> T:
    """What `work` gives, done in a thread.

    Who is called off meanwhile still waits for the thread, for a second at most: it has descriptors that are
    closed afterwards, and whose numbers may soon be another file's. A layer that it gives is closed, too.
    """
    # Not a task, which a loop that ends would call off, but not its thread.
    working = asyncio.get_running_loop().run_in_executor(None, partial(work, *arguments))
    try:
        return await asyncio.shield(working)
    except asyncio.CancelledError:
        await asyncio.wait({working})
        if working.exception() is None and isinstance(found := working.result(), Layer):
            found.close()
        raise
