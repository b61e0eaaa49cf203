"""One machine: a QEMU process, the agent in it, and what becomes of both."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ukrom.cloud.ports import AppExited, Ended, Running, SaveFailed, Usage
from ukrom.cloud.ports import Console as ConsoleEvent
from ukrom.errors import BootFailed, DeadlineExceeded, MachineEnded, MachineError, UkromError
from ukrom.qemu.command import command_line
from ukrom.qemu.console import Console
from ukrom.qemu.devices import ROM_SLOTS, ROOT_SLOT
from ukrom.qemu.execution import Execution, Executions, too_long
from ukrom.qemu.monitor import Monitor, MonitorGone
from ukrom.qemu.order import environment, root_order, start_order
from ukrom.qemu.ports import GuestPorts
from ukrom.qemu.process import QemuProcess
from ukrom.qemu.state import MachineState, next_state
from ukrom.qemu.usage import usage_of
from ukrom.qemu.wire import encode, read_frame

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence
    from pathlib import Path
    from typing import TypeVar
    from uuid import UUID

    from ukrom.cloud.ports import Endpoint, InlineFile, MachineEvent, MachineSpec, StoredBlob
    from ukrom.qemu.command import Equipment

    T = TypeVar("T")

__all__ = ["Deadlines", "QemuMachine", "Timings"]

# Stop codes of the kernel (specification, Part D.5).
_CLEAN_SHUTDOWN = 0x8100
_PANIC = 0x7F01
_OUT_OF_MEMORY = 0x0C7F04
_KILLED = 137

_log = logging.getLogger(__name__)

_ENOUGH_MB = 128
"""The platform's default. Measured: with 64 MiB no stock kernel even unpacks itself, 80 MiB do."""


@dataclass(frozen=True, slots=True)
class Deadlines:
    """How long a step may take, in seconds; generous, since what waits also ends with the machine."""

    boot: float
    stop_margin: float


@dataclass(slots=True)
class Timings:
    """Seconds from the request to each step of a start; None until it was reached."""

    spawned: float | None = None
    ready: float | None = None
    root: float | None = None
    mounted: float | None = None
    running: float | None = None
    listening: float | None = None


class QemuMachine:
    """A machine of the `qemu` runner; a `ukrom.cloud.ports.Machine`.

    Its public methods may be called on any thread and return at once; everything else happens on
    the loop that runs `live`.

    Args:
        spec: What to boot.
        equipment: What machines are made of.
        deadlines: How long steps may take.
        pack: Makes a block device of an inline ROM's files; blocks.
        report: Takes the machine's events, on the loop's thread.
        loop: Where the machine lives.
        keep: A folder for a machine that may outlive its parent, else None.
    """

    def __init__(
        self,
        spec: MachineSpec,
        equipment: Equipment,
        deadlines: Deadlines,
        *,
        pack: Callable[[Sequence[InlineFile]], StoredBlob],
        report: Callable[[MachineEvent], None],
        loop: asyncio.AbstractEventLoop,
        keep: Path | None = None,
    ) -> None:
        self.spec = spec
        self.keep = keep
        self.timings = Timings()
        self.state = MachineState.ASKED
        self._equipment = equipment
        self._deadlines = deadlines
        self._pack = pack
        self._report = report
        self._loop = loop
        self._asked_at = time.monotonic()
        self._console = Console()
        self._monitor = Monitor()
        self._executions = Executions()
        self._process: QemuProcess | None = None
        self._agent: asyncio.StreamWriter | None = None
        self._writers: list[asyncio.StreamWriter] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._ports = GuestPorts(spec.ports, report, self._elapsed)
        self._connected = asyncio.Event()
        self._exit_code: int | None = None
        self._killed = False
        self._left_up = False
        self._command: tuple[str, ...] = ()
        self._stderr = ""

    # The face: any thread.

    def stop(self, *, grace_s: float) -> None:
        """Ask the application to end, and end it after `grace_s` seconds if it did not."""
        self._call(self._stop, grace_s)

    def kill(self) -> None:
        """End the machine now."""
        self._call(self._kill)

    def save(self, uuid: UUID) -> None:
        """Report that it cannot be saved; snapshots of real machines are still to come."""
        self._report(SaveFailed(uuid, "real machines cannot be saved yet"))

    def suspend(self, uuid: UUID) -> None:
        """Report that it cannot be saved."""
        self.save(uuid)

    def usage(self) -> Usage:
        """What QEMU's process has used: memory and processor time of the whole machine."""
        return Usage() if self._process is None else usage_of(self._process.pid)

    def publish(self, port: int) -> None:
        """Make a guest TCP port reachable and report when something listens there."""
        self._call(self._publish, port)

    def endpoint(self, port: int) -> Endpoint | None:
        """The loopback address that leads to a guest port."""
        return self._ports.endpoint(port)

    def listening(self) -> tuple[int, ...]:
        """The TCP ports on which the guest was last seen to listen, reachable from outside."""
        return self._ports.listening

    def execute(self, argv: Sequence[str], env: Mapping[str, str] | None = None) -> Future[Execution]:
        """Run a command beside the application, in its root and by default its environment.

        The future fails with `MachineEnded` when the machine ends first.

        Raises:
            ValueError: There is no command, or a NUL in it.
        """
        if not argv:
            raise ValueError("there is no command to run: argv is empty")
        if any("\0" in word for word in (*argv, *(env or {}), *(env or {}).values())):
            raise ValueError(f"a command cannot hold a NUL: {argv}")
        future: Future[Execution] = Future()
        self._call(self._execute, tuple(argv), self.spec.env if env is None else env, future)
        return future

    def let_go(self) -> None:
        """Leave the machine up when the loop ends; only for one that was booted with `keep`."""
        self._call(self._let_go)

    @property
    def pid(self) -> int | None:
        """QEMU's process id, while there is one."""
        return None if self._process is None else self._process.pid

    @property
    def command(self) -> tuple[str, ...]:
        """QEMU's command line; empty before it was spawned."""
        return self._command

    @property
    def stderr(self) -> str:
        """What QEMU printed."""
        return self._stderr or (self._process.stderr() if self._process else "")

    @property
    def unreachable(self) -> tuple[str, ...]:
        """Addresses on which the guest listens but which nobody outside can reach (`127.0.0.1:8080`)."""
        return self._ports.unreachable

    def _call(self, method: Callable[..., None], *arguments: object) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed, and every machine with it
            self._loop.call_soon_threadsafe(method, *arguments)

    # The life: the loop's thread.

    async def live(self) -> None:
        """Boot, run, end; the last thing it does is to report `Ended`."""
        error: str | None = "the emulator failed"
        try:
            await self._boot()
            await self._running_to_end()
            error = None
        except UkromError as failure:
            error = failure.message
        except OSError as failure:
            error = f"QEMU cannot be started: {failure}"
        finally:
            try:
                await self._clean_up()
            finally:  # whatever went wrong, those who wait for the machine are told that it is gone
                # Only now is the console complete, which tells an exit from a kill for want of memory.
                if self._exit_code is not None and not self._out_of_memory():
                    self._report(AppExited(self._exit_code))
                self._report(self._ended(error))

    async def _boot(self) -> None:
        disks = await asyncio.to_thread(self._disks)
        if self._killed:
            return
        if self.keep is not None:
            self.keep.mkdir(parents=True, exist_ok=True)
        self._process = QemuProcess(
            lambda channels: command_line(
                self._equipment,
                channels,
                disks,
                memory_mb=self.spec.memory_mb,
                vcpus=self.spec.vcpus,
                ports=self._ports.published,
                keep=self.keep,
            )
        )
        self._command = self._process.command
        if self.keep is not None:
            (self.keep / "pid").write_text(str(self._process.pid))
        self.timings.spawned = self._elapsed()
        self._enter(MachineState.BOOTING)
        reached = self._loop.create_future()
        await self._connect(reached)
        await self._in_time(reached, "the application was started", self._deadlines.boot)

    def _disks(self) -> dict[int, Path]:
        root = self.spec.image.root
        if not self.spec.args:
            raise BootFailed(
                f"There is no command to run: neither {self.spec.image.reference} nor the instance has one."
            )
        if too_long(self.spec.args, self.spec.env):
            raise BootFailed("The command and its environment are too long to be handed to the guest.")
        if root is None:
            raise BootFailed(
                f"Image {self.spec.image.reference} has no root file system: it is a ROM, not a base image."
            )
        disks = {ROOT_SLOT: root.path}
        for slot, rom in zip(ROM_SLOTS, self.spec.roms, strict=False):
            content = self._pack(rom.content) if isinstance(rom.content, tuple) else rom.content
            disks[slot] = content.path
        return disks

    async def _connect(self, reached: asyncio.Future[None]) -> None:
        assert self._process is not None
        ends = self._process.ends
        incoming, self._agent = await asyncio.open_unix_connection(sock=ends.agent)
        console, console_writer = await asyncio.open_unix_connection(sock=ends.console)
        self._writers = [self._agent, console_writer]  # a forgotten writer closes its connection
        self._tasks = [
            self._loop.create_task(self._read_console(console)),
            self._loop.create_task(self._read_agent(incoming, reached)),
        ]
        # The port buffers: this is said before the guest is there to hear it.
        self._send(*root_order(self.spec))
        for port in self._ports.published:
            self._send("watch", str(port))
        await self._in_time(self._monitor.connect(ends.monitor), "its monitor answered", self._deadlines.boot)
        forwards = await self._in_time(
            self._monitor.forwards(), "its ports were forwarded", self._deadlines.boot
        )
        self._connected.set()
        self._ports.forward(forwards)
        self.timings.listening = self._ports.first

    async def _running_to_end(self) -> None:
        if self._process is not None:
            await self._process.ended

    async def _in_time(self, awaitable: Awaitable[T], what: str, seconds: float) -> T:
        """The result of `awaitable`, unless the machine ends or the deadline passes first."""
        assert self._process is not None
        awaited = asyncio.ensure_future(awaitable)
        either: set[asyncio.Future[Any]] = {awaited, self._process.ended}
        await asyncio.wait(either, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        if awaited.done() and not isinstance(awaited.exception(), MonitorGone):
            return awaited.result()
        if awaited.done() or self._process.ended.done():
            # Whoever breaks off the talk is about to end; give it a moment to do so by itself, since
            # the way it ends is what the user needs to know.
            await asyncio.wait({self._process.ended}, timeout=1)
            self._process.kill()
            await self._process.ended
            await _called_off(awaited)
            raise self._error(MachineEnded, f"{self._how_it_ended()} before {what}.")
        await _called_off(awaited)
        raise self._error(DeadlineExceeded, f"After {seconds:.0f} s it was not so far that {what}.")

    async def _clean_up(self) -> None:
        self._enter(MachineState.ENDED)
        if self._process is not None:
            self._process.kill()
            await self._process.ended
            if self._left_up:  # its ends stay open: nothing ends what reads from them
                for task in self._tasks:
                    task.cancel()
            for outcome in await asyncio.gather(*self._tasks, return_exceptions=True):
                if isinstance(outcome, Exception):
                    _log.error("%s: talking to the guest failed", self.spec.name, exc_info=outcome)
            if self.keep is not None and not self._left_up:
                (self.keep / "pid").unlink(missing_ok=True)  # the number may soon be another process's
            self._stderr = self._process.stderr()
            await self._monitor.close()
            for writer in self._writers:
                writer.close()
            self._process.close()
        self._executions.fail(self._error(MachineEnded, f"{self.spec.name} ended before the command did."))

    async def _read_console(self, stream: asyncio.StreamReader) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await stream.read(65536):
                if shown := self._console.feed(data):
                    self._report(ConsoleEvent(shown))

    async def _read_agent(self, stream: asyncio.StreamReader, reached: asyncio.Future[None]) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                verb, *fields = await read_frame(stream)
                self._hear(verb.decode(), fields, reached)

    def _hear(self, verb: str, fields: list[bytes], reached: asyncio.Future[None]) -> None:
        text = [field.decode(errors="replace") for field in fields]
        match verb:
            case "ready" | "root" | "mounted" | "running":
                self._reach(verb, reached)
            case "failed" if not reached.done():
                reached.set_exception(self._error(BootFailed, f"The guest says: {text[0]}."))
            case "ports":
                self._ports.seen(text)
            case "listening":
                self._ports.heard(int(text[0]))
                self.timings.listening = self._ports.first
            case "exited":
                self._exited(int(text[0]))
            case "output":
                self._executions.output(text[0], text[1], fields[2])
            case "done":
                self._executions.done(text[0], int(text[1]))

    def _reach(self, step: str, reached: asyncio.Future[None]) -> None:
        """Take in that a start came to a step."""
        now = self._elapsed()
        setattr(self.timings, step, now)
        if step == "root":
            # Not earlier: it tells the time, and a boot takes seconds.
            self._send(*start_order(self.spec))
        elif step == "running":
            self._enter(MachineState.RUNNING)
            self._report(Running(round(now * 1e6)))
            if not reached.done():
                reached.set_result(None)

    def _exited(self, exit_code: int) -> None:
        self._enter(MachineState.STOPPING)
        self._exit_code = exit_code

    def _send(self, *fields: str | bytes) -> None:
        if self._agent is not None and not self._agent.is_closing():
            self._agent.write(encode(*fields))

    def _stop(self, grace_s: float) -> None:
        if self.state is MachineState.RUNNING:
            self._enter(MachineState.STOPPING)
            self._send("stop", str(round(grace_s * 1000)))
            self._loop.call_later(grace_s + self._deadlines.stop_margin, self._kill)
        elif self.state is not MachineState.STOPPING:
            self._kill()

    def _kill(self) -> None:
        self._killed = True
        if self._process is not None:
            self._process.kill()

    def _let_go(self) -> None:
        if self._process is not None and self.keep is not None:
            self._left_up = True
            self._process.let_go()

    def _publish(self, port: int) -> None:
        if port in self._ports.published or self.state is MachineState.ENDED:
            return
        self._ports.published[port] = None
        if self._process is not None:
            self._tasks.append(self._loop.create_task(self._forward(port)))

    async def _forward(self, port: int) -> None:
        with contextlib.suppress(MonitorGone, MachineError):  # the machine ends, and says so itself
            await self._in_time(self._connected.wait(), "its monitor answered", self._deadlines.boot)
            await self._monitor.add_forward(port)
            self._ports.forward(await self._monitor.forwards())
            self._send("watch", str(port))

    def _execute(self, argv: tuple[str, ...], env: Mapping[str, str], future: Future[Execution]) -> None:
        if self.state is not MachineState.RUNNING:
            message = f"{self.spec.name} is not running: no command can run in it."
            if future.set_running_or_notify_cancel():
                future.set_exception(self._error(MachineEnded, message))
            return
        identifier = self._executions.begin(future)
        if too_long(argv, env):
            # In the words of the kernel, which would not take them either.
            self._executions.output(identifier, "stderr", f"{argv[0]}: Argument list too long\n".encode())
            self._executions.done(identifier, 127)
            return
        fields = ["exec", identifier]
        for name, value in environment(env).items():
            fields += ["env", f"{name}={value}"]
        for argument in argv:
            fields += ["arg", argument]
        self._send(*fields)

    def _enter(self, state: MachineState) -> None:
        self.state = next_state(self.state, state)

    def _elapsed(self) -> float:
        return time.monotonic() - self._asked_at

    def _kernel_code(self) -> int | None:
        # An application may well print what a panic looks like; its exit says that the kernel was fine.
        if self._console.panicked and self._exit_code is None:
            return _PANIC
        if self._out_of_memory():
            return _OUT_OF_MEMORY
        return None if self._exit_code is None else _CLEAN_SHUTDOWN

    def _out_of_memory(self) -> bool:
        return self._exit_code == _KILLED and self._console.out_of_memory

    def _ended(self, error: str | None) -> Ended:
        """The last event: with a reason if nobody asked for the end and the guest did not say so itself."""
        started = self.timings.running is not None
        explained = self._killed or self._exit_code is not None or (started and self._console.panicked)
        if error is None and not explained:
            error = f"{self._how_it_ended()}."
        return Ended(started, self._kernel_code(), None if explained else error)

    def _how_it_ended(self) -> str:
        if self._console.panicked:
            return "The guest's kernel panicked"
        code = self._process.ended.result() if self._process is not None else 0
        if code < 0:
            return f"QEMU was killed by signal {-code}"
        if code == 0 and self.timings.ready is None and self.spec.memory_mb < _ENOUGH_MB:
            return (
                f"The guest did not come up with {self.spec.memory_mb} MiB of memory,"
                f" too few for a Linux kernel (give it {_ENOUGH_MB}); QEMU exited with status 0"
            )
        return f"QEMU exited with status {code}" + (f" ({said})" if (said := self.stderr) else "")

    def _error(self, kind: type[MachineError], message: str) -> MachineError:
        return kind(message, console=self._console.text(), stderr=self.stderr, command=self._command)


async def _called_off(awaited: asyncio.Future[Any]) -> None:
    awaited.cancel()
    with contextlib.suppress(asyncio.CancelledError, MonitorGone, MachineError):
        await awaited
