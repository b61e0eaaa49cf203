"""A machine ahead of its instance: restored, its image mounted, waiting for its ROMs and its orders.

What one instance started from, the next one most often starts from too. So while a test is busy with its
instance, a machine is restored for the next; that instance finds it running.

A spare may also run aside what its layer was made warm with: QEMU then has translated most of the code that
the application will run, and answers in two thirds of the time. That is for tests that leave the processors
idle for long: it takes as much processor time as a start. Measured on two cores, tests one right after the
other took a fifth longer with it, so it is off unless it is asked for.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ukrom.errors import MachineError
from ukrom.qemu.command import Memory, command_line
from ukrom.qemu.devices import ROOT_SLOT
from ukrom.qemu.layers import StateFeed, warming
from ukrom.qemu.monitor import MonitorGone
from ukrom.qemu.vm import Vm

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from pathlib import Path

    from ukrom.cloud.ports import MachineSpec
    from ukrom.qemu.command import Equipment
    from ukrom.qemu.layers import Layer, Layers
    from ukrom.qemu.turns import Turn, Turns

__all__ = ["Spare", "Spares"]

_log = logging.getLogger(__name__)

_IDLE_S = 60.0
"""A spare that nobody took for so long goes: its memory may be wanted elsewhere."""


@dataclass(slots=True)
class Spare:
    """A machine that waits, and what belongs to it."""

    vm: Vm
    layer: Layer
    turn: Turn
    is_warm: bool = False
    """Whether it has nothing to do any more but to wait."""

    async def close(self) -> None:
        """End it."""
        await self.vm.close()
        self.turn.end()
        self.layer.close()


class Spares:
    """At most one spare machine. Belongs to the loop of its runner.

    Args:
        equipment: What machines are made of.
        layers: What they start from.
        turns: Says whether there is room for one.
        boot_s: Seconds that each step may take.
        warm: Whether it also runs the warm commands, where no other process has machines.
    """

    def __init__(
        self, equipment: Equipment, layers: Layers, turns: Turns, *, boot_s: float, warm: bool = False
    ) -> None:
        self._equipment = equipment
        self._layers = layers
        self._turns = turns
        self._boot_s = boot_s
        self._warm = warm
        layers.make_room = self.drop
        self._spare: Spare | None = None
        self._work: set[asyncio.Task[None]] = set()
        self._preparing: asyncio.Task[None] | None = None
        self._closed = False

    def take(self, layer: Layer) -> Spare | None:
        """The spare of a layer, now the caller's; None if there is none."""
        if not self._has(layer):
            return None
        spare, self._spare = self._spare, None
        return spare

    def _has(self, layer: Layer) -> bool:
        spare = self._spare
        return (
            spare is not None
            and spare.layer.key.digest == layer.key.digest
            and not spare.vm.process.ended.done()
        )

    @property
    def is_ready(self) -> bool:
        """Whether a spare waits that has nothing to do any more."""
        return self._spare is not None and self._spare.is_warm

    def want(self, spec: MachineSpec) -> None:
        """Prepare a machine for the next instance of the kind of `spec`."""
        if not self._closed and (self._preparing is None or self._preparing.done()):
            self._preparing = self._do(self._prepare(spec))

    def drop(self) -> None:
        """End the spare, and what is to become one: somebody waits for what it takes."""
        if self._preparing is not None:
            self._preparing.cancel()
        self._end_spare()

    async def close(self) -> None:
        """End everything."""
        self._closed = True
        self.drop()
        while self._work:
            await asyncio.wait(self._work)

    def _end_spare(self) -> set[asyncio.Task[None]]:
        """Begin to end the spare, if there is one."""
        spare, self._spare = self._spare, None
        return set() if spare is None else {self._do(spare.close())}

    def _do(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._work.add(task)
        task.add_done_callback(self._work.discard)
        return task

    async def _prepare(self, spec: MachineSpec) -> None:
        try:
            layer = await self._layers.deepest(spec.image, spec.memory_mb, spec.vcpus)
            if layer is None:
                return
            with contextlib.ExitStack() as held:
                held.callback(layer.close)
                if not layer.holds_root or self._has(layer):
                    return
                if ending := self._end_spare():
                    await asyncio.wait(ending)  # the new one may need the memory of the old one
                turn = await self._turns.take_at_once(spec.memory_mb, "a spare machine")
                if turn is None:
                    return
                held.callback(turn.end)
                await self._start(spec, layer, turn)
                held.pop_all()
        except (MachineError, MonitorGone, OSError) as error:
            _log.info("no spare machine: %s", error)

    async def _start(self, spec: MachineSpec, layer: Layer, turn: Turn) -> None:
        root = spec.image.root
        assert root is not None, "who has no root file system is not booted"
        commands = warming(spec.image) if self._warm and self._turns.alone() else []
        awake: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        is_warm: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def hear(verb: str, _: list[bytes]) -> None:
            if verb == "awake" and not awake.done():
                awake.set_result(None)
            if verb in {"awake", "warmed"}:
                if commands:
                    vm.send(*commands.pop(0))
                else:
                    is_warm.set_result(None)

        with contextlib.closing(StateFeed(layer)) as feed:
            vm = self._spawn(spec, root.path, layer, feed, hear)
            try:
                await vm.connect()
                vm.send("wake")
                await vm.in_time(
                    vm.monitor.connect(vm.process.ends.monitor), "its monitor answered", self._boot_s
                )
                await vm.in_time(feed.into(vm.monitor), "it was restored", self._boot_s)
                await vm.in_time(awake, "it ran", self._boot_s)
            except BaseException:
                # Apart: who is called off twice would else leave it half closed.
                await asyncio.wait({self._do(vm.close())})
                raise
        spare = self._spare = Spare(vm, layer, turn)
        is_warm.add_done_callback(lambda _: setattr(spare, "is_warm", True))
        asyncio.get_running_loop().call_later(_IDLE_S, self._expire, spare)

    def _expire(self, spare: Spare) -> None:
        if self._spare is spare:
            self._end_spare()

    def _spawn(
        self,
        spec: MachineSpec,
        root: Path,
        layer: Layer,
        feed: StateFeed,
        hear: Callable[[str, list[bytes]], None],
    ) -> Vm:
        return Vm(
            lambda channels: command_line(
                self._equipment,
                channels,
                {ROOT_SLOT: root},
                memory_mb=spec.memory_mb,
                vcpus=spec.vcpus,
                ports=(),
                memory=Memory(layer.descriptor, shared=False, restored=True),
            ),
            hear=hear,
            show=lambda _: None,
            name="spare machine",
            memory_mb=spec.memory_mb,
            fds=(layer.descriptor, feed.descriptor),
        )
