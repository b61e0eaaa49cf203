"""What all benchmarks share: figures beside their budgets, medians, the machine, tables."""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

__all__ = ["Figure", "Section", "durations_ms", "elsewhere", "machine", "median_ms", "once_ms", "table"]


LONGEST_S = 240
"""No benchmark in a process of its own takes longer, unless it hangs."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured thing."""

    what: str
    value: float
    unit: str = "ms"
    budget: float | None = None
    at_least: bool = False
    """Whether the budget is the least that the value may be, not the most."""
    if_missed: str = ""
    """The known reason, told only if the budget is missed."""

    @property
    def missed(self) -> bool:
        """Whether there is a budget and the value is not within it."""
        if self.budget is None:
            return False
        return self.value < self.budget if self.at_least else self.value > self.budget

    def cells(self) -> tuple[str, str, str, str]:
        """The figure as a row of a table."""
        if self.budget is None:
            return self.what, _amount(self.value, self.unit), "", ""
        bound = ("at least " if self.at_least else "") + _amount(self.budget, self.unit)
        return self.what, _amount(self.value, self.unit), bound, "missed" if self.missed else "met"


@dataclass(frozen=True, slots=True)
class Section:
    """What one benchmark has to say."""

    title: str
    figures: Sequence[Figure]
    notes: Sequence[str] = ()

    def text(self) -> str:
        """As Markdown: a table, then why budgets were missed, then what else a reader should know."""
        head = ("What", "Measured", "Budget", "")
        reasons = [
            f"- Missed: {figure.what}. {figure.if_missed or 'The reason is not known yet.'}"
            for figure in self.figures
            if figure.missed
        ]
        points = [*reasons, *(f"- {note}" for note in self.notes)]
        parts = [f"## {self.title}"]
        if self.figures:
            parts.append(table([head, *(figure.cells() for figure in self.figures)]))
        if points:
            parts.append("\n".join(points))
        return "\n\n".join(parts)


def durations_ms(
    call: Callable[[], object], repeat: int, *, after: Callable[[], object] = lambda: None, warm_up: int = 0
) -> list[float]:
    """Call `warm_up + repeat` times and give how long each of the last `repeat` took, in milliseconds.

    Args:
        call: What is measured.
        repeat: How often.
        after: Called after each, not measured: takes away what the call made.
        warm_up: How many calls come first and do not count.
    """
    durations = []
    for turn in range(warm_up + repeat):
        took = once_ms(call)
        after()
        if turn >= warm_up:
            durations.append(took)
    return durations


def median_ms(
    call: Callable[[], object], repeat: int, *, after: Callable[[], object] = lambda: None, warm_up: int = 0
) -> float:
    """The median of `durations_ms`."""
    return statistics.median(durations_ms(call, repeat, after=after, warm_up=warm_up))


def once_ms(call: Callable[[], object]) -> float:
    """How long one call takes, in milliseconds."""
    began = time.perf_counter()
    call()
    return (time.perf_counter() - began) * 1000


def elsewhere(module: str, *arguments: str) -> Any:
    """Run a module of the benchmarks in a process of its own, and give the JSON that it prints.

    Raises:
        ModuleNotFoundError: It needs something that is not installed.
        RuntimeError: It failed.
    """
    command = [sys.executable, "-m", f"bench.{module}", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=LONGEST_S)
    if done.returncode == 0:
        return json.loads(done.stdout)
    if "ModuleNotFoundError" in done.stderr:
        raise ModuleNotFoundError(done.stderr.splitlines()[-1])
    raise RuntimeError(f"bench.{module} could not be measured:\n{done.stderr}")


def machine() -> dict[str, str]:
    """Say what the figures were measured on; no names, no paths."""
    return {
        "cores": str(os.cpu_count()),
        "cpu": _cpu_model(),
        "memory": f"{os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE') / 2**30:.0f} GiB",
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "kernel": f"{platform.system()} {platform.release()}",
        "load average before": f"{os.getloadavg()[0]:.1f}",
    }


def table(rows: Iterable[Sequence[str]]) -> str:
    """Lay out rows, the first of which is the head, as a Markdown table."""
    lines = [list(row) for row in rows]
    widths = [max(3, *(len(line[i]) for line in lines)) for i in range(len(lines[0]))]
    lines.insert(1, ["-" * width for width in widths])
    return "\n".join(
        f"| {' | '.join(cell.ljust(width) for cell, width in zip(line, widths, strict=True))} |"
        for line in lines
    )


def _amount(value: float, unit: str) -> str:
    """Three digits that mean something, and seconds where milliseconds get long."""
    if unit == "ms" and abs(value) >= 1000:
        value, unit = value / 1000, "s"
    number = f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"
    return f"{number} {unit}"


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.machine()
