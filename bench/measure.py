"""What all benchmarks share: a median, the machine it was measured on, a table."""

from __future__ import annotations

import os
import platform
import statistics
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

__all__ = ["machine", "median_ms", "table"]


def median_ms(call: Callable[[], object], repeat: int) -> float:
    """Call `repeat` times and give the median duration of one call, in milliseconds."""
    durations = []
    for _ in range(repeat):
        begin = time.perf_counter()
        call()
        durations.append(time.perf_counter() - begin)
    return statistics.median(durations) * 1000


def machine() -> dict[str, str]:
    """Say what the figures were measured on."""
    return {
        "cores": str(os.cpu_count()),
        "cpu": _cpu_model(),
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "kernel": f"{platform.system()} {platform.release()}",
    }


def table(rows: Iterable[Sequence[object]]) -> str:
    """Lay out rows, the first of which is the head, as a Markdown table."""
    lines = [[_cell(value) for value in row] for row in rows]
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    lines.insert(1, ["-" * width for width in widths])
    return "\n".join(
        f"| {' | '.join(c.ljust(w) for c, w in zip(line, widths, strict=True))} |" for line in lines
    )


def _cell(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.0f}" if value >= 100 else f"{value:.3g}"
    return str(value)


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.machine()
