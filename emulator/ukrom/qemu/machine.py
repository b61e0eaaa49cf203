"""One machine: a QEMU process, the agent in it, and what becomes of both."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ukrom.cloud.ports import AppExited, Ended, Running, SaveFailed, Usage
from ukrom.cloud.ports import Console as ConsoleEvent
from ukrom.errors import BootFailed, MachineEnded, MachineError, UkromError
from ukrom.qemu.devices import ROM_SLOTS, ROOT_SLOT
from ukrom.qemu.execution import Execution, Executions, too_long
from ukrom.qemu.means import StartRecord
from ukrom.qemu.monitor import MonitorGone
from ukrom.qemu.order import environment, root_order, start_order
from ukrom.qemu.ports import GuestPorts
from ukrom.qemu.starting import Start
from ukrom.qemu.state import MachineState, next_state
from ukrom.qemu.turns import Turn
from ukrom.qemu.usage import usage_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path
    from uuid import UUID

    from ukrom.cloud.ports import Endpoint, InlineFile, MachineEvent, MachineSpec, StoredBlob
    from ukrom.qemu.layers import Layer
    from ukrom.qemu.means import Means
    from ukrom.qemu.vm import Vm

__all__ = ["Deadlines", "QemuMachine", "Timings"]

# Stop codes of the kernel (specification, Part D.5).
_CLEAN_SHUTDOWN = 0x8100
_PANIC = 0x7F01
_OUT_OF_MEMORY = 0x0C7F04
_KILLED = 137

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Deadlines:
    """How long a step may take, in seconds; generous, since what waits also ends with the machine."""

    boot: float
    stop_margin: float
    settle: float
    """From running to when others may start, if it does not listen by then."""


@dataclass(slots=True)
class Timings:
    """Seconds from the request to each step of a start; None until it was reached."""

    allowed: float | None = None
    """Its turn had come, and its layer was there."""
    spawned: float | None = None
    awake: float | None = None
    """It was restored and runs; only of one that starts from a layer."""
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
        means: What machines are made of, and start from.
        deadlines: How long steps may take.
        pack: Makes a block device of an inline ROM's files; blocks.
        report: Takes the machine's events, on the loop's thread.
        loop: Where the machine lives.
        keep: A folder for a machine that may outlive its parent, else None.
    """

    def __init__(
        self,
        spec: MachineSpec,
        means: Means,
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
        self.waited_for: str | None = None
        """Why it had to wait for its turn, if it had to."""
        self._means = means
        self._deadlines = deadlines
        self._pack = pack
        self._report = report
        self._loop = loop
        self._asked_at = time.monotonic()
        self._executions = Executions()
        self._vm: Vm | None = None
        self._layer: Layer | None = None
        self._turn = Turn()
        self._booting: asyncio.Task[None] | None = None
        self._reached: asyncio.Future[None] = loop.create_future()
        self._ports = GuestPorts(spec.ports, report, self._elapsed)
        self._connected = asyncio.Event()
        self._exit_code: int | None = None
        self._killed = False
        self._left_up = False
        self._has_settled = False
        self._was_spare = False
        self._waited_s = 0.0

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
        return Usage() if self.pid is None else usage_of(self.pid)

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
    def layer(self) -> int:
        """The snapshot layer it started from: 2 with its image mounted, 1 without; 0 for a cold boot."""
        return 0 if self._layer is None else 2 if self._layer.holds_root else 1

    @property
    def pid(self) -> int | None:
        """QEMU's process id, while there is one."""
        return None if self._vm is None else self._vm.process.pid

    @property
    def command(self) -> tuple[str, ...]:
        """QEMU's command line; empty before it was spawned."""
        return () if self._vm is None else self._vm.command

    @property
    def stderr(self) -> str:
        """What QEMU printed."""
        return "" if self._vm is None else self._vm.stderr

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
            if not self._killed:  # it may have been before this began
                self._booting = asyncio.ensure_future(self._boot())
                await asyncio.wait({self._booting})
                if not self._booting.cancelled():  # else it was killed while it waited, with no QEMU yet
                    self._booting.result()
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
        layer = await self._means.layer(self.spec)
        try:
            asked = self._elapsed()
            self._turn = await self._means.turns.take(
                self.spec.memory_mb, f"instance {self.spec.name}", cold=layer is None, waiting=self._waits
            )
            self.timings.allowed = self._elapsed()
            self._waited_s = self.timings.allowed - asked if self.waited_for else 0.0
            if not self._killed:
                await self._start(disks, layer)
        finally:
            if layer is not None:
                layer.close()

    async def _start(self, disks: Mapping[int, Path], layer: Layer | None) -> None:
        boot_s = self._deadlines.boot
        start = Start(
            self.spec,
            self._means,
            disks,
            ports=self._ports.published,
            boot_s=boot_s,
            keep=self.keep,
            hear=self._hear,
            show=lambda shown: self._report(ConsoleEvent(shown)),
            took=self._took,
        )
        vm = None
        if layer is not None:
            vm = await start.spare(layer)
            self._was_spare = vm is not None
            vm = vm or (None if self._killed else await start.restored(layer))
        if vm is None and self._killed:
            return  # in the moment in which another way would have been tried
        vm = vm or await start.cold()
        forwards = await vm.in_time(vm.monitor.forwards(), "its ports were forwarded", boot_s)
        self._connected.set()
        self._ports.forward(forwards)
        self.timings.listening = self._ports.first
        await vm.in_time(self._reached, "the application was started", boot_s)
        # Who listens nowhere, or much later, does not keep others from starting.
        self._loop.call_later(self._deadlines.settle, self._settled)

    def _took(self, vm: Vm | None, layer: Layer | None) -> None:
        """Take in which QEMU it is that may become this machine; None after one that did not."""
        self._vm, self._layer = vm, layer
        if vm is not None:
            self._reached = self._loop.create_future()
            self.timings.spawned = self._elapsed()
            self._enter(MachineState.BOOTING)
            if self._killed:  # while the one before it was given up
                vm.kill()

    def _settled(self) -> None:
        """Let others start, and have a machine prepared for the next instance of this kind."""
        if self.state is MachineState.RUNNING and not self._has_settled:
            self._has_settled = True
            self._means.prepare(self.spec)
        self._turn.settled()

    def _waits(self, why: str) -> None:
        self.waited_for = why
        self._means.drop_spare()
        _log.info("instance %s waits for its turn: %s", self.spec.name, why)

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

    async def _running_to_end(self) -> None:
        if self._vm is not None:
            await self._vm.process.ended

    async def _clean_up(self) -> None:
        self._enter(MachineState.ENDED)
        if self._vm is not None:
            await self._vm.close(left_up=self._left_up)
            if self.keep is not None and not self._left_up:
                (self.keep / "pid").unlink(missing_ok=True)  # the number may soon be another process's
        self._turn.end()
        self._executions.fail(self._error(MachineEnded, f"{self.spec.name} ended before the command did."))

    def _hear(self, verb: str, fields: list[bytes]) -> None:
        text = [field.decode(errors="replace") for field in fields]
        match verb:
            case "awake":
                self._awake()
            case "ready" | "root" | "mounted" | "running":
                self._reach(verb)
            case "failed" if not self._reached.done():
                self._reached.set_exception(self._error(BootFailed, f"The guest says: {text[0]}."))
            case "ports":
                self._ports.seen(text)
            case "listening":
                self._ports.heard(int(text[0]))
                self.timings.listening = self._ports.first
                self._settled()
            case "exited":
                self._exited(int(text[0]))
            case "output":
                self._executions.output(text[0], text[1], fields[2])
            case "done":
                self._executions.done(text[0], int(text[1]))

    def _awake(self) -> None:
        """Take in that a restored guest runs: it has come as far as its layer."""
        assert self._layer is not None
        self.timings.awake = self._elapsed()
        self._reach("ready")
        if self._layer.holds_root:
            self._reach("root")
        else:
            self._send(*root_order(self.spec))

    def _reach(self, step: str) -> None:
        """Take in that a start came to a step."""
        now = self._elapsed()
        setattr(self.timings, step, now)
        if step == "root":
            # Not earlier: it tells the time, and a boot takes seconds.
            self._send(*start_order(self.spec))
        elif step == "running":
            self._enter(MachineState.RUNNING)
            self._means.record.append(StartRecord(self.layer, self._was_spare, now, self._waited_s))
            self._report(Running(round(now * 1e6)))
            if not self._reached.done():
                self._reached.set_result(None)

    def _exited(self, exit_code: int) -> None:
        self._enter(MachineState.STOPPING)
        self._exit_code = exit_code

    def _send(self, *fields: str | bytes) -> None:
        if self._vm is not None:
            self._vm.send(*fields)

    def _stop(self, grace_s: float) -> None:
        if self.state is MachineState.RUNNING:
            self._enter(MachineState.STOPPING)
            self._send("stop", str(round(grace_s * 1000)))
            self._loop.call_later(grace_s + self._deadlines.stop_margin, self._kill)
        elif self.state is not MachineState.STOPPING:
            self._kill()

    def _kill(self) -> None:
        self._killed = True
        if self._vm is not None:
            self._vm.kill()
        elif self._booting is not None:
            self._booting.cancel()  # it may be waiting for its turn, or for a layer

    def _let_go(self) -> None:
        if self._vm is not None and self.keep is not None:
            self._left_up = True
            self._vm.process.let_go()

    def _publish(self, port: int) -> None:
        if port in self._ports.published or self.state is MachineState.ENDED:
            return
        self._ports.published[port] = None
        if self._vm is not None:
            self._vm.follow(self._forward(self._vm, port))

    async def _forward(self, vm: Vm, port: int) -> None:
        with contextlib.suppress(MonitorGone, MachineError):  # the machine ends, and says so itself
            await vm.in_time(self._connected.wait(), "its monitor answered", self._deadlines.boot)
            await vm.monitor.add_forward(port)
            self._ports.forward(await vm.monitor.forwards())
            vm.send("watch", str(port))

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
        if self._panicked() and self._exit_code is None:
            return _PANIC
        if self._out_of_memory():
            return _OUT_OF_MEMORY
        return None if self._exit_code is None else _CLEAN_SHUTDOWN

    def _panicked(self) -> bool:
        return self._vm is not None and self._vm.console.panicked

    def _out_of_memory(self) -> bool:
        return self._exit_code == _KILLED and self._vm is not None and self._vm.console.out_of_memory

    def _ended(self, error: str | None) -> Ended:
        """The last event: with a reason if nobody asked for the end and the guest did not say so itself."""
        started = self.timings.running is not None
        explained = self._killed or self._exit_code is not None or (started and self._panicked())
        if error is None and not explained:
            error = f"{self._vm.how_it_ended()}." if self._vm is not None else "It was called off."
        return Ended(started, self._kernel_code(), None if explained else error)

    def _error(self, kind: type[MachineError], message: str) -> MachineError:
        return kind(message) if self._vm is None else self._vm.error(kind, message)
