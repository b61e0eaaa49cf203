"""What this machine has for VMs: memory that is free and allowed to us, and processors."""

from __future__ import annotations

import contextlib
import os
import re
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from ukrom.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["capacity"]

_SHARE = 0.8
"""Of the memory that is free before any VM runs; the rest is for QEMU itself, the tests and all else."""


def capacity(
    accelerator: str, *, cores: int | None = None, memory_mb: int | None = None, held_mb: int = 0
) -> dict[str, int]:
    """What this machine has for VMs, by resource.

    `memory` is 80 % of what is free or held by VMs, in MiB, or what `UKROM_BUDGET_MB` says. `starts` is
    how many may start at a time: one for each core that we may use, under KVM two. `cold` is how many of
    these may boot cold: under emulation one, since each takes all that a core has, and its deadline runs.

    Args:
        accelerator: `kvm` or `tcg`.
        cores: Instead of those of this machine that we may use.
        memory_mb: MiB, instead of what is free on this machine and allowed to us, whatever is held of it.
        held_mb: MiB that claims of running VMs hold. A budget counts these claims, so what their VMs take
            counts as free: up to all the memory of this machine, and what is allowed to us.

    Raises:
        SettingsError: `UKROM_BUDGET_MB` is no positive number.
    """
    cores = len(os.sched_getaffinity(0)) if cores is None else cores
    kvm = accelerator == "kvm"
    starts = 2 * cores if kvm else cores
    return {"memory": _memory_mb(memory_mb, held_mb), "starts": starts, "cold": starts if kvm else 1}


def _memory_mb(offered: int | None, held_mb: int) -> int:
    if not (named := os.environ.get("UKROM_BUDGET_MB")):
        return max(1, int(_SHARE * (_offered_mb(held_mb) if offered is None else offered)))
    if not (named.isascii() and named.isdecimal() and int(named) > 0):
        message = f"UKROM_BUDGET_MB is {named!r}, which is no positive number of MiB."
        raise SettingsError(message, remedy="Set it to 4096, for example.")
    return int(named)


def _offered_mb(held_mb: int, root: Path = Path("/")) -> int:
    meminfo = root / "proc/meminfo"
    free = _told("MemAvailable", meminfo) + (held_mb << 20)
    return min(free, _told("MemTotal", meminfo), *_limits(root)) >> 20


def _told(name: str, meminfo: Path) -> int:
    """Bytes that the kernel counts under a name; where it does not tell, all that there are."""
    with contextlib.suppress(OSError):
        if found := re.search(rf"^{name}:\s*(\d+) kB$", meminfo.read_text(), re.MULTILINE):
            return int(found[1]) << 10
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _limits(root: Path) -> Iterator[int]:
    """Bytes that our control group may have, and each above it, in version 2 or 1."""
    try:
        groups = (root / "proc/self/cgroup").read_text().splitlines()
    except OSError:
        return
    for group in groups:
        _, controllers, path = group.split(":", 2)
        if not controllers:
            yield from _limits_above(root / "sys/fs/cgroup", path, "memory.max")
        elif "memory" in controllers.split(","):
            yield from _limits_above(root / "sys/fs/cgroup/memory", path, "memory.limit_in_bytes")


def _limits_above(base: Path, path: str, file: str) -> Iterator[int]:
    # In a container the path may be the host's, of which only the root is to be seen here.
    here = PurePosixPath(path.lstrip("/"))
    for folder in (here, *here.parents):
        with contextlib.suppress(OSError, ValueError):  # without a limit: no file, or "max"
            yield int((base / folder / file).read_text())
