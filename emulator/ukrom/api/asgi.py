"""The API as an ASGI app, under asyncio and trio."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import anyio

from .envelope import RequestRefused, refused_answer
from .messages import MAX_BODY, Request, Waiting
from .patience import patiently

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, MutableMapping

    from .api import Api
    from .messages import Answer

__all__ = ["ApiApp"]

Message: TypeAlias = "MutableMapping[str, Any]"
Receive: TypeAlias = "Callable[[], Awaitable[Message]]"
Send: TypeAlias = "Callable[[Message], Awaitable[None]]"


class _Gone(Exception):
    """The client went away before its request was complete."""


class ApiApp:
    """An ASGI app over an API.

    Args:
        api: The API to call.
    """

    def __init__(self, api: Api) -> None:
        self._api = api

    async def __call__(self, scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
        """Serve one ASGI connection."""
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
        elif scope["type"] == "http":
            try:
                body = await _body(receive)
            except _Gone:
                return
            answer = await self._answer(scope, body, receive)
            if answer is not None:
                await _send(answer, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close"})

    async def _answer(self, scope: Mapping[str, Any], body: bytes | None, receive: Receive) -> Answer | None:
        if body is None:
            refusal = RequestRefused(413, f"The request body is larger than {MAX_BODY} bytes")
            return refused_answer(refusal, 1)
        answer = self._api.handle(_request(scope, body))
        return await _unless_gone(answer, receive) if isinstance(answer, Waiting) else answer


async def _body(receive: Receive) -> bytes | None:
    """Read the body; None if it is too large, in which case the rest is read and dropped.

    Clients that send all before they read would not see the answer otherwise; far beyond the limit
    no more is read.
    """
    parts: list[bytes] = []
    size = 0
    while size <= 4 * MAX_BODY:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise _Gone
        part = message.get("body", b"")
        size += len(part)
        if size <= MAX_BODY:
            parts.append(part)
        if not message.get("more_body", False):
            break
    return b"".join(parts) if size <= MAX_BODY else None


async def _unless_gone(waiting: Waiting, receive: Receive) -> Answer | None:
    answer: Answer | None = None
    async with anyio.create_task_group() as tasks:

        async def watch() -> None:
            while (await receive())["type"] != "http.disconnect":
                pass
            tasks.cancel_scope.cancel()

        tasks.start_soon(watch)
        answer = await patiently(waiting)
        tasks.cancel_scope.cancel()
    return answer


def _request(scope: Mapping[str, Any], body: bytes) -> Request:
    headers = {name.lower(): value.decode("latin-1") for name, value in scope["headers"]}
    return Request(
        method=scope["method"],
        path=scope["path"],
        query=scope["query_string"].decode("latin-1"),
        host=headers.get(b"host", ""),
        scheme=scope.get("scheme", "http"),
        authorization=headers.get(b"authorization"),
        body=body,
        accept=headers.get(b"accept", ""),
    )


async def _send(answer: Answer, send: Send) -> None:
    headers = [(name.encode(), value.encode()) for name, value in answer.headers.items()]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
