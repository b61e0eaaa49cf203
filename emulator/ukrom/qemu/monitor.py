"""QEMU's monitor: a QMP session over an inherited socket."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
import socket
from typing import TYPE_CHECKING, cast

from qemu.qmp import QMPClient, QMPError

from ukrom.qemu.command import forward

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["Monitor", "MonitorGone"]

_FORWARD = re.compile(r"TCP\[HOST_FORWARD\]\s+\d+\s+127\.0\.0\.1\s+(\d+)\s+\S+\s+(\d+)")

# RAM that is mapped shared stays in its file; what is saved is the state of processor and devices.
_IGNORE_SHARED = ("x-ignore-shared",)
_UNLIMITED = 1 << 40
"""Bytes per second; by default saving is throttled, as between two hosts."""


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

    async def insert(self, node: str, content: Path) -> None:
        """Put a file into a disk that is empty so far, and that the guest has not bound.

        Args:
            node: The name of the disk's block node.
            content: The file; read only.
        """
        file = {"driver": "file", "node-name": f"{node}-file", "filename": str(content), "read-only": True}
        disk = {"driver": "raw", "node-name": node, "read-only": True, "file": f"{node}-file"}
        with _broken_off():
            await self._client.execute("blockdev-add", file)
            await self._client.execute("blockdev-reopen", {"options": [disk]})

    async def save(self) -> bytes:
        """Stop the guest and give its state, all but what is in a shared memory file.

        Raises:
            MonitorGone: QEMU ended, or cannot save it.
        """
        ours, theirs = socket.socketpair()
        with ours, _broken_off():
            with theirs:
                self._client.send_fd_scm(theirs.fileno())
                await self._client.execute("getfd", {"fdname": "state"})
            await self._capabilities(*_IGNORE_SHARED, "events")
            await self._client.execute("migrate-set-parameters", {"max-bandwidth": _UNLIMITED})
            with self._client.listener("MIGRATION") as events:
                await self._client.execute("migrate", {"uri": "fd:state"})
                state = await _read_all(ours)
                async for event in events:
                    status = cast("dict[str, str]", event["data"])["status"]
                    if status == "completed":
                        return state
                    if status in {"failed", "cancelled"}:
                        break
        raise MonitorGone("QEMU did not save the machine")

    async def restore(self, descriptor: int) -> None:
        """Have a QEMU that waits for it take a state from a descriptor that it inherited, and run."""
        with _broken_off():
            # [QEMU] 7.2 has no -global for this capability, so it cannot be told on the command line.
            await self._capabilities(*_IGNORE_SHARED)
            await self._client.execute("migrate-incoming", {"uri": f"fd:{descriptor}"})

    async def _capabilities(self, *names: str) -> None:
        wanted = [{"capability": name, "state": True} for name in names]
        await self._client.execute("migrate-set-capabilities", {"capabilities": wanted})

    async def _human(self, line: str) -> str:
        with _broken_off():
            return str(await self._client.execute("human-monitor-command", {"command-line": line}))


async def _read_all(end: socket.socket) -> bytes:
    end.settimeout(0)
    loop, received = asyncio.get_running_loop(), bytearray()
    while piece := await loop.sock_recv(end, 1 << 16):
        received += piece
    return bytes(received)


@contextlib.contextmanager
def _broken_off() -> Iterator[None]:
    """The session's errors as one: when QEMU quits first, its reader raises a bare EOFError."""
    try:
        yield
    except (EOFError, OSError, QMPError) as error:
        raise MonitorGone(str(error)) from error
