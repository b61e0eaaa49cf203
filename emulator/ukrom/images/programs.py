"""Programs of this machine in a guest: the shell and what scripts call."""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from ukrom.errors import ImageError
from ukrom.images.libraries import host_search

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ukrom.images.rootfs import RootTree

__all__ = ["DEFAULT_PROGRAMS", "add_programs", "find_programs", "programs_key"]

DEFAULT_PROGRAMS = (
    "sh", "mount", "umount", "mkdir", "cat", "ls", "cp", "mv", "rm", "ln", "sleep", "env", "id",
    "head", "tail", "true", "uname",
)  # fmt: skip
"""What a wrapper script and a person with a shell in the guest reach for first."""

_SBIN = ("/usr/local/sbin", "/usr/sbin", "/sbin")
_KEPT_FOLDERS = frozenset({"/bin", "/sbin", "/usr/bin", "/usr/sbin"})


def find_programs(names: Iterable[str]) -> dict[str, Path]:
    """Find programs of this machine: path in the guest to path here.

    Raises:
        ImageError: One is not there.
    """
    search = os.pathsep.join((os.environ.get("PATH", os.defpath), *_SBIN))
    found = {}
    for name in names:
        host = shutil.which(name, path=search)
        if host is None:
            raise ImageError(
                f"The program {name!r} is not on this machine, so it cannot go into the image.",
                remedy="Install it, or name other programs=(...).",
            )
        folder = str(Path(host).parent)
        found[f"{folder if folder in _KEPT_FOLDERS else '/usr/bin'}/{Path(host).name}"] = Path(
            host
        ).absolute()
    return found


def programs_key(programs: dict[str, Path]) -> str:
    """Name a set of programs: changes when one is installed anew."""
    hashed = hashlib.sha256(b"programs-1")
    for guest, host in sorted(programs.items()):
        status = host.stat()
        hashed.update(f"\0{guest}\0{status.st_size}\0{status.st_mtime_ns}".encode())
    return hashed.hexdigest()


def add_programs(tree: RootTree, programs: dict[str, Path], architecture: str) -> None:
    """Put programs into a tree, each with the libraries it needs.

    Raises:
        ImageError: One cannot be read, or is a script whose interpreter does not come along.
    """
    copied: dict[Path, str] = {}
    for guest, host in sorted(programs.items()):
        same = copied.setdefault(host.resolve(), guest)
        if same == guest:
            tree.binary(host, guest)
        else:  # programs that are one file under several names, as busybox's are
            tree.hard_link(same, guest)
    tree.add_libraries(host_search(architecture))
    _check_scripts(tree, copied)


def _check_scripts(tree: RootTree, programs: dict[Path, str]) -> None:
    for host, guest in programs.items():
        words = _interpreter_line(host)
        if words and not tree.at(words[0]).exists():
            raise ImageError(
                f"The program {guest!r} is a script for {words[0]!r}, which is not in the image.",
                remedy=f"Name {Path(words[0]).name!r} in programs=(...) as well, or leave it out.",
            )


def _interpreter_line(host: Path) -> Sequence[str]:
    with host.open("rb") as stream:
        line = stream.readline(256)
    return line[2:].decode(errors="replace").split() if line.startswith(b"#!") else ()
