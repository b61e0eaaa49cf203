"""httpx transports that call the API in process: no socket, and for the sync one no event loop."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx

from .messages import Request, Waiting
from .patience import patiently

if TYPE_CHECKING:
    from .api import Api
    from .messages import Answer

__all__ = ["AsyncInProcessTransport", "InProcessTransport"]


class InProcessTransport(httpx.BaseTransport):
    """A transport for `httpx.Client`; a request that waits blocks its own thread only.

    Args:
        api: The API to call; the URL's host decides between platform and control plane.
    """

    def __init__(self, api: Api) -> None:
        self._api = api

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Answer a request."""
        answer = self._api.handle(_request(request, request.read()))
        return _response(answer.result() if isinstance(answer, Waiting) else answer)


class AsyncInProcessTransport(httpx.AsyncBaseTransport):
    """A transport for `httpx.AsyncClient`, under asyncio and trio.

    Args:
        api: The API to call; the URL's host decides between platform and control plane.
    """

    def __init__(self, api: Api) -> None:
        self._api = api

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Answer a request."""
        answer = self._api.handle(_request(request, await request.aread()))
        return _response(await patiently(answer) if isinstance(answer, Waiting) else answer)


def _request(request: httpx.Request, body: bytes) -> Request:
    url = request.url
    return Request(
        method=request.method,
        path=url.path,
        query=url.query.decode("ascii"),
        host=request.headers.get("host", url.host),
        scheme=url.scheme,
        authorization=request.headers.get("authorization"),
        body=body,
        accept=request.headers.get("accept", ""),
    )


def _response(answer: Answer) -> httpx.Response:
    return httpx.Response(answer.status, headers=answer.headers, content=answer.body)
