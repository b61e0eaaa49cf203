"""Real machines: cold boot step by step, two at once, commands, stop and delete."""

from __future__ import annotations

import os
import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bench.accounts import account, example
from bench.machines import start
from bench.measure import Figure, Section, median_ms, once_ms

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pytest_ukrom.facade import Ukrom
    from pytest_ukrom.rom import Rom
    from ukrom.qemu import Timings

__all__ = ["measure"]

BOOTS = 10
PAIRS = 3
COMMANDS = 5

SLOWEST = (
    "A boot needs one core for as long as QEMU's CPU time below says; "
    "what is beyond that was spent waiting for a core that other programs had."
)

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


@dataclass(frozen=True, slots=True)
class Boot:
    """One cold boot to the first answer, and the end of it."""

    timings: Timings
    answered: float
    worked: float
    """CPU time of QEMU up to the answer: what else runs on the host is not in it."""
    deleted: float


def measure() -> Section:
    """Boot the example's app again and again."""
    with account("qemu", layers=False) as ukrom:
        base, rom = example(ukrom)
        vm = ukrom.emulator.vm
        assert vm is not None
        start(ukrom, base, rom, "warm-up").instance.delete()
        boots = [_boot(ukrom, base, rom, f"boot-{number}") for number in range(BOOTS)]
        pairs = [_two_at_once(ukrom, base, rom) for _ in range(PAIRS)]
        others = [*_in_one_machine(ukrom, base, rom)]
    answers = [boot.answered for boot in boots]
    answered, timings = statistics.median(answers), [boot.timings for boot in boots]
    figures = [
        *(Figure(what, _reached(timings, step)) for step, what in STEPS.items()),
        Figure("Cold boot to first HTTP answer", answered, budget=10_000),
        Figure("The same, slowest of all", max(answers), budget=10_000, if_missed=SLOWEST),
        Figure("The same, CPU time of QEMU", statistics.median(boot.worked for boot in boots)),
        *(Figure(f"Part: {what}", _between(timings, a, b)) for a, b, what in PARTS),
        Figure("Part: first HTTP answer, once it listens", answered - _reached(timings, "listening")),
        Figure("Two at once, both answered", statistics.median(pairs)),
        Figure("Delete of a running instance, machine gone", statistics.median(b.deleted for b in boots)),
        *others,
    ]
    notes = (
        f"QEMU {vm.qemu.version}, {vm.accelerator.name}, guest kernel {vm.kernel.release}, 128 MiB, 1 vCPU.",
        f"Medians of {BOOTS} boots in one run, {PAIRS} of two at once; image and ROM ready in the cache.",
    )
    return Section("Machines", figures, notes)


def _boot(ukrom: Ukrom, base: str, rom: Rom, name: str) -> Boot:
    started = start(ukrom, base, rom, name)
    worked = _cpu_ms(started.machine.pid)
    return Boot(started.machine.timings, started.answered_ms, worked, once_ms(started.instance.delete))


def _cpu_ms(pid: int | None) -> float:
    """CPU time of a process so far, user and system."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * 1000 / os.sysconf("SC_CLK_TCK")


def _in_one_machine(ukrom: Ukrom, base: str, rom: Rom) -> Iterator[Figure]:
    """Commands, which tell what the app's start consists of, then stops and starts."""
    instance = start(ukrom, base, rom, "commands").instance

    def run(*argv: str) -> None:
        done = instance.exec(argv)
        if done.exit_code:
            raise RuntimeError(f"{argv} failed in the guest ({done.exit_code}): {done.errors}")

    def takes(*argv: str) -> float:
        return median_ms(lambda: run(*argv), COMMANDS, warm_up=1)

    yield Figure("Command in the guest and back (`sh -c :`)", takes("sh", "-c", ":"))
    yield Figure("... Python that does nothing, from a warm cache", takes("python3", "-c", ""))
    yield Figure("... Python that imports http.server", takes("python3", "-c", "import http.server"))
    ends = [(once_ms(instance.stop), once_ms(instance.start)) for _ in range(PAIRS)]
    yield Figure("Stop: application asked, machine gone", statistics.median(stop for stop, _ in ends))
    yield Figure("Start of a stopped instance, to listening", statistics.median(again for _, again in ends))
    instance.delete()


def _two_at_once(ukrom: Ukrom, base: str, rom: Rom) -> float:
    names = ("first", "second")
    with ThreadPoolExecutor(len(names)) as pool:
        began = time.perf_counter()
        started = list(pool.map(lambda name: start(ukrom, base, rom, name), names))
        took = (time.perf_counter() - began) * 1000
    for one in started:
        one.instance.delete()
    return took


def _reached(timings: Iterable[Timings], step: str) -> float:
    return statistics.median(getattr(timing, step) * 1000 for timing in timings)


def _between(timings: Iterable[Timings], before: str, after: str) -> float:
    return statistics.median((getattr(t, after) - getattr(t, before)) * 1000 for t in timings)
