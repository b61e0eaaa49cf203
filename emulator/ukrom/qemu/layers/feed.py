"""How a QEMU that was started to be restored gets its state."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ukrom.qemu.layers.store import Layer
    from ukrom.qemu.monitor import Monitor

__all__ = ["StateFeed"]


class StateFeed:
    """A socket pair: QEMU inherits one end, and reads the state of a layer from it.

    Args:
        layer: What to restore.
    """

    def __init__(self, layer: Layer) -> None:
        self._state = layer.content.state
        self._ours, self._theirs = socket.socketpair()

    @property
    def descriptor(self) -> int:
        """QEMU's end, for it to inherit."""
        return self._theirs.fileno()

    async def into(self, monitor: Monitor) -> None:
        """Restore; the guest runs afterwards.

        Raises:
            MonitorGone: QEMU ended, or does not take the state.
        """
        descriptor = self.descriptor
        self._theirs.close()
        self._ours.settimeout(0)
        await asyncio.gather(self._send(), monitor.restore(descriptor))

    def close(self) -> None:
        """Close both ends."""
        self._ours.close()
        self._theirs.close()

    async def _send(self) -> None:
        try:
            await asyncio.get_running_loop().sock_sendall(self._ours, self._state)
        except OSError:
            return  # QEMU has ended, and the machine says so
        self._ours.shutdown(socket.SHUT_WR)
