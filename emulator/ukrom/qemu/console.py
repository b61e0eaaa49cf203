"""The guest's console: one stream of kernel, agent and application."""

from __future__ import annotations

__all__ = ["Console", "tail"]

_PANIC = b"Kernel panic - not syncing"
_OUT_OF_MEMORY = b"Out of memory: Killed process"
_KEPT = 1 << 20


class Console:
    """Takes in what the serial line brings and remembers what it means.

    The kernel ends its lines with a carriage return too; that is dropped, so that logs hold the
    same bytes whoever wrote them [choice].
    """

    def __init__(self) -> None:
        self._kept = bytearray()
        self._held = b""

    def feed(self, data: bytes) -> bytes:
        """Take in raw bytes; returns them as the log shows them."""
        data = self._held + data
        # A carriage return at the very end may be half of a line's end.
        self._held = b"\r" if data.endswith(b"\r") else b""
        shown = data[: len(data) - len(self._held)].replace(b"\r\n", b"\n")
        self._kept += shown
        del self._kept[:-_KEPT]
        return shown

    @property
    def panicked(self) -> bool:
        """Whether the kernel gave up."""
        return _PANIC in self._kept

    @property
    def out_of_memory(self) -> bool:
        """Whether the kernel killed a process for want of memory."""
        return _OUT_OF_MEMORY in self._kept

    def text(self, lines: int = 40) -> str:
        """The last lines as text."""
        return tail(bytes(self._kept), lines)


def tail(data: bytes, lines: int) -> str:
    """The last `lines` lines of `data` as text."""
    return "\n".join(data.decode(errors="replace").splitlines()[-lines:])
