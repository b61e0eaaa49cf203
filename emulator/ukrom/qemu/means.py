"""What the machines of one runner have in common."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ukrom.qemu.turns import Turns

if TYPE_CHECKING:
    from ukrom.cloud.ports import MachineSpec
    from ukrom.qemu.command import Equipment
    from ukrom.qemu.layers import Layer, Layers
    from ukrom.qemu.spares import Spare, Spares

__all__ = ["Means", "StartRecord"]


@dataclass(frozen=True, slots=True)
class StartRecord:
    """How one machine came to run."""

    layer: int
    """The snapshot layer it started from; 0 for a cold boot."""
    spare: bool
    """Whether it had been prepared."""
    seconds: float
    """From the request to the application."""
    waited: float
    """Seconds of these in which it was not its turn."""


@dataclass(frozen=True, slots=True)
class Means:
    """What machines are made of, start from and wait for."""

    equipment: Equipment
    turns: Turns = field(default_factory=Turns)
    layers: Layers | None = None
    """None: every start is a cold boot."""
    spares: Spares | None = None
    """None: no machine is prepared before it is asked for."""
    record: list[StartRecord] = field(default_factory=list)
    """Every start since somebody last emptied it; for reports."""

    async def layer(self, spec: MachineSpec) -> Layer | None:
        """The deepest layer that a machine can start from, to be closed; None for a cold boot."""
        if self.layers is None:
            return None
        return await self.layers.deepest(spec.image, spec.memory_mb, spec.vcpus)

    def distrust(self, layer: Layer, why: str) -> None:
        """Do without a layer that QEMU did not take."""
        if self.layers is not None:
            self.layers.distrust(layer, why)

    def spare(self, layer: Layer) -> Spare | None:
        """A machine that was prepared from a layer, now the caller's."""
        return None if self.spares is None else self.spares.take(layer)

    def prepare(self, spec: MachineSpec) -> None:
        """Have a machine prepared for the next instance of a kind."""
        if self.spares is not None:
            self.spares.want(spec)

    def drop_spare(self) -> None:
        """End the machine that was prepared: somebody waits for what it takes."""
        if self.spares is not None:
            self.spares.drop()

    async def close(self) -> None:
        """End what was prepared, and let go of the layers."""
        if self.spares is not None:
            await self.spares.close()
        if self.layers is not None:
            await self.layers.close()
