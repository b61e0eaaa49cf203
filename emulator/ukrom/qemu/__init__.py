"""The runner of real machines: QEMU, the guest agent in it, and the channels between."""

from __future__ import annotations

from ukrom.qemu.command import Equipment
from ukrom.qemu.execution import Execution
from ukrom.qemu.initramfs import initramfs
from ukrom.qemu.layers import Layers, LayerStore
from ukrom.qemu.machine import QemuMachine, Timings
from ukrom.qemu.means import Means, StartRecord
from ukrom.qemu.runner import BOOT_S, QemuRunner
from ukrom.qemu.spares import Spares
from ukrom.qemu.tsc import tsc_khz
from ukrom.qemu.turns import Turns

__all__ = [
    "BOOT_S",
    "Equipment",
    "Execution",
    "LayerStore",
    "Layers",
    "Means",
    "QemuMachine",
    "QemuRunner",
    "Spares",
    "StartRecord",
    "Timings",
    "Turns",
    "initramfs",
    "tsc_khz",
]
