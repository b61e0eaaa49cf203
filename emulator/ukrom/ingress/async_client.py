"""The asynchronous twin of `ukrom.ingress.client`, for asyncio and trio."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio
import httpcore
import httpx

from .destination import Destination, httpx_errors

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator, Awaitable, Callable, Hashable

__all__ = ["AsyncIngressTransport"]


class AsyncIngressTransport(httpx.AsyncBaseTransport):
    """Sends requests of an asynchronous client to the ingress, under asyncio or trio.

    Args:
        port_for: Gives the loopback port that stands for a public one; raises `PortNotServed`.
        context: Gives the TLS context that trusts the ingress.
        address: Where the ingress listens.
        keepalive: Whether to keep connections for the next request; they belong to the event loop that
            opened them.
    """

    def __init__(
        self,
        port_for: Callable[[int], int],
        context: Callable[[], ssl.SSLContext],
        *,
        address: str = "127.0.0.1",
        keepalive: bool = True,
    ) -> None:
        self._port_for = port_for
        self._context = context
        self._address = address
        self._keepalive = keepalive
        self._backend = httpcore.AnyIOBackend()
        self._idle: dict[Hashable, list[httpcore.AsyncHTTP11Connection]] = {}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request.

        Raises:
            httpx.TransportError: As every transport does; no service on the port is a `ConnectError`.
        """
        destination = Destination(request, self._port_for)
        with httpx_errors():
            connection = await self._take(destination) or await self._connect(destination)
            try:
                answer = await connection.handle_async_request(destination.request)
            except BaseException:
                await _close(connection)
                raise

        async def closed() -> None:
            await self._give_back(destination, connection)

        body = _AsyncBody(answer, closed)
        return httpx.Response(
            answer.status, headers=answer.headers, stream=body, extensions=answer.extensions
        )

    async def aclose(self) -> None:
        """Close the idle connections."""
        idle, self._idle = self._idle, {}
        for connections in idle.values():
            for connection in connections:
                await _close(connection)

    async def _take(self, destination: Destination) -> httpcore.AsyncHTTP11Connection | None:
        idle = self._idle.get(destination.key, [])
        while idle:
            connection = idle.pop()
            if not connection.has_expired():
                return connection
            await _close(connection)
        return None

    async def _give_back(self, destination: Destination, connection: httpcore.AsyncHTTP11Connection) -> None:
        if not self._keepalive:
            await _close(connection)
        elif connection.is_idle():
            self._idle.setdefault(destination.key, []).append(connection)

    async def _connect(self, destination: Destination) -> httpcore.AsyncHTTP11Connection:
        timeout = destination.connect_timeout
        stream = await self._backend.connect_tcp(self._address, destination.port, timeout=timeout)
        if destination.tls:
            stream = await stream.start_tls(
                self._context(), server_hostname=destination.server_name, timeout=timeout
            )
        return httpcore.AsyncHTTP11Connection(destination.origin, stream)


class _AsyncBody(httpx.AsyncByteStream):
    """An answer's body; gives its connection back when it is closed."""

    def __init__(self, answer: httpcore.Response, closed: Callable[[], Awaitable[None]]) -> None:
        self._answer = answer
        self._closed: Callable[[], Awaitable[None]] | None = closed

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with httpx_errors():
            async for piece in self._answer.aiter_stream():
                yield piece

    async def aclose(self) -> None:
        """Close it; only the first time counts."""
        closed, self._closed = self._closed, None
        if closed is not None:
            await self._answer.aclose()
            await closed()


async def _close(connection: httpcore.AsyncHTTP11Connection) -> None:
    with anyio.CancelScope(shield=True):
        await connection.aclose()
