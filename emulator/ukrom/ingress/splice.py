"""Two TCP connections joined into one."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import socket
    import ssl
    from collections.abc import Callable

__all__ = ["Stream", "splice"]

READ_SIZE = 64 * 1024


@dataclass(frozen=True, slots=True)
class Stream:
    """One end of a connection."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    @classmethod
    async def accepted(
        cls, connection: socket.socket, context: ssl.SSLContext | None = None, *, handshake: float = 5.0
    ) -> Stream:
        """Take over an accepted socket, with TLS if there is a context.

        `handshake` is how long the TLS handshake, and later its end, may take, in seconds.

        Raises:
            OSError: The handshake failed.
        """
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader(loop=loop)
        protocol = asyncio.StreamReaderProtocol(reader, loop=loop)
        transport, _ = await loop.connect_accepted_socket(
            lambda: protocol,
            connection,
            ssl=context,
            ssl_handshake_timeout=None if context is None else handshake,
            ssl_shutdown_timeout=None if context is None else handshake,
        )
        return cls(reader, asyncio.StreamWriter(transport, protocol, reader, loop))

    @classmethod
    async def connected(cls, address: tuple[str, int], *, deadline: float) -> Stream:
        """Connect to an address within `deadline` seconds.

        Raises:
            OSError: Nothing accepts there (in time).
        """
        async with asyncio.timeout(deadline):
            return cls(*await asyncio.open_connection(*address))

    @property
    def tls(self) -> Any:
        """The connection's TLS object, or None."""
        return self.writer.get_extra_info("ssl_object")

    def abort(self) -> None:
        """Drop the connection; what was written and not yet sent is lost unless it was `finish`ed."""
        self.writer.transport.abort()

    async def finish(self) -> None:
        """Say that nothing more will be written; TLS knows no half-closed connection and closes."""
        if not self.writer.can_write_eof():
            self.writer.close()
            await self.writer.wait_closed()
            return
        # With no room to buffer, drain returns when everything has been handed to the kernel.
        self.writer.transport.set_write_buffer_limits(high=0)
        await self.writer.drain()
        self.writer.write_eof()


async def splice(
    one: Stream, other: Stream, *, linger: float, carried: Callable[[], object] = lambda: None
) -> None:
    """Carry bytes both ways until both sides have ended.

    Args:
        one: A connection.
        other: The connection to join it with.
        linger: Seconds that one direction may go on after the other has ended.
        carried: Called whenever bytes went through.
    """
    ways = {
        asyncio.create_task(_carry(one, other, carried)),
        asyncio.create_task(_carry(other, one, carried)),
    }
    try:
        done, going = await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        if going and not any(way.exception() for way in done):
            await asyncio.wait(going, timeout=linger)
    finally:
        for way in ways:
            way.cancel()
        await asyncio.gather(*ways, return_exceptions=True)


async def _carry(source: Stream, target: Stream, carried: Callable[[], object]) -> None:
    while data := await source.reader.read(READ_SIZE):
        carried()
        target.writer.write(data)
        await target.writer.drain()
    await target.finish()
