"""Accepting connections, even when that fails for a while."""

from __future__ import annotations

import asyncio
import errno
import socket

from ukrom.ingress.acceptor import Acceptor


class Failing:
    """A loop's `sock_accept` that fails a few times before it does its work."""

    def __init__(self, loop, times):
        self._accept, self.left = loop.sock_accept, times

    async def __call__(self, listener):
        if self.left:
            self.left -= 1
            raise OSError(errno.EMFILE, "Too many open files")
        return await self._accept(listener)


def test_a_listener_outlives_a_want_of_descriptors(monkeypatch, caplog):
    async def play():
        loop = asyncio.get_running_loop()
        monkeypatch.setattr(loop, "sock_accept", Failing(loop, 2))
        listener = socket.create_server(("127.0.0.1", 0))
        listener.setblocking(False)
        served = loop.create_future()

        async def serve(connection):
            connection.close()
            served.set_result(None)

        acceptor = Acceptor(listener, serve)
        acceptor.start()
        with socket.create_connection(listener.getsockname()):
            await asyncio.wait_for(served, 10)
        await acceptor.stop()

    asyncio.run(play())

    assert "could not be accepted" in caplog.text
