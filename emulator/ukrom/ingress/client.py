"""httpx transports that reach instances under their real host names, through the ingress's listeners.

They must not be caught by mocks. respx patches the classes of httpcore that choose a connection
(`ConnectionPool`, `HTTPConnection`, `HTTPProxy`), for the whole process and for as long as any test
mocks something. `HTTP11Connection`, which does the talking, stays as it is: these transports open the
sockets themselves and put it on top.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import httpcore
import httpx

from ukrom.errors import UkromError

from .destination import Destination, httpx_errors

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Hashable, Iterator

__all__ = ["IngressTransport", "WouldWaitForItself"]


class WouldWaitForItself(UkromError):
    """A blocking request was made on the thread that would have to answer it."""


class IngressTransport(httpx.BaseTransport):
    """Sends requests of a blocking client to the ingress, whatever host they name.

    Thread-safe; keeps idle connections until `close`.

    Args:
        port_for: Gives the loopback port that stands for a public one; raises `PortNotServed`.
        context: Gives the TLS context that trusts the ingress.
        address: Where the ingress listens.
        forbidden_thread: Gives the thread of the ingress's own loop, on which a blocking request would
            wait for itself for ever.
    """

    def __init__(
        self,
        port_for: Callable[[int], int],
        context: Callable[[], ssl.SSLContext],
        *,
        address: str = "127.0.0.1",
        forbidden_thread: Callable[[], int | None] = lambda: None,
    ) -> None:
        self._port_for = port_for
        self._context = context
        self._address = address
        self._forbidden_thread = forbidden_thread
        self._backend = httpcore.SyncBackend()
        self._lock = threading.Lock()
        self._idle: dict[Hashable, list[httpcore.HTTP11Connection]] = {}

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request.

        Raises:
            httpx.TransportError: As every transport does; no service on the port is a `ConnectError`.
            WouldWaitForItself: It was called in the ingress's own loop.
        """
        if threading.get_ident() == self._forbidden_thread():
            raise WouldWaitForItself(
                f"a blocking request to {request.url} was made on the event loop that must answer it",
                remedy="Use httpx.AsyncClient there, or make the request from a plain function.",
            )
        destination = Destination(request, self._port_for)
        with httpx_errors():
            connection = self._take(destination) or self._connect(destination)
            try:
                answer = connection.handle_request(destination.request)
            except BaseException:
                connection.close()
                raise
        body = _Body(answer, lambda: self._keep(destination, connection))
        return httpx.Response(
            answer.status, headers=answer.headers, stream=body, extensions=answer.extensions
        )

    def close(self) -> None:
        """Close the idle connections."""
        with self._lock:
            idle, self._idle = self._idle, {}
        for connections in idle.values():
            for connection in connections:
                connection.close()

    def _take(self, destination: Destination) -> httpcore.HTTP11Connection | None:
        with self._lock:
            idle = self._idle.get(destination.key, [])
            while idle:
                connection = idle.pop()
                if not connection.has_expired():
                    return connection
                connection.close()
        return None

    def _keep(self, destination: Destination, connection: httpcore.HTTP11Connection) -> None:
        if not connection.is_idle():
            return
        with self._lock:
            self._idle.setdefault(destination.key, []).append(connection)

    def _connect(self, destination: Destination) -> httpcore.HTTP11Connection:
        timeout = destination.connect_timeout
        stream = self._backend.connect_tcp(self._address, destination.port, timeout=timeout)
        if destination.tls:
            stream = stream.start_tls(
                self._context(), server_hostname=destination.server_name, timeout=timeout
            )
        return httpcore.HTTP11Connection(destination.origin, stream)


class _Body(httpx.SyncByteStream):
    """An answer's body; gives its connection back when it is closed."""

    def __init__(self, answer: httpcore.Response, closed: Callable[[], None]) -> None:
        self._answer = answer
        self._closed: Callable[[], None] | None = closed

    def __iter__(self) -> Iterator[bytes]:
        with httpx_errors():
            yield from self._answer.iter_stream()

    def close(self) -> None:
        """Close it; only the first time counts."""
        closed, self._closed = self._closed, None
        if closed is not None:
            self._answer.close()
            closed()
