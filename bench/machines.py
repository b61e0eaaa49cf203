"""What the benchmarks of real machines share: start the example's app, know its parts and its end."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

if TYPE_CHECKING:
    from pytest_ukrom.facade import Ukrom
    from pytest_ukrom.instance import Instance
    from pytest_ukrom.rom import Rom
    from ukrom.qemu import QemuMachine

__all__ = ["PORT", "Started", "machine_of", "start"]

PORT = 8080


@dataclass(frozen=True, slots=True)
class Started:
    """An instance of the example that has answered once."""

    instance: Instance
    machine: QemuMachine
    answered_ms: float
    """From the call of `run` to the whole first answer."""


def start(ukrom: Ukrom, base: str, rom: Rom, name: str, memory_mb: int | None = None) -> Started:
    """Run the example's app from a cold boot to its first answer."""
    began = time.perf_counter()
    instance = ukrom.run(
        base,
        name=name,
        roms=[rom.attach("python_function.py", at="/rom")],
        port=PORT,
        memory_mb=memory_mb,
    )
    answer = instance.get("/")
    answered = (time.perf_counter() - began) * 1000
    if answer.status_code != 200 or not answer.text.startswith("Hi from"):
        raise RuntimeError(f"the example answered {answer.status_code} {answer.text!r}")
    return Started(instance, machine_of(ukrom, instance), answered)


def machine_of(ukrom: Ukrom, instance: Instance) -> QemuMachine:
    """The QEMU machine of a running instance."""
    return ukrom.emulator.machine(UUID(instance.uuid))
