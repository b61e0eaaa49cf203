"""A QEMU process and our ends of its channels."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import tempfile
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ukrom.qemu.command import Channels

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = ["Ends", "QemuProcess"]

_STDERR_SHOWN = 16384


@dataclass(frozen=True, slots=True)
class Ends:
    """Our ends of the socket pairs: no path, no port, nothing that another run could collide with."""

    agent: socket.socket
    console: socket.socket
    monitor: socket.socket


class QemuProcess:
    """A running QEMU. Belongs to the event loop it was spawned on.

    The parent-death signal fires when the *thread* that spawned the process ends, so this must be
    made on the loop's own thread, which lives as long as its machines may.

    Args:
        build: Makes the command line once the descriptors are known.
        fds: Further descriptors that QEMU inherits, under the same numbers.

    Raises:
        OSError: The program cannot be executed.
    """

    def __init__(self, build: Callable[[Channels], tuple[str, ...]], fds: Iterable[int] = ()) -> None:
        pairs = [socket.socketpair() for _ in range(3)]
        ours, theirs = zip(*pairs, strict=True)
        self.ends = Ends(*ours)
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the machine
        try:
            self.command = build(Channels(*(end.fileno() for end in theirs)))
            # A session of its own: Ctrl-C in the terminal is for pytest, which then ends its machines.
            self._process = subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=self._stderr,
                stderr=self._stderr,
                pass_fds=[*(end.fileno() for end in theirs), *fds],
                start_new_session=True,
            )
        except BaseException:
            self.close()
            raise
        finally:
            for end in theirs:
                end.close()
        self.ended: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._watch()

    @property
    def pid(self) -> int:
        """The process id of QEMU itself: setpriv executes it in its own place."""
        return self._process.pid

    def _watch(self) -> None:
        """Notice the end by a pidfd: no thread per process, no race with a reused process id."""
        self._pidfd = os.pidfd_open(self.pid)
        asyncio.get_running_loop().add_reader(self._pidfd, self._reap)

    def _unwatch(self) -> None:
        asyncio.get_running_loop().remove_reader(self._pidfd)
        os.close(self._pidfd)

    def _reap(self) -> None:
        self._unwatch()
        self.ended.set_result(self._process.wait())

    def let_go(self) -> None:
        """Treat it as ended, though it stays up; for a machine that outlives its parent."""
        if not self.ended.done():
            self._unwatch()
            self._process.returncode = 0  # else its destructor would warn of a process left behind
            self.ended.set_result(0)

    def kill(self) -> None:
        """End it now; does nothing if it is gone."""
        if not self.ended.done():
            self._process.send_signal(signal.SIGKILL)

    def stderr(self) -> str:
        """What it printed."""
        if self._stderr.closed:
            return ""
        size = os.fstat(self._stderr.fileno()).st_size
        raw = os.pread(self._stderr.fileno(), _STDERR_SHOWN, max(0, size - _STDERR_SHOWN))
        return raw.decode(errors="replace").strip()

    def close(self) -> None:
        """Close our ends; the process must have ended, or be let go."""
        for end in (self.ends.agent, self.ends.console, self.ends.monitor):
            end.close()
        self._stderr.close()
