"""An HTTP or HTTPS listener inside a loop that runs already."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import uvicorn
from uvicorn.server import ServerState

from .acceptor import Acceptor
from .deadlines import Deadlines
from .protocol import Protocol

if TYPE_CHECKING:
    import socket
    import ssl
    from collections.abc import Callable

__all__ = ["HttpListener"]

KEEP_ALIVE_S = 75
"""[choice] Longer than a test thinks between two requests."""

ROUNDS_TO_CLOSE = 3
"""Rounds of the loop until a dropped connection is closed: TLS, transport, socket."""


class HttpListener:
    """Serves an ASGI app on a listening socket, with uvicorn's protocol but without its life cycle.

    uvicorn's server installs signal handlers, wakes up ten times a second and sleeps 0.1 s when it
    ends; none of that is wanted in a loop of somebody else.

    Args:
        app: The ASGI app; no lifespan messages are sent.
        listener: A listening socket, made with IPPROTO_TCP; closed by `stop`.
        context: Makes the TLS context for HTTPS, when the first client comes: who uses HTTP only need not
            wait for certificates.
        deadlines: How long clients may take for their requests.
    """

    def __init__(
        self,
        app: Callable[..., Any],
        listener: socket.socket,
        context: Callable[[], ssl.SSLContext] | None = None,
        deadlines: Deadlines | None = None,
    ) -> None:
        config = uvicorn.Config(
            app,
            http=Protocol,
            ws="none",
            lifespan="off",
            interface="asgi3",
            log_config=None,
            proxy_headers=False,
            server_header=False,
            date_header=False,
            timeout_keep_alive=KEEP_ALIVE_S,
        )
        config.load()
        self._config = config
        self._deadlines = deadlines or Deadlines()
        self._make_context = context
        self._context: ssl.SSLContext | None = None
        self._state = ServerState()
        self._acceptor = Acceptor(listener, self._serve)
        self.port: int = listener.getsockname()[1]

    def start(self) -> None:
        """Accept connections, in the running loop, until `stop`."""
        self._acceptor.start()

    async def stop(self, *, grace: float) -> None:
        """Stop accepting, let running answers end for `grace` seconds, and drop every connection."""
        await self._acceptor.stop()
        tasks = set(self._state.tasks)
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=grace)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        for connection in list(self._state.connections):
            _disarm(connection)
        for _ in range(ROUNDS_TO_CLOSE):
            await asyncio.sleep(0)

    async def _serve(self, connection: socket.socket) -> None:
        if self._make_context is not None and self._context is None:
            self._context = self._make_context()
        loop = asyncio.get_running_loop()
        await loop.connect_accepted_socket(
            self._protocol,
            connection,
            ssl=self._context,
        )

    def _protocol(self) -> Protocol:
        return Protocol(
            config=self._config,
            server_state=self._state,
            app_state={},
            head=self._deadlines.head,
            pause=self._deadlines.pause,
        )


def _disarm(connection: Any) -> None:
    # No polite closing: a TLS client that reads no more would hold it up for half a minute.
    connection.disarm()
    connection.transport.abort()
