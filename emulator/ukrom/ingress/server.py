"""The public side of the emulated cloud: all its listeners, and ways to reach them as a client."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from .app import Front
from .async_client import AsyncIngressTransport
from .authority import CertificateAuthority
from .client import IngressTransport
from .deadlines import Deadlines
from .hosts import Hosts
from .listener import HttpListener
from .proxy import Proxy
from .sockets import bound_socket
from .tcp import PortNotServed, TcpPorts

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from ukrom.cloud import Gateway

__all__ = ["Ingress"]


class Ingress:
    """Serves the API and the instances of one cloud on loopback ports, in the loop that starts it.

    Args:
        gateway: The cloud's side of the ingress: knows services, chooses and wakes instances.
        api: The ASGI app of the API, for the API's host names and for plain loopback addresses.
        metros: The emulated metros, such as `fra`.
        authority: Makes the certificates; a new one by default.
        deadlines: How long to wait for what.
        host: The address to listen on.
        http_port: The port that stands for public port 80; 0 lets the kernel choose.
        https_port: The same for 443.
    """

    def __init__(
        self,
        gateway: Gateway,
        api: Callable[..., Awaitable[None]],
        *,
        metros: Iterable[str],
        authority: CertificateAuthority | None = None,
        deadlines: Deadlines | None = None,
        host: str = "127.0.0.1",
        http_port: int = 0,
        https_port: int = 0,
    ) -> None:
        deadlines = deadlines or Deadlines()
        self.authority = authority or CertificateAuthority()
        self._deadlines = deadlines
        self._host = host
        self._asked_ports = (http_port, https_port)
        hosts = Hosts(metros)
        self._front = Front(api, gateway, hosts, Proxy(gateway, deadlines), self._local_ports)
        self._tcp = TcpPorts(gateway, self.authority, deadlines, host)
        self._listeners: dict[str, HttpListener] = {}
        self._thread: int | None = None

    async def start(self) -> None:
        """Bind all ports and serve, in the running loop, until `stop`.

        Raises:
            OSError: A given port is taken.
        """
        sockets = []
        try:
            sockets = [bound_socket(self._host, port) for port in self._asked_ports[:1]]
            sockets.append(bound_socket(self._host, self._asked_ports[1]))
        except OSError:
            for each in sockets:
                each.close()
            raise
        plain, secure = sockets
        self._thread = threading.get_ident()
        self._listeners = {
            "http": HttpListener(self._front, plain, deadlines=self._deadlines),
            "https": HttpListener(self._front, secure, self.authority.server_context, self._deadlines),
        }
        for listener in self._listeners.values():
            listener.start()
        self._tcp.start()

    async def stop(self) -> None:
        """Stop serving; nothing is left afterwards. Does nothing if it does not serve."""
        if not self._listeners:
            return
        await self._tcp.stop()
        listeners, self._listeners = self._listeners, {}
        for listener in listeners.values():
            await listener.stop(grace=self._deadlines.stop)
        self._thread = None

    @property
    def http_port(self) -> int:
        """The loopback port that stands for public port 80."""
        return self.port_for(80)

    @property
    def https_port(self) -> int:
        """The loopback port that stands for public port 443."""
        return self.port_for(443)

    def port_for(self, public_port: int) -> int:
        """The loopback port that stands for a public port; from any thread.

        A port that is one of these loopback ports already stands for itself, so URLs with either lead
        to the same place.

        Raises:
            PortNotServed: No service has the port, or the ingress is not running.
        """
        ports = self._local_ports()
        if not ports:
            raise PortNotServed(f"port {public_port} was asked for, and the ingress is not running")
        known = {80: ports["http"], 443: ports["https"]}
        if public_port in known or public_port in known.values():
            return known.get(public_port, public_port)
        try:
            return self._tcp.local_port(public_port)
        except PortNotServed:
            if self._tcp.owns(public_port):
                return public_port
            raise

    def transport(self) -> IngressTransport:
        """A transport for `httpx.Client` that leads every host name to these listeners."""
        return IngressTransport(
            self.port_for,
            self.authority.client_context,
            address=self._host,
            forbidden_thread=self._own_thread,
        )

    def async_transport(self, *, keepalive: bool = True) -> AsyncIngressTransport:
        """The same for `httpx.AsyncClient`, under asyncio or trio.

        Args:
            keepalive: Whether to keep connections for the next request; must be off for a transport
                that lives longer than the event loop of its caller.
        """
        return AsyncIngressTransport(
            self.port_for, self.authority.client_context, address=self._host, keepalive=keepalive
        )

    def _local_ports(self) -> dict[str, int]:
        return {scheme: listener.port for scheme, listener in self._listeners.items()}

    def _own_thread(self) -> int | None:
        return self._thread

    def __repr__(self) -> str:
        ports: Any = self._local_ports() or "not running"
        return f"<Ingress {self._host} {ports}>"
