"""Plain callables as ASGI apps: what a test registers with the stub runner."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, MutableMapping

__all__ = ["StubRequest", "answering"]

Message: TypeAlias = "MutableMapping[str, Any]"
Reply: TypeAlias = "str | bytes | tuple[int, str | bytes] | tuple[int, str | bytes, Mapping[str, str]]"


@dataclass(frozen=True, slots=True)
class StubRequest:
    """A request, as a registered callable gets it."""

    method: str
    path: str
    query: str
    host: str
    headers: Mapping[str, str]
    """With lower-case names; of several with one name the last."""
    body: bytes


def answering(call: Callable[[StubRequest], Reply]) -> Callable[..., Awaitable[None]]:
    """Make an ASGI app of a callable that returns text, bytes, or a tuple with a status first."""

    async def app(
        scope: Mapping[str, Any],
        receive: Callable[[], Awaitable[Message]],
        send: Callable[[Message], Awaitable[None]],
    ) -> None:
        reply = call(await _request(scope, receive))
        status, content, *rest = reply if isinstance(reply, tuple) else (200, reply)
        body = content.encode() if isinstance(content, str) else content
        # The tutorial's server answers `text/html`, whatever the text is.
        headers = {"content-type": "text/html", "content-length": str(len(body)), **dict(*rest)}
        pairs = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": status, "headers": pairs})
        await send({"type": "http.response.body", "body": body})

    return app


async def _request(scope: Mapping[str, Any], receive: Callable[[], Awaitable[Message]]) -> StubRequest:
    body = b""
    while True:
        message = await receive()
        if message["type"] != "http.request":
            break
        body += message.get("body", b"")
        if not message.get("more_body"):
            break
    headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
    return StubRequest(
        method=scope["method"],
        path=scope["path"],
        query=scope["query_string"].decode("latin-1"),
        host=headers.get("host", ""),
        headers=headers,
        body=body,
    )
