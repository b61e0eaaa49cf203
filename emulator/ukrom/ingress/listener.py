"""An HTTP or HTTPS listener inside a loop that runs already."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from .acceptor import Acceptor

if TYPE_CHECKING:
    import socket
    import ssl
    from collections.abc import Callable

__all__ = ["HttpListener"]

KEEP_ALIVE_S = 75
"""[choice] Longer than a test thinks between two requests."""

ROUNDS_TO_CLOSE = 3
"""Rounds of the loop until a dropped connection is closed: TLS, transport, socket."""


def _silent_logger() -> logging.Logger:
    # uvicorn's own loggers belong to the user's uvicorn, and a broken-off answer is no error of ours.
    logger = logging.getLogger("ukrom.ingress.http")
    logger.setLevel(logging.CRITICAL + 1)
    return logger


class _Protocol(H11Protocol):
    """uvicorn's HTTP/1.1 without its log."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.logger = _silent_logger()
        self.access_log = False


class HttpListener:
    """Serves an ASGI app on a listening socket, with uvicorn's protocol but without its life cycle.

    uvicorn's server installs signal handlers, wakes up ten times a second and sleeps 0.1 s when it
    ends; none of that is wanted in a loop of somebody else.

    Args:
        app: The ASGI app; no lifespan messages are sent.
        listener: A listening socket, made with IPPROTO_TCP; closed by `stop`.
        context: Makes the TLS context for HTTPS, when the first client comes: who uses HTTP only need not
            wait for certificates.
    """

    def __init__(
        self,
        app: Callable[..., Any],
        listener: socket.socket,
        context: Callable[[], ssl.SSLContext] | None = None,
    ) -> None:
        config = uvicorn.Config(
            app,
            http=_Protocol,
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
            lambda: _Protocol(config=self._config, server_state=self._state, app_state={}),
            connection,
            ssl=self._context,
        )


def _disarm(connection: Any) -> None:
    # No polite closing: a TLS client that reads no more would hold it up for half a minute.
    connection._unset_keepalive_if_required()  # noqa: SLF001 -- the timer would outlive the loop.
    connection.transport.abort()
