"""QEMU on this machine: where it is, and whether it was built with what guests need."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ukrom.errors import MissingTool
from ukrom.host.cache import find_cache
from ukrom.host.settings import choices
from ukrom.host.tools import QEMU, find_tool, locate

if TYPE_CHECKING:
    from pathlib import Path

    from ukrom.host.cache import Cache

__all__ = ["Qemu", "find_qemu"]

# microvm describes its devices by ACPI from 5.2 on; a kernel with virtio_mmio as a module needs that.
_OLDEST = (5, 2)
_TIMEOUT_S = 20.0

_NEEDED = {
    "machine": ("microvm",),
    "netdev": ("user",),
    "device": (
        "virtio-blk-device",
        "virtio-net-device",
        "virtio-rng-device",
        "virtio-serial-device",
        "virtserialport",
    ),
}
"""What QEMU must list when asked `-<option> help`; distributions leave parts out."""


@dataclass(frozen=True, slots=True)
class Qemu:
    """A QEMU that can run guests."""

    path: Path
    version: str


def find_qemu(cache: Cache | None = None, chosen: Path | None = None) -> Qemu:
    """Find `qemu-system-x86_64` and check what it was built with; the answer is kept in the cache.

    Args:
        cache: By default that of this user.
        chosen: Where it is; by default `UKROM_QEMU`, what setup remembered, or `PATH`.

    Raises:
        MissingTool: It is not there, does not run, is too old or lacks a part.
        SettingsError: The settings cannot be read, or the cache folder cannot be written.
    """
    cache = cache or find_cache()
    path = locate(QEMU, chosen or choices(cache).qemu)
    fingerprint = _fingerprint(path)
    record = cache.root / "qemu" / "checked.json"
    try:
        known = json.loads(record.read_bytes())
        if known["of"] == fingerprint:
            return Qemu(path, known["version"])
    except (OSError, ValueError, TypeError, KeyError):
        pass
    qemu = Qemu(path, find_tool(QEMU, path).version)
    _check(qemu)
    content = {"of": fingerprint, "version": qemu.version}
    cache.write("qemu", record.name, json.dumps(content).encode())
    return qemu


def _fingerprint(path: Path) -> list[object]:
    """The program by its file, and what is asked of it: a later release may ask for more."""
    status = path.stat()
    needed = [[option, *names] for option, names in _NEEDED.items()]
    return [str(path), status.st_size, status.st_mtime_ns, needed]


def _check(qemu: Qemu) -> None:
    numbers = tuple(int(part) for part in qemu.version.split(".") if part.isdecimal())
    if numbers < _OLDEST:
        raise _lacking(qemu, f"is too old: version {qemu.version}, at least 5.2 is needed")
    for option, names in _NEEDED.items():
        listed = _ask(qemu, option)
        for name in names:
            if name not in listed:
                raise _lacking(qemu, f"{qemu.version} was built without the {option} {name}")


def _ask(qemu: Qemu, option: str) -> frozenset[str]:
    """The names that QEMU lists; some with a comma behind, some in quotes."""
    command = [str(qemu.path), f"-{option}", "help"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_TIMEOUT_S, check=True)
    except (OSError, subprocess.SubprocessError) as error:
        raise _lacking(qemu, f"does not answer `-{option} help`: {error}") from error
    return frozenset(word.strip('",') for word in done.stdout.split())


def _lacking(qemu: Qemu, what: str) -> MissingTool:
    remedy = "Install the QEMU of the distribution, or name another with `ukrom setup --qemu PATH`."
    return MissingTool(QEMU.program, f"{qemu.path} {what}.", remedy=remedy)
