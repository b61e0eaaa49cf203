"""The pages that the platform's gateway shows when no instance answers (specification, A.4).

[choice] The specification tells their status and meaning, not their text. Each says in its first
paragraph what is wrong, so that a test's failure message needs nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

__all__ = ["Page", "bad_gateway", "gateway_timeout", "moved", "no_service", "send_page", "unavailable"]


@dataclass(frozen=True, slots=True)
class Page:
    """An answer that the gateway gives by itself."""

    status: HTTPStatus
    text: str
    """One paragraph, plain; escaped when it is shown."""
    headers: tuple[tuple[bytes, bytes], ...] = ()

    def body(self) -> bytes:
        """The page as HTML."""
        title = f"{self.status.value} {self.status.phrase}"
        return (
            f"<!DOCTYPE html>\n<html><head><title>{title}</title></head>\n"
            f"<body><h1>{title}</h1>\n<p>{escape(self.text, quote=False)}</p>\n"
            "<hr><address>Unikraft Cloud (ukrom emulator)</address></body></html>\n"
        ).encode()


def no_service(url: str, hint: str = "") -> Page:
    """There is no service under this URL (specification, A.4: `HTML page saying that no service …`)."""
    text = f"There is no service on this URL: {url}"
    return Page(HTTPStatus.NOT_FOUND, f"{text} ({hint})" if hint else text)


def bad_gateway(text: str) -> Page:
    """An instance is there, but gave no answer, or one that is no HTTP."""
    return Page(HTTPStatus.BAD_GATEWAY, text)


def unavailable(text: str) -> Page:
    """[choice] Every instance is at its hard limit: refused, not queued (specification, F.6)."""
    return Page(HTTPStatus.SERVICE_UNAVAILABLE, text)


def gateway_timeout(text: str) -> Page:
    """An instance took too long."""
    return Page(HTTPStatus.GATEWAY_TIMEOUT, text)


def moved(location: str) -> Page:
    """[choice] The `redirect` handler answers 308, so that a POST stays one."""
    headers = ((b"location", location.encode("ascii", "replace")),)
    return Page(HTTPStatus.PERMANENT_REDIRECT, f"This service is at {location}", headers)


async def send_page(page: Page, send: Callable[[Any], Awaitable[None]], *, extra: Iterable[Any] = ()) -> None:
    """Answer an ASGI request with a page."""
    body = page.body()
    headers = [
        (b"content-type", b"text/html; charset=utf-8"),
        (b"content-length", b"%d" % len(body)),
        *page.headers,
        *extra,
    ]
    await send({"type": "http.response.start", "status": page.status.value, "headers": headers})
    await send({"type": "http.response.body", "body": body})
