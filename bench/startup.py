"""What the plugin costs a pytest that does not use it, and one that does."""

from __future__ import annotations

import os
import re
import statistics
import subprocess
import sys
import tempfile
from importlib.metadata import entry_points
from typing import TYPE_CHECKING

from bench.measure import Figure, Section, median_ms, once_ms

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["measure"]

PAIRS = 25
IMPORTS = 15

_IMPORT = re.compile(r"^import time:\s+(\d+) \|\s+(\d+) \|( +)(\S+)$", re.MULTILINE)


def measure() -> Section:
    """Start pytest with and without the plugin in turns, in an empty folder."""
    with tempfile.TemporaryDirectory(prefix="ukrom-bench-") as folder:
        without, unused, used = _starts(folder)
        own, all_of_it = _imports(folder)
    share = statistics.median(b - a for a, b in zip(without, unused, strict=True))
    figures = [
        Figure("pytest without the plugin (`-p no:ukrom`)", statistics.median(without)),
        Figure("pytest with the plugin, unused", statistics.median(unused)),
        Figure("The plugin's own share, unused", share, budget=15),
        Figure("... of which import of its modules", all_of_it),
        Figure("... of which these modules themselves", own),
        Figure("Added by `--ukrom`: the header", used - statistics.median(unused)),
    ]
    notes = (
        f"`pytest --collect-only` in an empty folder, no other plugin, {PAIRS} pairs in turns.",
        "The share is the median of the differences.",
    )
    return Section("Start of pytest", figures, notes)


def _starts(folder: str) -> tuple[list[float], list[float], float]:
    def run(*arguments: str) -> None:
        _python(folder, "-m", "pytest", "--collect-only", *_without_others(), *arguments)

    run()
    without, unused = [], []
    for turn in range(PAIRS):
        # Who goes first takes turns too.
        order = [(without, ("-p", "no:ukrom")), (unused, ())]
        for durations, arguments in order if turn % 2 else reversed(order):
            durations.append(once_ms(lambda given=arguments: run(*given)))
    return without, unused, median_ms(lambda: run("--ukrom"), 5)


def _without_others() -> Iterator[str]:
    """Options that keep the other installed plugins out: they take longer, and vary by more."""
    for found in entry_points(group="pytest11"):
        if found.name != "ukrom":
            yield from ("-p", f"no:{found.name}")


def _imports(folder: str) -> tuple[float, float]:
    """Milliseconds for our modules alone, and with what they import that pytest has not."""
    own, everything = [], []
    for _ in range(IMPORTS):
        said = _python(folder, "-X", "importtime", "-c", "import pytest, pytest_ukrom.plugin")
        ours = [found for found in _IMPORT.findall(said) if found[3].split(".")[0] == "pytest_ukrom"]
        own.append(sum(int(alone) for alone, *_ in ours) / 1000)
        # A package's time is its own line; the plugin's contains that of the modules below it.
        everything.append(sum(int(total) for _, total, depth, _ in ours if len(depth) == 1) / 1000)
    return statistics.median(own), statistics.median(everything)


def _python(folder: str, *arguments: str) -> str:
    # Users keep bytecode, whatever the environment says in which this is measured.
    dropped = ("PYTEST", "UKROM_R", "PYTHONDONTWRITE")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(dropped)}
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode not in {0, 5}:  # 5: no tests, which is what is there
        raise RuntimeError(f"{' '.join(arguments)}:\n{done.stdout}{done.stderr}")
    return done.stderr
