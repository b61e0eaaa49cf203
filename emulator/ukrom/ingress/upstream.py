"""One HTTP/1.1 exchange with a machine, over a connection of its own.

Written on h11 and not on httpx: the ingress lives in the same process as its users' mocks, and
respx patches httpcore for the whole process.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeAlias

import h11

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from .deadlines import Deadlines

__all__ = ["Broken", "Exchange", "NothingReceived", "TooLate"]

READ_SIZE = 64 * 1024
MAX_HEAD = 256 * 1024

Address: TypeAlias = tuple[str, int]


class Broken(Exception):
    """The machine's side ended the connection early, or answered something that is no HTTP."""


class NothingReceived(Broken):
    """The connection ended before the first byte of an answer: it may be tried again."""


class TooLate(Exception):
    """A deadline has passed."""


class Exchange:
    """A request and its answer; always `close` it.

    Args:
        deadlines: How long to wait for what.
    """

    def __init__(self, deadlines: Deadlines) -> None:
        self._deadlines = deadlines
        self._http = h11.Connection(h11.CLIENT, max_incomplete_event_size=MAX_HEAD)
        self._heard = False
        self._failure: Exception | None = None
        self._reader: asyncio.StreamReader
        self._writer: asyncio.StreamWriter

    @classmethod
    async def open(cls, address: Address, deadlines: Deadlines) -> Exchange:
        """Connect to a machine.

        Raises:
            NothingReceived: Nothing accepts connections there.
            TooLate: Nothing did in time.
        """
        self = cls(deadlines)
        try:
            async with asyncio.timeout(deadlines.connect):
                self._reader, self._writer = await asyncio.open_connection(*address)
        except TimeoutError:
            raise TooLate(f"no connection within {deadlines.connect:g} s") from None
        except OSError as error:
            raise NothingReceived(f"no connection: {error.strerror or error}") from error
        return self

    async def send(self, *events: h11.Event) -> None:
        """Send parts of the request in one write; does nothing if the machine stopped listening to it.

        A server may answer before it has read the request, and close: the answer still counts.

        Raises:
            TooLate: The machine takes no data.
        """
        data = b"".join(self._http.send(event) or b"" for event in events)
        try:
            self._writer.write(data)
            async with asyncio.timeout(self._deadlines.idle):
                await self._writer.drain()
        except TimeoutError:
            raise TooLate(f"it took no data for {self._deadlines.idle:g} s") from None
        except OSError:
            return

    async def response(self) -> h11.Response:
        """The answer's head; informational ones (1xx) are skipped.

        Raises:
            NothingReceived: The connection ended before any byte of an answer.
            Broken: It ended within the head, or there is no HTTP.
            TooLate: No answer in time.
        """
        while True:
            event = await self._event(self._deadlines.answer)
            if isinstance(event, h11.Response):
                if event.status_code >= 600:
                    raise Broken(f"it answered with the status {event.status_code}, which HTTP does not know")
                return event
            if not isinstance(event, h11.InformationalResponse):
                raise Broken(f"it sent {type(event).__name__} where an answer was expected")

    async def body(self) -> AsyncIterator[bytes]:
        """The answer's body, piece by piece.

        Raises:
            Broken: The connection ended within the body.
            TooLate: The next piece does not come.
        """
        while isinstance(event := await self._event(self._deadlines.idle), h11.Data):
            yield bytes(event.data)

    def fail(self, error: Exception) -> None:
        """Drop the connection and let whoever reads from it get this error."""
        self._failure = error
        self.close()

    def close(self) -> None:
        """Drop the connection at once, whatever is under way."""
        self._writer.transport.abort()

    async def _event(self, deadline: float) -> h11.Event:
        try:
            while (event := self._http.next_event()) is h11.NEED_DATA:
                self._http.receive_data(await self._read(deadline))
        except h11.RemoteProtocolError as error:
            if not self._heard:
                raise NothingReceived("it closed the connection without an answer") from error
            raise Broken(f"its answer is broken off or no HTTP ({error})") from error
        if not isinstance(event, h11.Event):
            raise Broken("it sent more than one answer")
        return event

    async def _read(self, deadline: float) -> bytes:
        try:
            data = await self._read_within(deadline)
        except OSError as error:
            if self._failure is not None:
                raise self._failure from error
            failure = Broken if self._heard else NothingReceived
            raise failure(f"it dropped the connection: {error.strerror or error}") from error
        if self._failure is not None:
            raise self._failure
        self._heard = self._heard or bool(data)
        return data

    async def _read_within(self, deadline: float) -> bytes:
        while True:
            try:
                async with asyncio.timeout(deadline):
                    return await self._reader.read(READ_SIZE)
            except TimeoutError:
                # While the request is still on its way the sending side watches the time.
                if self._http.our_state is not h11.SEND_BODY:
                    raise TooLate(f"it sent nothing for {deadline:g} s") from None
