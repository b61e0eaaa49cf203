"""Snapshot layers: how soon an instance answers that starts from one, and what many of them take."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bench.accounts import EXAMPLE, account, example
from bench.machines import start
from bench.measure import Figure, Section
from bench.memory import rollup

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_ukrom.facade import Ukrom
    from pytest_ukrom.rom import Rom
    from ukrom.qemu import Timings

__all__ = ["measure"]

STARTS = 10
MEMORY_MB = 256
TOGETHER = (1, 2, 4, 8, 16, 32)
PLOT = Path(__file__).with_name("layers.svg")

SLOW = (
    "What is left is the application itself: Python and `http.server`, which take 0.1 s natively, emulated "
    "instruction by instruction; see the parts below."
)
COLD = (
    "QEMU's own start takes half of it; the other half is kernel code that a new QEMU has yet to translate, "
    "most of it to bind the ROM's disk."
)


@dataclass(frozen=True, slots=True)
class Started:
    """One start to the first answer."""

    timings: Timings
    answered: float
    layer: int


def measure() -> Section:
    """Start the example's app from nothing, from each layer, and in a machine that waits for it."""
    with account("qemu", layers=False) as ukrom:
        cold = _starts(ukrom, "cold")
    with account("qemu") as ukrom:
        second = _starts(ukrom, "second")
        memory = _memory_of_eight(ukrom)
        together = [_together(ukrom, count) for count in TOGETHER]
        cache = _cache(ukrom)
        _only_first(ukrom)
        first = _starts(ukrom, "first")
    with account("qemu", spares=True) as ukrom:
        spare = _starts(ukrom, "spare", prepared=True)
    _plot(together)
    whole = statistics.median(one.answered for one in cold)
    figures = [
        *_figures("Cold boot", cold, "ready"),
        *_figures("Layer 1", first, "awake"),
        *_figures("Layer 2", second, "awake", mounted=200, answered=1300, whole=whole),
        *_figures("Warm spare machine", spare, "awake", whole=whole),
        *_parts("Layer 2", second),
        *_parts("Warm spare machine", spare),
        *memory,
        *cache,
        *(
            Figure(f"{count} at once, all answered", took, budget=None)
            for count, took in zip(TOGETHER, together, strict=True)
        ),
        *_hundred(),
    ]
    notes = (
        f"Medians of {STARTS} starts in one run, {MEMORY_MB} MiB, 1 vCPU; image, ROM, layers in the cache.",
        "A warm spare machine was restored, and ran the warm commands, while the instance before was there.",
        f"From 1 to {TOGETHER[-1]} instances at once: [{PLOT.name}]({PLOT.name}).",
    )
    return Section("Snapshot layers", figures, notes)


def _starts(ukrom: Ukrom, name: str, *, prepared: bool = False) -> list[Started]:
    base, rom = example(ukrom)
    _start(ukrom, base, rom, f"{name}-warm-up")
    started = []
    for number in range(STARTS):
        if prepared:
            _await_spare(ukrom)
        started.append(_start(ukrom, base, rom, f"{name}-{number}"))
    return started


def _start(ukrom: Ukrom, base: str, rom: Rom, name: str) -> Started:
    one = start(ukrom, base, rom, name, MEMORY_MB)
    one.instance.delete()
    return Started(one.machine.timings, one.answered_ms, one.machine.layer)


def _await_spare(ukrom: Ukrom) -> None:
    spares = ukrom.emulator.means.spares
    deadline = time.monotonic() + 60
    while not spares.is_ready:
        if time.monotonic() > deadline:
            raise RuntimeError("no spare machine was prepared")
        time.sleep(0.01)  # nothing tells a benchmark, and it has nothing else to do


def _only_first(ukrom: Ukrom) -> None:
    """Have machines start from the booted kernel, as if no image could be mounted in a layer."""
    layers = ukrom.emulator.means.layers
    layers.deepest = lambda _image, memory_mb, vcpus: layers.booted(memory_mb, vcpus)


def _figures(
    what: str,
    started: Sequence[Started],
    up: str,
    *,
    mounted: float | None = None,
    answered: float | None = None,
    whole: float | None = None,
) -> list[Figure]:
    answer = statistics.median(one.answered for one in started)
    figures = [
        Figure(f"{what} to running guest", _reached(started, up)),
        Figure(f"{what} to ROM mounted", _reached(started, "mounted"), budget=mounted, if_missed=COLD),
        Figure(f"{what} to first answer", answer, budget=answered, if_missed=SLOW),
    ]
    if whole is not None:
        share = Figure(
            "... as a share of the cold boot's",
            answer / whole,
            "x",
            budget=0.25 if answered else None,
            if_missed=SLOW,
        )
        figures.append(share)
    return figures


PARTS = (
    ("spawned", "awake", "QEMU starts, its devices are restored, the guest runs"),
    ("awake", "mounted", "clock, chance, network, names; bind and mount the ROM"),
    ("mounted", "running", "execute the application"),
    ("running", "listening", "Python starts, imports http.server, listens"),
)


def _parts(what: str, started: Sequence[Started]) -> list[Figure]:
    figures = [
        Figure(f"Part of {what}: {words}", _between(started, before, after)) for before, after, words in PARTS
    ]
    rest = statistics.median(one.answered for one in started) - _reached(started, "listening")
    return [*figures, Figure(f"Part of {what}: API, gateway, first answer", rest)]


def _reached(started: Sequence[Started], step: str) -> float:
    return statistics.median(getattr(one.timings, step) * 1000 for one in started)


def _between(started: Sequence[Started], before: str, after: str) -> float:
    return statistics.median(
        (getattr(one.timings, after) - getattr(one.timings, before)) * 1000 for one in started
    )


def _memory_of_eight(ukrom: Ukrom) -> list[Figure]:
    base, rom = example(ukrom)
    eight = [start(ukrom, base, rom, f"eight-{number}", MEMORY_MB) for number in range(8)]
    used = [rollup(one.machine.pid) for one in eight]
    for one in eight:
        one.instance.delete()
    return [
        Figure(
            f"Eight of one layer: anonymous, {MEMORY_MB} MiB guests",
            sum(each["Anonymous"] for each in used),
            "MiB",
            budget=8 * 110 * 1e6 / 2**20,
        ),
        Figure(
            "Eight of one layer: resident, shared parts divided", sum(each["Pss"] for each in used), "MiB"
        ),
    ]


def _together(ukrom: Ukrom, count: int) -> float:
    """Start so many at once; milliseconds until all have answered."""
    base, rom = example(ukrom)
    names = [f"of-{count}-{number}" for number in range(count)]
    with ThreadPoolExecutor(count) as pool:
        began = time.perf_counter()
        started = list(pool.map(lambda name: start(ukrom, base, rom, name, MEMORY_MB), names))
        took = (time.perf_counter() - began) * 1000
    for one in started:
        one.instance.delete()
    return took


def _cache(ukrom: Ukrom) -> list[Figure]:
    store = ukrom.emulator.means.layers.store
    layers = store.stored()
    total = sum(layer.size for layer in layers) / 2**20
    return [
        Figure("Layers in the cache", total, "MiB", budget=store.limit / 2**20),
        Figure("... the largest", max(layer.size for layer in layers) / 2**20, "MiB"),
    ]


def _hundred() -> list[Figure]:
    """The suite of a hundred ROM tests, as a user runs it; with and without spare machines."""
    whole = str(EXAMPLE.parent / "hundred-roms")
    tests = f"{whole}/test_hundred_roms.py::test_instance_is_fresh_and_has_its_own_rom"
    twenty = [f"{tests}[{number}]" for number in range(20)]
    return [
        Figure("A hundred ROM tests, -n 2", _suite("-n", "2", whole), budget=90_000, if_missed=SLOW),
        Figure("... without spare machines", _suite("-n", "2", "--ukrom-no-spare", whole)),
        Figure("Twenty of them in one process", _suite(*twenty)),
        Figure("... without spare machines", _suite("--ukrom-no-spare", *twenty)),
    ]


def _suite(*arguments: str) -> float:
    """Run pytest; milliseconds, its start included."""
    command = [sys.executable, "-m", "pytest", "--ukrom", "--ukrom-require-vm", "-q", *arguments]
    began = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"the suite failed:\n{done.stdout[-4000:]}")
    return (time.perf_counter() - began) * 1000


def _plot(together: Sequence[float]) -> None:
    import matplotlib as mpl

    mpl.use("svg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(figsize=(6, 3.5))
    axes.plot(TOGETHER, [took / 1000 for took in together], marker="o", label="all have answered")
    axes.plot(
        TOGETHER,
        [took / 1000 / count for took, count in zip(together, TOGETHER, strict=True)],
        marker="s",
        label="per instance",
    )
    axes.set(xlabel="instances started at once", ylabel="seconds", xscale="log", yscale="log")
    axes.set_xticks(TOGETHER, [str(count) for count in TOGETHER])
    axes.grid(alpha=0.3)
    axes.legend()
    figure.tight_layout()
    figure.savefig(PLOT, metadata={"Date": None})
