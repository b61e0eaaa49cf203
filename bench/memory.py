"""What a machine takes of the host's memory."""

from __future__ import annotations

import re
from pathlib import Path

from bench.accounts import account, example
from bench.machines import start
from bench.measure import Figure, Section

__all__ = ["measure", "rollup"]

SIZES_MB = (128, 256, 512)
FIELDS = {"Rss": "resident", "Pss": "resident, shared parts divided", "Anonymous": "anonymous"}


def measure() -> Section:
    """Look at QEMU's memory after the first answer of the example's app."""
    figures = []
    with account("qemu") as ukrom:
        base, rom = example(ukrom)
        for size in SIZES_MB:
            started = start(ukrom, base, rom, f"memory-{size}", size)
            used = rollup(started.machine.pid)
            figures += [Figure(f"{size} MiB guest: {what}", used[key], "MiB") for key, what in FIELDS.items()]
            figures.append(Figure(f"{size} MiB guest: peak resident", _peak(started.machine.pid), "MiB"))
            started.instance.delete()
    return Section("Memory of a machine", figures, ("QEMU's process, after the first HTTP answer.",))


def rollup(pid: int | None) -> dict[str, float]:
    """What a process takes, by kind, in MiB."""
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return {key: int(size) / 1024 for key, size in re.findall(r"^(\w+): +(\d+) kB$", text, re.MULTILINE)}


def _peak(pid: int | None) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    found = re.search(r"^VmHWM:\s+(\d+) kB$", status, re.MULTILINE)
    assert found is not None
    return int(found[1]) / 1024
