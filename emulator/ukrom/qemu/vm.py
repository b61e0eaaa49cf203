"""A QEMU process and the talk with it: what a machine and the making of a layer have in common."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
from typing import TYPE_CHECKING, Any

from ukrom.errors import DeadlineExceeded, MachineEnded
from ukrom.qemu.console import Console
from ukrom.qemu.monitor import Monitor, MonitorGone
from ukrom.qemu.process import QemuProcess
from ukrom.qemu.wire import encode, read_frame

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable
    from typing import TypeVar

    from ukrom.errors import MachineError
    from ukrom.qemu.command import Channels

    T = TypeVar("T")

__all__ = ["Vm"]

_log = logging.getLogger(__name__)

_ENOUGH_MB = 128
"""The platform's default. Measured: with 64 MiB no stock kernel even unpacks itself, 80 MiB do."""


class Vm:
    """A running QEMU, its agent, console and monitor. Belongs to the loop it was made on.

    Args:
        build: Makes the command line once the descriptors are known.
        hear: Takes the agent's frames: a verb and its fields.
        show: Takes what the console shows.
        name: What log entries call it.
        memory_mb: Its memory in MiB, which may explain its end.
        fds: Further descriptors that QEMU inherits.

    Raises:
        OSError: QEMU cannot be executed.
    """

    def __init__(
        self,
        build: Callable[[Channels], tuple[str, ...]],
        *,
        hear: Callable[[str, list[bytes]], None],
        show: Callable[[bytes], None],
        name: str,
        memory_mb: int,
        fds: Iterable[int] = (),
    ) -> None:
        self.process = QemuProcess(build, fds)
        self.monitor = Monitor()
        self.console = Console()
        self.is_up = False
        """Whether its agent was heard: its kernel came up, or it was restored."""
        self._hear = hear
        self._show = show
        self._name = name
        self._memory_mb = memory_mb
        self._agent: asyncio.StreamWriter | None = None
        self._writers: list[asyncio.StreamWriter] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._stderr = ""

    @property
    def command(self) -> tuple[str, ...]:
        """QEMU's command line."""
        return self.process.command

    @property
    def stderr(self) -> str:
        """What QEMU printed."""
        return self._stderr or self.process.stderr()

    @property
    def was_killed(self) -> bool:
        """Whether it is gone because somebody killed it."""
        return self.process.ended.done() and self.process.ended.result() == -signal.SIGKILL

    def hand_over(
        self, hear: Callable[[str, list[bytes]], None], show: Callable[[bytes], None], name: str
    ) -> None:
        """Let another take what it says from now on."""
        self._hear, self._show, self._name = hear, show, name

    async def connect(self) -> None:
        """Open agent and console; what is sent from now on waits in the agent's port for the guest."""
        ends = self.process.ends
        incoming, self._agent = await asyncio.open_unix_connection(sock=ends.agent)
        console, console_writer = await asyncio.open_unix_connection(sock=ends.console)
        self._writers = [self._agent, console_writer]  # a forgotten writer closes its connection
        self.follow(self._read_console(console))
        self.follow(self._read_agent(incoming))

    def follow(self, work: Any) -> None:
        """Run a coroutine that ends with the machine, at the latest."""
        self._tasks.append(asyncio.get_running_loop().create_task(work))

    def send(self, *fields: str | bytes) -> None:
        """Send the agent a frame; nobody hears it when the machine has gone."""
        if self._agent is not None and not self._agent.is_closing():
            self._agent.write(encode(*fields))

    async def in_time(self, awaitable: Awaitable[T], what: str, seconds: float) -> T:
        """The result of `awaitable`, unless the machine ends or the deadline passes first.

        Raises:
            MachineEnded: The machine ended before `what`.
            DeadlineExceeded: It took longer than `seconds`.
        """
        awaited = asyncio.ensure_future(awaitable)
        either: set[asyncio.Future[Any]] = {awaited, self.process.ended}
        try:
            await asyncio.wait(either, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            await _called_off(awaited)
            raise
        if awaited.done() and not isinstance(awaited.exception(), MonitorGone):
            return awaited.result()
        if awaited.done() or self.process.ended.done():
            # Whoever breaks off the talk is about to end; give it a moment to do so by itself, since
            # the way it ends is what the user needs to know.
            await asyncio.wait({self.process.ended}, timeout=1)
            how = self.how_it_ended() if self.process.ended.done() else _broken_off(awaited)
            self.process.kill()
            await self.process.ended
            await _called_off(awaited)
            raise self.error(MachineEnded, f"{how} before {what}.")
        await _called_off(awaited)
        raise self.error(DeadlineExceeded, f"After {seconds:.0f} s it was not so far that {what}.")

    def kill(self) -> None:
        """End it now; does nothing if it is gone."""
        self.process.kill()

    async def close(self, *, left_up: bool = False) -> None:
        """End the process and all talk with it.

        Args:
            left_up: The process was let go and stays up.
        """
        self.process.kill()
        await self.process.ended
        if left_up:  # its ends stay open: nothing ends what reads from them
            for task in self._tasks:
                task.cancel()
        for outcome in await asyncio.gather(*self._tasks, return_exceptions=True):
            if isinstance(outcome, Exception):
                _log.error("%s: talking to the guest failed", self._name, exc_info=outcome)
        self._stderr = self.process.stderr()
        await self.monitor.close()
        for writer in self._writers:
            writer.close()
        self.process.close()

    def how_it_ended(self) -> str:
        """The end of the process in words, without a full stop."""
        if self.console.panicked:
            return "The guest's kernel panicked"
        code = self.process.ended.result()
        if code < 0:
            return f"QEMU was killed by signal {-code}"
        if code == 0 and not self.is_up and self._memory_mb < _ENOUGH_MB:
            return (
                f"The guest did not come up with {self._memory_mb} MiB of memory,"
                f" too few for a Linux kernel (give it {_ENOUGH_MB}); QEMU exited with status 0"
            )
        return f"QEMU exited with status {code}" + (f" ({said})" if (said := self.stderr) else "")

    def error(self, kind: type[MachineError], message: str) -> MachineError:
        """An error with all that is known of the machine."""
        return kind(message, console=self.console.text(), stderr=self.stderr, command=self.command)

    async def _read_console(self, stream: asyncio.StreamReader) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await stream.read(65536):
                if shown := self.console.feed(data):
                    self._show(shown)

    async def _read_agent(self, stream: asyncio.StreamReader) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                verb, *fields = await read_frame(stream)
                self.is_up = True
                self._hear(verb.decode(), fields)


def _broken_off(awaited: asyncio.Future[Any]) -> str:
    """What a monitor last said whose QEMU is still there, without a full stop."""
    said = str(awaited.exception()).rstrip(".")
    return "QEMU's monitor broke off" + (f" ({said})" if said else "")


async def _called_off(awaited: asyncio.Future[Any]) -> None:
    awaited.cancel()
    with contextlib.suppress(asyncio.CancelledError, MonitorGone, MachineEnded, DeadlineExceeded):
        await awaited
