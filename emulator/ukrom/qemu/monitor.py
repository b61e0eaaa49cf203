"""QEMU's monitor: a QMP session over an inherited socket."""

from __future__ import annotations

import contextlib
import logging
import re
from typing import TYPE_CHECKING

from qemu.qmp import QMPClient, QMPError

from ukrom.qemu.command import forward

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator

__all__ = ["Monitor", "MonitorGone"]

_FORWARD = re.compile(r"TCP\[HOST_FORWARD\]\s+\d+\s+127\.0\.0\.1\s+(\d+)\s+\S+\s+(\d+)")


class MonitorGone(Exception):
    """The session broke off: QEMU ended, or soon will."""


class Monitor:
    """A QMP session with one QEMU. Belongs to the loop that connected it."""

    def __init__(self) -> None:
        self._client = QMPClient("ukrom")
        # QEMU's end is an end of file to the session, which it logs as an error. To a machine it is
        # the normal end, and the machine itself says when it is not.
        self._client.logger.setLevel(logging.CRITICAL)

    async def connect(self, end: socket.socket) -> None:
        """Begin the session on our end of the socket pair."""
        with _broken_off():
            await self._client.connect(end)

    async def close(self) -> None:
        """End the session; QEMU may be gone already."""
        with contextlib.suppress(EOFError, OSError, QMPError):
            await self._client.disconnect()

    async def forwards(self) -> dict[int, int]:
        """Loopback port by guest port, as QEMU bound them."""
        table = await self._human("info usernet")
        return {int(guest): int(host) for host, guest in _FORWARD.findall(table)}

    async def add_forward(self, port: int) -> None:
        """Forward one more guest port."""
        await self._human(f"hostfwd_add net {forward(port)}")

    async def _human(self, line: str) -> str:
        with _broken_off():
            return str(await self._client.execute("human-monitor-command", {"command-line": line}))


@contextlib.contextmanager
def _broken_off() -> Iterator[None]:
    """The session's errors as one: when QEMU quits first, its reader raises a bare EOFError."""
    try:
        yield
    except (EOFError, OSError, QMPError) as error:
        raise MonitorGone(str(error)) from error
