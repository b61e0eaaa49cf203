"""The host's time stamp counter, which emulated guests see as theirs."""

from __future__ import annotations

import contextlib
import json
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from ukrom.errors import SettingsError

if TYPE_CHECKING:
    from ukrom.host import Cache

__all__ = ["tsc_khz"]

_TIMEOUT_S = 10.0
_SAME = 1e-3
"""Measurements that differ by less are of one counter: 20 of them lay within 0.002 %."""


def tsc_khz(agent: Path, cache: Cache) -> int | None:
    """Its frequency in kHz; None where the agent's program does not run.

    It is on the kernel's command line, so it is part of what snapshot layers depend on: it is measured
    once for each boot of the host, and a value that fits what was measured before stays as it was.

    Args:
        agent: The guest agent, which outside of a guest measures the counter, in 50 ms.
        cache: Where the frequency is kept.
    """
    boot = _boot_id()
    known = _recall(cache)
    if known is not None and known[0] == boot:
        return known[1]
    measured = _measure(agent)
    if measured is None:
        return None
    if known is not None and abs(measured - known[1]) < _SAME * measured:
        measured = known[1]
    with contextlib.suppress(SettingsError):  # a cache that cannot be written costs time only
        cache.write("qemu", "tsc.json", json.dumps({"boot": boot, "khz": measured}).encode())
    return measured


def _measure(agent: Path) -> int | None:
    try:
        done = subprocess.run([agent], capture_output=True, text=True, timeout=_TIMEOUT_S, check=True)
        return int(done.stdout)
    except (OSError, ValueError, subprocess.SubprocessError):
        return None


def _recall(cache: Cache) -> tuple[str, int] | None:
    try:
        record = json.loads((cache.root / "qemu" / "tsc.json").read_bytes())
        boot, khz = str(record["boot"]), int(record["khz"])
    except (OSError, ValueError, TypeError, KeyError, OverflowError, RecursionError):
        return None
    return (boot, khz) if khz > 0 else None


def _boot_id() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:  # other systems have no such file
        return ""
