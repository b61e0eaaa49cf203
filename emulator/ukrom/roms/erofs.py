"""EROFS file systems: `write` for entries, `write_directory` for a tree that lies ready on disk.

For now `mkfs.erofs` of the machine does the work; nothing outside this file knows.
The same content gives the same bytes under one version of it, whatever the machine's clock, umask,
paths and directory order.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING

from ukrom.errors import MissingTool, RomError
from ukrom.roms.entries import Device, Directory, Entry, File, Symlink
from ukrom.roms.formats import PAGE
from ukrom.roms.scratch import scratch, total_size

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

__all__ = ["write", "write_directory"]

_TOOL = "mkfs.erofs"
_TIMEOUT_S = 300.0
_OPTIONS = (
    "--quiet",
    "--all-root",
    "-x-1",  # no extended attributes: they belong to the host
    "-T0",
    "-U00000000-0000-0000-0000-000000000000",
)
_EXTRA_FOLDERS = ("/usr/sbin", "/sbin", "/usr/local/sbin", "/opt/homebrew/bin")


def write(entries: Iterable[Entry], target: Path) -> None:
    """Write a file system of `entries` (parents first) to the file `target`.

    Raises:
        MissingTool: The machine has no `mkfs.erofs`.
        RomError: A file cannot be read, or an entry is a device node.
    """
    listed = tuple(entries)
    with scratch(total_size(listed)) as folder:
        root = folder / "root"
        _make_directory(root, 0o755)
        for entry in listed:
            _stage(entry, root / entry.path)
        write_directory(root, target)


def write_directory(source: Path, target: Path) -> None:
    """Write a file system of all that is below `source`, with the modes it has there, to `target`.

    Raises:
        MissingTool: The machine has no `mkfs.erofs`.
        RomError: `mkfs.erofs` failed; its own words are in the error.
    """
    command = [_tool(), *_OPTIONS, *_block_size(), str(target.absolute()), str(source.absolute())]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, errors="replace", check=False, timeout=_TIMEOUT_S
        )
    except subprocess.TimeoutExpired as error:
        raise RomError(f"mkfs.erofs did not pack {str(source)!r} within {_TIMEOUT_S:.0f} s.") from error
    if done.returncode != 0:
        words = [line for line in done.stderr.splitlines() if line.startswith("<E>")] or [done.stderr.strip()]
        raise RomError(
            f"mkfs.erofs could not pack {str(source)!r} (exit code {done.returncode}): {' '.join(words)}"
        )
    size = target.stat().st_size
    os.truncate(target, size + -size % PAGE)


def _tool() -> str:
    path = os.pathsep.join([os.environ.get("PATH", os.defpath), *_EXTRA_FOLDERS])
    found = shutil.which(_TOOL, path=path)
    if found is None:
        raise MissingTool(
            _TOOL,
            f"Packing a ROM takes {_TOOL}, which is not on PATH.",
            remedy="Run `ukrom setup`, or install the package erofs-utils.",
        )
    return found


def _block_size() -> tuple[str, ...]:
    """Ask for 4096-byte blocks where that is not the default.

    mkfs.erofs takes the page size of the host since 1.6, which is also when it learnt the option.
    """
    return () if os.sysconf("SC_PAGE_SIZE") == PAGE else ("-b4096",)


def _stage(entry: Entry, path: Path) -> None:
    match entry:
        case Directory():
            _make_directory(path, entry.mode)
        case Symlink():
            path.symlink_to(entry.target)
        case File():
            _copy(entry, path)
        case Device():
            raise RomError(
                f"{entry.path!r} is a device node, which an EROFS ROM cannot hold.",
                remedy="Choose format 'cpio'.",
            )


def _make_directory(path: Path, mode: int) -> None:
    path.mkdir()
    path.chmod(mode)  # mkdir's own mode is cut by the umask


def _copy(entry: File, path: Path) -> None:
    if isinstance(entry.content, bytes):
        path.write_bytes(entry.content)
    else:
        try:
            shutil.copyfile(entry.content, path)
        except OSError as error:
            raise RomError(f"{str(entry.content)!r} cannot be read: {error.strerror}.") from error
    path.chmod(entry.mode)
