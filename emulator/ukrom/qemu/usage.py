"""What a QEMU process has used, as the host's kernel counts it."""

from __future__ import annotations

import os
from pathlib import Path

from ukrom.cloud.ports import Usage

__all__ = ["usage_of"]


def usage_of(pid: int) -> Usage:
    """Read memory and processor time of a process; nothing of one that is gone.

    Traffic is not counted: QEMU's user network tells nothing about it.
    """
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return Usage()
    # Fields 14 and 15 of proc(5) are times in ticks, field 24 is resident pages; the first two are cut off.
    ticks = int(fields[11]) + int(fields[12])
    return Usage(
        rss_bytes=int(fields[21]) * os.sysconf("SC_PAGE_SIZE"),
        cpu_time_ms=ticks * 1000 // os.sysconf("SC_CLK_TCK"),
    )
