"""The ways a machine comes up: from a spare one, from a snapshot layer, or cold."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from ukrom.errors import DeadlineExceeded, MachineEnded
from ukrom.qemu.command import Memory, command_line
from ukrom.qemu.devices import ROOT_SLOT, disk_node
from ukrom.qemu.layers import StateFeed
from ukrom.qemu.order import root_order
from ukrom.qemu.vm import Vm

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from ukrom.cloud.ports import MachineSpec
    from ukrom.qemu.layers import Layer
    from ukrom.qemu.means import Means
    from ukrom.qemu.spares import Spare

__all__ = ["Start"]


class Start:
    """One start of one machine, up to where its kernel runs and its agent has been asked for the next step.

    Args:
        spec: What to start.
        means: What machines are made of, and start from.
        disks: Files by slot.
        ports: Guest ports to forward, as far as they are known by then.
        boot_s: Seconds that each step may take.
        keep: A folder for a machine that may outlive its parent, else None.
        hear: Takes the agent's frames.
        show: Takes the console.
        took: Told of each QEMU that is tried, and of the layer it started from.
    """

    def __init__(  # noqa: PLR0913  all of it belongs to one start
        self,
        spec: MachineSpec,
        means: Means,
        disks: Mapping[int, Path],
        *,
        ports: Iterable[int],
        boot_s: float,
        keep: Path | None,
        hear: Callable[[str, list[bytes]], None],
        show: Callable[[bytes], None],
        took: Callable[[Vm | None, Layer | None], None],
    ) -> None:
        self._spec = spec
        self._means = means
        self._disks = disks
        self._ports = ports
        self._boot_s = boot_s
        self._keep = keep
        self._hear = hear
        self._show = show
        self._took = took

    async def cold(self) -> Vm:
        """Boot the kernel, and ask for the root file system.

        Raises:
            MachineError: QEMU ended or does not answer.
        """
        vm = self._spawn(None, None)
        self._took(vm, None)
        await vm.connect()
        # The port buffers: this is said before the guest is there to hear it.
        self._say(vm, *root_order(self._spec))
        await self._monitored(vm)
        return vm

    async def restored(self, layer: Layer) -> Vm | None:
        """Restore a layer, and ask the agent to wake up; None if QEMU does not take the layer.

        Raises:
            MachineError: QEMU ended or does not answer, and the layer is not to blame.
        """
        awake: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def hear(verb: str, fields: list[bytes]) -> None:
            if not awake.done():
                awake.set_result(None)
            self._hear(verb, fields)

        with contextlib.closing(StateFeed(layer)) as feed:
            vm = self._spawn(layer, feed)
            vm.hand_over(hear, self._show, self._spec.name)
            self._took(vm, layer)
            try:
                await vm.connect()
                self._say(vm, "wake")
                await self._monitored(vm)
                await vm.in_time(feed.into(vm.monitor), "it was restored", self._boot_s)
                # QEMU answers before it reads the state, and ends if that does not suit it.
                await vm.in_time(awake, "it ran", self._boot_s)
            except (MachineEnded, DeadlineExceeded) as error:
                # What was killed was so by somebody; whom the state does not suit exits, aborts or hangs.
                if vm.is_up or vm.was_killed:
                    raise
                self._means.distrust(layer, error.message)
                await self._give_up(vm)
                return None
        return vm

    async def spare(self, layer: Layer) -> Vm | None:
        """Take a machine that was restored before, and give it the ROMs; None if there is none that lives."""
        spare = self._means.spare(layer)
        if spare is None:
            return None
        vm = spare.vm
        vm.hand_over(self._hear, self._show, self._spec.name)
        self._took(vm, layer)
        try:
            await vm.in_time(self._fill(vm), "its ROMs were attached", self._boot_s)
        except (MachineEnded, DeadlineExceeded):
            await self._give_up(vm)
            return None
        finally:
            self._hand_back(spare)
        self._say(vm, "wake")
        return vm

    async def _fill(self, vm: Vm) -> None:
        for slot, path in self._disks.items():
            if slot != ROOT_SLOT:
                await vm.monitor.insert(disk_node(slot), path)
        for port in self._ports:
            await vm.monitor.add_forward(port)
        await vm.monitor.forwards()  # which also tells one that has just died

    def _hand_back(self, spare: Spare) -> None:
        """Give back what the spare held for itself: the machine has a turn of its own."""
        spare.turn.end()
        spare.layer.close()

    async def _give_up(self, vm: Vm) -> None:
        await vm.close()
        self._took(None, None)

    async def _monitored(self, vm: Vm) -> None:
        connecting = vm.monitor.connect(vm.process.ends.monitor)
        await vm.in_time(connecting, "its monitor answered", self._boot_s)

    def _say(self, vm: Vm, *order: str) -> None:
        vm.send(*order)
        for port in self._ports:
            vm.send("watch", str(port))

    def _spawn(self, layer: Layer | None, feed: StateFeed | None) -> Vm:
        memory: Memory | None = None
        fds: tuple[int, ...] = ()
        if layer is not None and feed is not None:
            memory = Memory(layer.descriptor, shared=False, restored=True)
            fds = (layer.descriptor, feed.descriptor)
        if self._keep is not None:
            self._keep.mkdir(parents=True, exist_ok=True)
        vm = Vm(
            lambda channels: command_line(
                self._means.equipment,
                channels,
                self._disks,
                memory_mb=self._spec.memory_mb,
                vcpus=self._spec.vcpus,
                ports=self._ports,
                memory=memory,
                keep=self._keep,
            ),
            hear=self._hear,
            show=self._show,
            name=self._spec.name,
            memory_mb=self._spec.memory_mb,
            fds=fds,
        )
        if self._keep is not None:
            (self._keep / "pid").write_text(str(vm.process.pid))
        return vm
