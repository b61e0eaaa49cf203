"""Real machines: cold boot step by step, two at once, commands, stop and delete."""

from __future__ import annotations

import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from bench.accounts import account, example
from bench.machines import start
from bench.measure import Figure, Section, durations_ms, once_ms

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pytest_ukrom.facade import Ukrom
    from pytest_ukrom.rom import Rom
    from ukrom.qemu import Timings

__all__ = ["measure"]

BOOTS = 10
PAIRS = 3
COMMANDS = 20

STEPS = {
    "ready": "Cold boot to agent ready",
    "mounted": "Cold boot to ROM mounted",
    "running": "Cold boot to running",
    "listening": "Cold boot to listening",
}
PARTS = (
    ("spawned", "ready", "kernel, its modules and the agent, up to ready"),
    ("ready", "root", "bind and mount the root file system"),
    ("root", "mounted", "clock, network, names; bind and mount the ROM"),
    ("mounted", "running", "execute the application"),
    ("running", "listening", "Python starts, imports http.server, listens"),
)


def measure() -> Section:
    """Boot the example's app again and again."""
    with account("qemu") as ukrom:
        base, rom = example(ukrom)
        vm = ukrom.emulator.vm
        assert vm is not None
        start(ukrom, base, rom, "warm-up").instance.delete()
        boots, deletes, commands = _boots(ukrom, base, rom)
        pairs = [_two_at_once(ukrom, base, rom) for _ in range(PAIRS)]
        stops, restarts = _stop_and_start(ukrom, base, rom)
    answered = statistics.median(answered for _, answered in boots)
    timings = [timing for timing, _ in boots]
    figures = [
        *(Figure(what, _reached(timings, step)) for step, what in STEPS.items()),
        Figure("Cold boot to first HTTP answer", answered, budget=10_000),
        Figure("The same, slowest of all", max(answered for _, answered in boots), budget=10_000),
        *(Figure(f"Part: {what}", _between(timings, a, b)) for a, b, what in PARTS),
        Figure("Part: first HTTP answer, once it listens", answered - _reached(timings, "listening")),
        Figure("Two at once, both answered", statistics.median(pairs)),
        Figure("Command in the guest and back (`exec(['true'])`)", statistics.median(commands)),
        Figure("Stop: application asked, machine gone", stops),
        Figure("Start of a stopped instance, to listening", restarts),
        Figure("Delete of a running instance, machine gone", statistics.median(deletes)),
    ]
    notes = (
        f"QEMU {vm.qemu.version}, {vm.accelerator.name}, guest kernel {vm.kernel.release}, 128 MiB, 1 vCPU.",
        f"Medians of {BOOTS} boots in one run, {PAIRS} of two at once; image and ROM ready in the cache.",
    )
    return Section("Machines", figures, notes)


def _boots(ukrom: Ukrom, base: str, rom: Rom) -> tuple[list[tuple[Timings, float]], list[float], list[float]]:
    boots, deletes, commands = [], [], []
    for number in range(BOOTS):
        started = start(ukrom, base, rom, f"boot-{number}")
        boots.append((started.machine.timings, started.answered_ms))
        if number == 0:
            commands = durations_ms(lambda i=started.instance: i.exec(["true"]), COMMANDS, warm_up=1)
        deletes.append(once_ms(started.instance.delete))
    return boots, deletes, commands


def _two_at_once(ukrom: Ukrom, base: str, rom: Rom) -> float:
    names = ("first", "second")
    with ThreadPoolExecutor(len(names)) as pool:
        began = time.perf_counter()
        started = list(pool.map(lambda name: start(ukrom, base, rom, name), names))
        took = (time.perf_counter() - began) * 1000
    for one in started:
        one.instance.delete()
    return took


def _stop_and_start(ukrom: Ukrom, base: str, rom: Rom) -> tuple[float, float]:
    instance = start(ukrom, base, rom, "stopped").instance
    took = [(once_ms(instance.stop), once_ms(instance.start)) for _ in range(PAIRS)]
    instance.delete()
    return statistics.median(stop for stop, _ in took), statistics.median(begin for _, begin in took)


def _reached(timings: Iterable[Timings], step: str) -> float:
    return statistics.median(getattr(timing, step) * 1000 for timing in timings)


def _between(timings: Iterable[Timings], before: str, after: str) -> float:
    return statistics.median((getattr(t, after) - getattr(t, before)) * 1000 for t in timings)
