"""The host's time stamp counter, which emulated guests see as theirs."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["tsc_khz"]

_TIMEOUT_S = 10.0


def tsc_khz(agent: Path) -> int | None:
    """Its frequency in kHz, measured in 50 ms; None where the agent's program does not run.

    Args:
        agent: The guest agent, which outside of a guest measures the counter.
    """
    try:
        done = subprocess.run([agent], capture_output=True, text=True, timeout=_TIMEOUT_S, check=True)
        return int(done.stdout)
    except (OSError, ValueError, subprocess.SubprocessError):
        return None
