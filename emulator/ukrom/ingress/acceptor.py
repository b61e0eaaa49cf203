"""Accepting connections on a listening socket, with an end that leaves nothing."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import socket
    from collections.abc import Awaitable, Callable

__all__ = ["Acceptor"]

_RETRY_S = 0.05
_log = logging.getLogger(__name__)


class Acceptor:
    """Runs a coroutine for every connection to a listening socket.

    asyncio's own servers lose sight of a connection that has not finished its TLS handshake, such as
    one that a browser opens in advance; it would outlive the server.

    Args:
        listener: A listening, non-blocking socket; closed by `stop`.
        serve: Gets every accepted socket, and owns it. It is cancelled by `stop`.
    """

    def __init__(self, listener: socket.socket, serve: Callable[[socket.socket], Awaitable[None]]) -> None:
        self._listener = listener
        self._serve = serve
        self._accepting: asyncio.Task[None] | None = None
        self._serving: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        """Begin to accept, in the running loop."""
        self._accepting = asyncio.create_task(self._accept(), name="ukrom ingress listener")

    def close(self) -> None:
        """Accept no more; connections go on."""
        if self._accepting is None or self._accepting.done():
            self._listener.close()
            return
        # Not before the loop has let go of the descriptor: the next socket may get the same number.
        self._accepting.add_done_callback(lambda _: self._listener.close())
        self._accepting.cancel()

    async def stop(self) -> None:
        """Accept no more, and end what serves connections."""
        self.close()
        tasks = [*self._serving] if self._accepting is None else [*self._serving, self._accepting]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _accept(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                connection, _ = await loop.sock_accept(self._listener)
            except OSError as error:
                # Out of descriptors, say: it passes, and a listener that gave up would leave clients
                # in the kernel's queue for ever.
                _log.warning("a connection could not be accepted: %s", error)
                await asyncio.sleep(_RETRY_S)
                continue
            task = asyncio.create_task(self._run(connection), name="ukrom ingress connection")
            self._serving.add(task)
            task.add_done_callback(self._serving.discard)

    async def _run(self, connection: socket.socket) -> None:
        try:
            await self._serve(connection)
        except OSError:
            # The client went away, or does not trust us: its own affair.
            connection.close()
        except BaseException:
            connection.close()
            raise
