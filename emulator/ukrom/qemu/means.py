"""What the machines of one runner have in common."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ukrom.qemu.turns import Turns

if TYPE_CHECKING:
    from ukrom.cloud.ports import MachineSpec
    from ukrom.qemu.command import Equipment
    from ukrom.qemu.layers import Layer, Layers

__all__ = ["Means"]


@dataclass(frozen=True, slots=True)
class Means:
    """What machines are made of, start from and wait for."""

    equipment: Equipment
    turns: Turns = field(default_factory=Turns)
    layers: Layers | None = None
    """None: every start is a cold boot."""

    async def layer(self, spec: MachineSpec) -> Layer | None:
        """The deepest layer that a machine can start from, to be closed; None for a cold boot."""
        if self.layers is None:
            return None
        return await self.layers.deepest(spec.image, spec.memory_mb, spec.vcpus)

    def distrust(self, layer: Layer, why: str) -> None:
        """Do without a layer that QEMU did not take."""
        if self.layers is not None:
            self.layers.distrust(layer, why)
