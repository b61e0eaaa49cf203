"""Getting an instance for a request, and giving it back in every case."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from ukrom.cloud import Kind, NoAnswer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from concurrent.futures import Future

    from ukrom.cloud import Gateway, Lease, Route

__all__ = ["leased"]


@asynccontextmanager
async def leased(
    gateway: Gateway, route: Route, *, deadline: float, kind: Kind = Kind.REQUEST
) -> AsyncIterator[Lease]:
    """An instance of the route's group, woken if it sleeps, for the length of the block.

    Args:
        gateway: The cloud's side of the ingress.
        route: Where the request goes.
        deadline: In seconds; the gateway's own deadlines should come first.
        kind: What it is wanted for.

    Raises:
        NoAnswer: No instance can answer, and why.
    """
    lease = await _wait(gateway.lease(route, kind), route, deadline)
    try:
        yield lease
    finally:
        lease.release()


async def _wait(future: Future[Lease], route: Route, deadline: float) -> Lease:
    if future.done():
        return future.result()
    try:
        async with asyncio.timeout(deadline):
            return await asyncio.wrap_future(future)
    except TimeoutError:
        _give_up(future)
        text = f"no instance behind {route.fqdn} was ready within {deadline:g} s"
        raise NoAnswer("timeout", text) from None
    except asyncio.CancelledError:
        _give_up(future)
        raise


def _give_up(future: Future[Lease]) -> None:
    # The lease may be granted at this very moment: then nobody else would give it back.
    future.cancel()
    future.add_done_callback(_release_unwanted)


def _release_unwanted(future: Future[Lease]) -> None:
    if not future.cancelled() and future.exception() is None:
        future.result().release()
