"""Services on ports other than 80 and 443: TCP, with TLS ended at the gateway."""

from __future__ import annotations

import asyncio
import logging
import threading
from functools import partial
from typing import TYPE_CHECKING

from ukrom.cloud import Kind, NoAnswer
from ukrom.errors import UkromError

from .acceptor import Acceptor
from .leases import leased
from .sockets import bound_socket
from .splice import Stream, splice

if TYPE_CHECKING:
    import socket
    import ssl

    from ukrom.cloud import Gateway, Route

    from .authority import CertificateAuthority
    from .deadlines import Deadlines

__all__ = ["HTTP_PORTS", "PortNotServed", "TcpPorts"]

HTTP_PORTS = frozenset({80, 443})

logger = logging.getLogger("ukrom.ingress")


class PortNotServed(UkromError, LookupError):
    """No service has this public port."""


class TcpPorts:
    """A loopback listener for every public port that some service has, made when it is needed.

    Such ports always speak TLS (specification, F.6), and a connection finds its service by the name
    that it asks for (SNI). One that asks for none, or for a service without this port, is closed after
    the handshake, since asyncio sends no alert when a handshake fails.

    Args:
        gateway: The cloud's side of the ingress.
        authority: Makes the certificates.
        deadlines: How long to wait for what.
        host: The address to listen on.
    """

    def __init__(
        self, gateway: Gateway, authority: CertificateAuthority, deadlines: Deadlines, host: str
    ) -> None:
        self._gateway = gateway
        self._authority = authority
        self._deadlines = deadlines
        self._host = host
        self._lock = threading.Lock()
        self._sockets: dict[int, socket.socket] = {}
        self._acceptors: dict[int, Acceptor] = {}
        self._retired: list[Acceptor] = []
        self._loop: asyncio.AbstractEventLoop | None = None

    def start(self) -> None:
        """Begin to listen; to be called in the loop that serves."""
        self._loop = asyncio.get_running_loop()
        self._gateway.on_ports_changed(self._changed)
        self._refresh()

    async def stop(self) -> None:
        """End all connections and listeners."""
        with self._lock:
            self._loop = None
            sockets, self._sockets = self._sockets, {}
        acceptors = [*self._acceptors.values(), *self._retired]
        self._acceptors, self._retired = {}, []
        await asyncio.gather(*(acceptor.stop() for acceptor in acceptors))
        for listener in sockets.values():
            listener.close()

    def local_port(self, public_port: int) -> int:
        """The loopback port that stands for a public one; from any thread.

        Raises:
            PortNotServed: No service has it.
        """
        with self._lock:
            listener = self._sockets.get(public_port)
        if listener is None:
            if public_port not in self._gateway.public_ports() - HTTP_PORTS:
                raise PortNotServed(
                    f"port {public_port} was asked for, and no service has it",
                    remedy="Add it to the `services` of a service group.",
                )
            listener = self._bind(public_port)
        port: int = listener.getsockname()[1]
        return port

    def owns(self, local_port: int) -> bool:
        """Whether a loopback port is one of these listeners."""
        with self._lock:
            return any(listener.getsockname()[1] == local_port for listener in self._sockets.values())

    def _bind(self, public_port: int) -> socket.socket:
        with self._lock:
            if self._loop is None:
                raise PortNotServed(f"port {public_port} was asked for, and the ingress is not running")
            listener = self._sockets.get(public_port)
            if listener is None:
                # Bound here and not in the loop: a client may connect before the loop comes to accept.
                listener = self._sockets[public_port] = bound_socket(self._host, 0)
                self._loop.call_soon_threadsafe(self._accept, public_port)
            return listener

    def _changed(self, _ports: frozenset[int]) -> None:
        # Called on any thread, even after `stop`.
        with self._lock:
            if self._loop is not None:
                self._loop.call_soon_threadsafe(self._refresh)

    def _refresh(self) -> None:
        wanted = self._gateway.public_ports() - HTTP_PORTS
        with self._lock:
            running = self._loop is not None
            present = set(self._sockets)
        if not running:
            return
        for port in wanted - present:
            self._bind(port)
        for port in present - wanted:
            self._drop(port)

    def _drop(self, public_port: int) -> None:
        with self._lock:
            listener = self._sockets.pop(public_port, None)
        acceptor = self._acceptors.pop(public_port, None)
        if acceptor is not None:
            # Connections of a service that is gone end with its instances, at the latest with us.
            acceptor.close()
            self._retired.append(acceptor)
        elif listener is not None:
            listener.close()

    def _accept(self, public_port: int) -> None:
        with self._lock:
            listener = self._sockets.get(public_port)
        if listener is not None and public_port not in self._acceptors:
            context = self._authority.server_context()
            acceptor = Acceptor(listener, partial(self._serve, public_port, context))
            self._acceptors[public_port] = acceptor
            acceptor.start()

    async def _serve(self, public_port: int, context: ssl.SSLContext, connection: socket.socket) -> None:
        client: Stream | None = None
        try:
            client = await Stream.accepted(connection, context, handshake=self._deadlines.connect)
            await self._carry(client, self._route(client, public_port))
        except NoAnswer as refusal:
            logger.warning("a connection to port %d was closed: %s", public_port, refusal.message)
        except OSError as error:
            logger.debug("a connection to port %d failed: %s", public_port, error)
        finally:
            if client is not None:
                client.abort()

    def _route(self, client: Stream, public_port: int) -> Route:
        name = self._authority.asked_name(client.tls)
        route = self._gateway.route(name, public_port)
        if route is None:
            raise NoAnswer("no-instance", f"no service has that port under the name '{name}'")
        return route

    async def _carry(self, client: Stream, route: Route) -> None:
        kind, deadline = Kind.CONNECTION, self._deadlines.lease
        async with leased(self._gateway, route, deadline=deadline, kind=kind) as lease:
            address = lease.endpoint.address
            if address is None:
                text = (
                    f"instance {lease.instance_name} is a stub, which answers HTTP on ports 80 and 443 only"
                )
                raise NoAnswer("wrong-port", text)
            machine = await Stream.connected(address, deadline=self._deadlines.connect)
            try:
                await splice(client, machine, linger=self._deadlines.idle, carried=lease.touch)
            finally:
                machine.abort()
