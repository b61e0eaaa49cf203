"""Carries one HTTP request to an instance of a service and its answer back."""

from __future__ import annotations

import asyncio
import logging
from enum import Enum
from typing import TYPE_CHECKING, Any

import anyio
import h11

from ukrom.cloud import NoAnswer

from . import headers, pages
from .inbound import Inbound
from .leases import leased
from .upstream import Broken, Exchange, NothingReceived, TooLate

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from ukrom.cloud import Gateway, Lease, Route

    from .deadlines import Deadlines

__all__ = ["Proxy"]

IDEMPOTENT = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "PUT", "TRACE"})

logger = logging.getLogger("ukrom.ingress")


class Proxy:
    """Sends requests to machines.

    Args:
        gateway: The cloud's side of the ingress: chooses and wakes instances.
        deadlines: How long to wait for what.
    """

    def __init__(self, gateway: Gateway, deadlines: Deadlines) -> None:
        self._gateway = gateway
        self._deadlines = deadlines

    async def serve(
        self,
        route: Route,
        scope: dict[str, Any],
        receive: Callable[[], Awaitable[Any]],
        send: Callable[[Any], Awaitable[None]],
    ) -> None:
        """Answer an ASGI request from an instance behind `route`, or with a page that says why not.

        When the client leaves, the work for it is dropped and the instance is given back.
        """
        inbound = Inbound(receive)
        visit = _Visit(scope, inbound, send)
        with anyio.CancelScope() as serving:
            watch = asyncio.create_task(inbound.watch(serving.cancel), name="ukrom ingress client")
            try:
                await self._try_twice(route, visit)
            finally:
                watch.cancel()

    async def _try_twice(self, route: Route, visit: _Visit) -> None:
        outcome: pages.Page | _Outcome = _Outcome.AGAIN
        for last in (False, True):
            if outcome is not _Outcome.AGAIN:
                break
            try:
                async with leased(self._gateway, route, deadline=self._deadlines.lease) as lease:
                    outcome = await self._attempt(lease, visit, last=last)
            except NoAnswer as refusal:
                outcome = _refused(refusal)
        if isinstance(outcome, pages.Page):
            await visit.show(outcome)

    async def _attempt(self, lease: Lease, visit: _Visit, *, last: bool) -> pages.Page | _Outcome:
        try:
            await self._carry(lease, visit)
        except NothingReceived as error:
            if visit.repeatable and not last:
                return _Outcome.AGAIN
            return pages.bad_gateway(_failed(lease, error))
        except Broken as error:
            return pages.bad_gateway(_failed(lease, error))
        except TooLate as error:
            return pages.gateway_timeout(_failed(lease, error))
        return _Outcome.ANSWERED

    async def _carry(self, lease: Lease, visit: _Visit) -> None:
        if lease.endpoint.app is not None:
            await _call(lease.endpoint.app, visit)
            return
        if lease.endpoint.address is None:
            raise Broken("it cannot be reached")
        exchange = await Exchange.open(lease.endpoint.address, self._deadlines)
        try:
            await self._exchange(exchange, visit)
        finally:
            exchange.close()

    async def _exchange(self, exchange: Exchange, visit: _Visit) -> None:
        try:
            await exchange.send(visit.head(), *visit.first())
        except h11.LocalProtocolError as error:
            raise Broken(f"the request cannot be passed on ({error})") from error
        pump = None
        if not visit.inbound.complete:
            pump = asyncio.create_task(self._pump(exchange, visit), name="ukrom ingress body")
        try:
            await _relay(exchange, visit)
        finally:
            if pump is not None:
                pump.cancel()

    async def _pump(self, exchange: Exchange, visit: _Visit) -> None:
        try:
            while not visit.inbound.complete:
                piece = await visit.inbound.piece(self._deadlines.idle)
                await exchange.send(*visit.events([piece]))
        except TimeoutError:
            text = f"the client sent no more of its request for {self._deadlines.idle:g} s"
            exchange.fail(TooLate(text))
        except (TooLate, h11.LocalProtocolError) as error:
            exchange.fail(error if isinstance(error, TooLate) else Broken(str(error)))


class _Outcome(Enum):
    """What became of an attempt, if no page must tell."""

    ANSWERED = "answered"
    AGAIN = "again"  # nothing was received, and it may be sent once more


class _Visit:
    """A client's request on its way: what was read of it and what was answered."""

    def __init__(
        self, scope: dict[str, Any], inbound: Inbound, send: Callable[[Any], Awaitable[None]]
    ) -> None:
        self.scope = scope
        self.inbound = inbound
        self.started = False
        self._send = send
        self._first: list[bytes] = []
        self._sent = self._whole = False
        client = scope.get("client") or ("127.0.0.1", 0)
        self.fields = headers.upstream(scope["headers"], client=client[0], scheme=scope["scheme"])

    @property
    def repeatable(self) -> bool:
        """Whether it may be sent again: nothing went out, or it is idempotent and still at hand."""
        return not self._sent or (self._whole and self.scope["method"] in IDEMPOTENT)

    def head(self) -> h11.Request:
        target = self.scope["raw_path"] or b"/"
        if self.scope["query_string"]:
            target += b"?" + self.scope["query_string"]
        return h11.Request(method=self.scope["method"], target=target, headers=self.fields)

    def first(self) -> list[h11.Event]:
        """What is there of the body already, to go out in one write with the head; kept for a retry."""
        self._first += self.inbound.ready()
        self._sent, self._whole = True, self.inbound.complete
        return self.events(self._first)

    def events(self, pieces: list[bytes]) -> list[h11.Event]:
        events: list[h11.Event] = [h11.Data(data=piece) for piece in pieces if piece]
        if self.inbound.complete:
            events.append(h11.EndOfMessage())
        return events

    async def send(self, message: dict[str, Any]) -> None:
        self.started = True
        await self._send(message)

    async def show(self, page: pages.Page) -> None:
        """Answer with a page; if an answer has begun it is left incomplete, which ends the connection."""
        if not self.started:
            await pages.send_page(page, self.send)


async def _relay(exchange: Exchange, visit: _Visit) -> None:
    answer = await exchange.response()
    fields = headers.downstream(list(answer.headers))
    await visit.send({"type": "http.response.start", "status": answer.status_code, "headers": fields})
    async for piece in exchange.body():
        await visit.send({"type": "http.response.body", "body": piece, "more_body": True})
    await visit.send({"type": "http.response.body", "body": b"", "more_body": False})


async def _call(app: Callable[..., Any], visit: _Visit) -> None:
    try:
        await app({**visit.scope, "headers": visit.fields}, visit.inbound.receive, visit.send)
    except Exception as error:
        # The application is a test's: its author must see where it failed.
        logger.exception("the application that stands for an instance failed")
        raise Broken(f"its stub raised {type(error).__name__}: {error}") from error


def _failed(lease: Lease, error: Exception) -> str:
    return f"The instance '{lease.instance_name}' gave no answer: {error}"


def _refused(refusal: NoAnswer) -> pages.Page:
    if refusal.reason == "hard-limit":
        return pages.unavailable(refusal.message)
    return pages.bad_gateway(refusal.message)
