"""The in-process door: httpx calls to hosts of the cloud land in the emulator, by way of respx.

The door is a router of respx beside the user's own ones and always the first of them. So:

- a user's route that names a host of the cloud wins over the door (to let the API fail, say);
- else hosts of the API and of instances are answered by the emulator;
- other hosts of the real cloud are refused loudly, unless a user's route answers;
- every other host is left to the user's routers, or to the network if there are none.

Two things respx does not offer are done here (respx 0.22, 0.23): a side effect cannot tell a blocking
caller from an asynchronous one, so `handler` and `async_handler` are overridden; and a router is asked
in order of registration only, so a router with `assert_all_mocked=False` in front would swallow all.

A router of the user with `using="httpx"` is out of reach: it replaces the transports of all clients
before the door is asked, so it must pass hosts of the cloud through by routes of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, NoReturn

import respx
from respx.models import AllMockedAssertionError, PassThrough

from ukrom.errors import UkromError

from .destination import DEFAULT_PORTS
from .hosts import Hosts, Site, is_loopback, split_authority

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    import httpx

__all__ = ["Door", "HostNotEmulated", "Transports"]

OURS = frozenset({Site.API, Site.INSTANCE})


class HostNotEmulated(UkromError):
    """A host of the real cloud was asked that the emulator does not answer for."""


class Transports(NamedTuple):
    """The two ways to the same place."""

    sync: httpx.BaseTransport
    asynchronous: httpx.AsyncBaseTransport
    """Must not keep connections between requests: the door outlives its callers' event loops."""


class Door(respx.MockRouter):
    """Leads httpx calls to the emulator while it is started (or entered).

    Args:
        platform: Lead to the API.
        instances: Lead to the ingress under the real host names.
        metros: The emulated metros, such as `fra`.
        is_custom: Whether a service has a host name of its own on a public port.
        note_stranger: Told of calls to hosts of the cloud that nobody answers for: method, URL, error.
        local_ports: The emulator's own loopback ports; calls to them are answered in-process too, so
            that a user's mocks do not get in the way.
    """

    def __init__(
        self,
        platform: Transports,
        instances: Transports,
        metros: Iterable[str],
        *,
        is_custom: Callable[[str, int], bool] = lambda _host, _port: False,
        local_ports: Callable[[], Collection[int]] = tuple,
        note_stranger: Callable[[str, str, str], None] = lambda _method, _url, _error: None,
    ) -> None:
        super().__init__(assert_all_called=False, assert_all_mocked=False)
        self._ways = {Site.API: platform, Site.INSTANCE: instances}
        self._hosts = Hosts(metros)
        self._is_custom = is_custom
        self._local_ports = local_ports
        self._note_stranger = note_stranger

    def start(self) -> None:
        """Begin to answer."""
        super().start()
        routers = self._routers()
        routers.remove(self)
        routers.insert(0, self)

    def stop(self, clear: bool = True, reset: bool = True, quiet: bool = False) -> None:  # noqa: FBT001, FBT002 - respx's own.
        """Answer no more, and close the connections that were kept."""
        super().stop(clear=clear, reset=reset, quiet=quiet)
        for way in self._ways.values():
            way.sync.close()

    def handler(self, request: httpx.Request) -> httpx.Response:
        """Answer a blocking call (respx's hook).

        Raises:
            HostNotEmulated: It goes to another host of the cloud, and no mock answers it.
            AllMockedAssertionError: It is left to the user's routers.
            PassThrough: It is left to the network.
        """
        site = self._site(request)
        for router in self._claimants(request, site):
            try:
                return router.handler(request)
            except AllMockedAssertionError:
                continue
        if site not in OURS:
            self._leave(request, site)
        return self._ways[site].sync.handle_request(request)

    async def async_handler(self, request: httpx.Request) -> httpx.Response:
        """Answer an asynchronous call, under asyncio or trio; see `handler`."""
        site = self._site(request)
        for router in self._claimants(request, site):
            try:
                return await router.async_handler(request)
            except AllMockedAssertionError:
                continue
        if site not in OURS:
            self._leave(request, site)
        return await self._ways[site].asynchronous.handle_async_request(request)

    def _site(self, request: httpx.Request) -> Site:
        host, port = request.url.host.lower().rstrip("."), request.url.port
        if is_loopback(host) and port in self._local_ports():
            named = split_authority(request.headers.get("host", host)).host
            return Site.API if is_loopback(named) or self._hosts.site(named) is Site.API else Site.INSTANCE
        site = self._hosts.site(host)
        public_port = port or DEFAULT_PORTS.get(request.url.scheme, 0)
        if site is Site.FOREIGN and self._is_custom(host, public_port):
            return Site.INSTANCE
        return site

    def _leave(self, request: httpx.Request, site: Site) -> NoReturn:
        if site is Site.NOT_EMULATED:
            error = HostNotEmulated(
                f"{request.method} {request.url}: the emulator does not answer for this host of the cloud, "
                f"only for {self._hosts.emulated()}",
                remedy="Mock it with respx, or pass the client a URL of the emulator.",
            )
            self._note_stranger(request.method, str(request.url.copy_with(query=None)), error.message)
            raise error
        text = f"ukrom has nothing to do with {request.url}"
        if self._others():
            raise AllMockedAssertionError(text)
        raise PassThrough(text, request=request, origin=respx.Route())

    def _claimants(self, request: httpx.Request, site: Site) -> list[respx.MockRouter]:
        if site is Site.FOREIGN:
            return []
        return [router for router in self._others() if _claims(router, request, site)]

    def _others(self) -> list[respx.MockRouter]:
        return [router for router in self._routers() if not isinstance(router, Door)]

    def _routers(self) -> list[respx.MockRouter]:
        return [] if self.Mocker is None else self.Mocker.routers  # type: ignore[return-value]


def _claims(router: respx.MockRouter, request: httpx.Request, site: Site) -> bool:
    return any(_route_claims(route, request, site) for route in router.routes)


def _route_claims(route: respx.Route, request: httpx.Request, site: Site) -> bool:
    if site in OURS:
        # `everything else passes through`, or answers 404, is not meant for what the emulator answers.
        names_host = any(part.key in {"host", "url"} for part in route.pattern or ())
        if route.is_pass_through or not names_host:
            return False
    return not route.pattern or bool(route.pattern.match(request))
