"""The front of the cloud as one ASGI app: sends each request where its host name leads."""

from __future__ import annotations

import ipaddress
import logging
from typing import TYPE_CHECKING, Any

from . import headers, pages
from .hosts import Authority, Site, is_api_name, split_authority

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from ukrom.cloud import Gateway, Route

    from .hosts import Hosts
    from .proxy import Proxy

__all__ = ["Front"]

PUBLIC_PORTS = {"http": 80, "https": 443}
"""The public port that a listener stands for, by its scheme."""

logger = logging.getLogger("ukrom.ingress")


class Front:
    """Answers for every host name of the cloud on the two HTTP listeners.

    Hosts of the API, this machine's own names and every bare IP address lead to the API; domains of
    services lead to their instances; the rest gets the platform's page for URLs without a service.

    Args:
        api: The ASGI app of the API.
        gateway: The cloud's side of the ingress.
        hosts: Knows the host names of the emulated metros.
        proxy: Carries requests to instances.
        local_ports: Gives the loopback ports of the listeners by scheme, once they are bound.
    """

    def __init__(
        self,
        api: Callable[..., Awaitable[None]],
        gateway: Gateway,
        hosts: Hosts,
        proxy: Proxy,
        local_ports: Callable[[], dict[str, int]],
    ) -> None:
        self._api = api
        self._gateway = gateway
        self._hosts = hosts
        self._proxy = proxy
        self._local_ports = local_ports

    async def __call__(
        self,
        scope: dict[str, Any],
        receive: Callable[[], Awaitable[Any]],
        send: Callable[[Any], Awaitable[None]],
    ) -> None:
        """Answer one request (ASGI)."""
        try:
            await self._serve(scope, receive, send)
        except Exception:
            # The listener keeps silent and answers 500: what failed must be told here.
            logger.exception("%s %s failed", scope["method"], scope["path"])
            raise

    async def _serve(
        self,
        scope: dict[str, Any],
        receive: Callable[[], Awaitable[Any]],
        send: Callable[[Any], Awaitable[None]],
    ) -> None:
        header = headers.field(scope["headers"], b"host")
        # Without a Host (HTTP/1.0) the client named no one but the address it connected to.
        asked = split_authority("localhost" if header is None else header.decode("latin-1"))
        if self._is_api(asked.host):
            await self._api(scope, receive, send)
            return
        answer = self._answer(asked, scope)
        if isinstance(answer, pages.Page):
            await pages.send_page(answer, send)
        else:
            await self._proxy.serve(answer, scope, receive, send)

    def _is_api(self, host: str) -> bool:
        if host == "localhost" or _is_address(host):
            return True
        site = self._hosts.site(host)
        # The API itself says that it knows no such metro, or no such part of the cloud.
        return site is Site.API or (site is Site.NOT_EMULATED and is_api_name(host))

    def _answer(self, asked: Authority, scope: dict[str, Any]) -> Route | pages.Page:
        port = PUBLIC_PORTS[scope["scheme"]]
        route = None if self._hosts.reserved(asked.host) else self._gateway.route(asked.host, port)
        if route is None:
            return self._missing(asked, scope)
        if "redirect" in route.handlers:
            return pages.moved(self._location(asked, scope))
        return route

    def _missing(self, asked: Authority, scope: dict[str, Any]) -> pages.Page:
        url = f"{scope['scheme']}://{asked.host}{scope['path']}"
        if self._hosts.reserved(asked.host):
            return pages.no_service(url, f"the name {asked.host.partition('.')[0]!r} is reserved")
        others = {scheme for scheme in PUBLIC_PORTS if scheme != scope["scheme"]}
        served = [other for other in others if self._gateway.route(asked.host, PUBLIC_PORTS[other])]
        return pages.no_service(url, f"there is one on {served[0]}" if served else "")

    def _location(self, asked: Authority, scope: dict[str, Any]) -> str:
        # Who named our own port needs our other one to follow; everyone else asked for port 80, in
        # whatever way the connection was led here, and 443 is led here in the same way.
        ports = self._local_ports()
        port = f":{ports['https']}" if asked.port == ports["http"] else ""
        query = "?" + scope["query_string"].decode("latin-1") if scope["query_string"] else ""
        return f"https://{asked.host}{port}{scope['raw_path'].decode('latin-1')}{query}"


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
