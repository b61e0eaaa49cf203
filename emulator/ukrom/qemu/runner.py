"""The runner of real machines."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from ukrom.qemu.machine import Deadlines, QemuMachine

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from ukrom.cloud.ports import Ability, InlineFile, MachineEvent, MachineSpec, Snapshot, StoredBlob
    from ukrom.qemu.means import Means

__all__ = ["BOOT_S", "QemuRunner"]

BOOT_S = 6.0
"""On a machine with working KVM, as what follows; all are multiplied by the accelerator's slowness."""
_STOP_MARGIN_S = 1.0
_SETTLE_S = 0.2


class QemuRunner:
    """Boots machines in QEMU; a `ukrom.cloud.ports.Runner`.

    Args:
        means: What machines are made of, start from and wait for.
        loop: The loop on which all machines live. Its thread must outlive them: QEMU dies with it.
        speed: How much slower this host is than one with working KVM.
        pack: Makes a block device of an inline ROM's files.
        keep: Where machines that may outlive us keep their console; None if none may.
    """

    name = "qemu"
    abilities: frozenset[Ability] = frozenset()

    def __init__(
        self,
        means: Means,
        loop: asyncio.AbstractEventLoop,
        *,
        speed: float,
        pack: Callable[[Sequence[InlineFile]], StoredBlob],
        keep: Path | None = None,
    ) -> None:
        self.means = means
        self.speed = speed
        self._loop = loop
        self._pack = pack
        self._keep = keep
        self._lives: set[asyncio.Task[None]] = set()
        self._machines: set[QemuMachine] = set()

    def boot(
        self,
        spec: MachineSpec,
        report: Callable[[MachineEvent], None],
        *,
        snapshot: Snapshot | None = None,
    ) -> QemuMachine:
        """Begin to boot a machine; may be called on any thread."""
        assert snapshot is None, "machines that cannot be saved have no snapshots"
        machine = QemuMachine(
            spec,
            self.means,
            Deadlines(BOOT_S * self.speed, _STOP_MARGIN_S * self.speed, _SETTLE_S * self.speed),
            pack=self._pack,
            report=report,
            loop=self._loop,
            keep=None if self._keep is None else self._keep / str(spec.uuid),
        )
        self._loop.call_soon_threadsafe(self._begin, machine)
        return machine

    def adopt(self, spec: MachineSpec, report: Callable[[MachineEvent], None]) -> None:
        """Take up nothing: no machine outlives the state that knew it."""

    def drop(self, snapshot: Snapshot) -> None:
        """Forget a snapshot; there are none yet."""

    def _begin(self, machine: QemuMachine) -> None:
        life = self._loop.create_task(machine.live(), name=f"ukrom {machine.spec.name}")
        self._lives.add(life)
        self._machines.add(machine)
        life.add_done_callback(self._lives.discard)
        life.add_done_callback(lambda _: self._machines.discard(machine))

    async def close(self) -> None:
        """End all machines and wait until no process is left; on the loop."""
        for machine in self._machines:
            machine.kill()
        while self._lives:
            await asyncio.wait(self._lives)
        await self.means.close()
