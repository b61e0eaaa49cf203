"""Where a request through the ingress really goes."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import httpcore
import httpx

from .tcp import PortNotServed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["DEFAULT_PORTS", "Destination", "httpx_errors"]

DEFAULT_PORTS = {"http": 80, "https": 443}


class Destination:
    """A request's way to a loopback listener, its host name kept.

    Args:
        request: What is asked, with the real URL.
        port_for: Gives the loopback port that stands for a public one.

    Raises:
        httpx.UnsupportedProtocol: The URL is neither http nor https.
        httpx.ConnectError: No service has the port.
    """

    def __init__(self, request: httpx.Request, port_for: Callable[[int], int]) -> None:
        url = request.url
        if url.scheme not in DEFAULT_PORTS:
            raise httpx.UnsupportedProtocol(f"{url} is neither http nor https", request=request)
        try:
            self.port = port_for(url.port or DEFAULT_PORTS[url.scheme])
        except PortNotServed as error:
            raise httpx.ConnectError(f"{url}: {error}", request=request) from error
        self.tls = url.scheme == "https"
        self.server_name = str(request.extensions.get("sni_hostname") or url.raw_host.decode("ascii"))
        target = httpcore.URL(scheme=url.scheme, host=url.raw_host, port=self.port, target=url.raw_path)
        self.origin = target.origin
        self.connect_timeout: float | None = request.extensions.get("timeout", {}).get("connect")
        self.request = httpcore.Request(
            method=request.method,
            url=target,
            headers=request.headers.raw,
            content=request.stream,
            extensions=request.extensions,
        )

    @property
    def key(self) -> tuple[bool, bytes, int, str]:
        """Requests with equal keys can share a connection."""
        return self.tls, self.origin.host, self.port, self.server_name


@contextmanager
def httpx_errors() -> Iterator[None]:
    """Turn httpcore's errors into httpx's, which have the same names; httpx's own table is private."""
    try:
        yield
    except (httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError) as error:
        raise getattr(httpx, type(error).__name__)(str(error)) from error
