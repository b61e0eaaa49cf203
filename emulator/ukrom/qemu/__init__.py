"""The runner of real machines: QEMU, the guest agent in it, and the channels between."""

from __future__ import annotations

from ukrom.qemu.command import Equipment
from ukrom.qemu.execution import Execution
from ukrom.qemu.initramfs import initramfs
from ukrom.qemu.machine import QemuMachine, Timings
from ukrom.qemu.runner import QemuRunner
from ukrom.qemu.tsc import tsc_khz

__all__ = ["Equipment", "Execution", "QemuMachine", "QemuRunner", "Timings", "initramfs", "tsc_khz"]
