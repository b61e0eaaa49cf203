"""A client's request body, read ahead a little, while its leaving is noticed."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

__all__ = ["Inbound"]

READ_AHEAD = 4


class Inbound:
    """The receiving side of an ASGI request.

    Somebody has to listen for the client all the time, or its disconnect goes unseen while an
    instance wakes up; so `watch` runs beside whoever serves the request and keeps a few pieces ready.

    Args:
        receive: The ASGI callable.
    """

    def __init__(self, receive: Callable[[], Awaitable[Any]]) -> None:
        self._receive = receive
        self._messages: asyncio.Queue[dict[str, Any]] = asyncio.Queue(READ_AHEAD)
        self.complete = False
        """Whether the last piece has been taken."""

    async def watch(self, gone: Callable[[], object]) -> None:
        """Read until the client leaves, then call `gone`; to be cancelled when the request is served."""
        while (message := await self._receive())["type"] == "http.request":
            await self._messages.put(message)
        gone()

    def ready(self) -> list[bytes]:
        """The pieces of the body that have come already."""
        pieces = []
        while not self._messages.empty():
            pieces.append(self._take(self._messages.get_nowait()))
        return pieces

    async def piece(self, deadline: float) -> bytes:
        """The next piece of the body, awaited.

        Args:
            deadline: In seconds.

        Raises:
            TimeoutError: Nothing came in time.
        """
        async with asyncio.timeout(deadline):
            return self._take(await self._messages.get())

    async def receive(self) -> dict[str, Any]:
        """An ASGI `receive` for an application; it hears of a disconnect by being cancelled."""
        message = await self._messages.get()
        self._take(message)
        return message

    def _take(self, message: dict[str, Any]) -> bytes:
        self.complete = not message.get("more_body", False)
        body: bytes = message.get("body", b"")
        return body
