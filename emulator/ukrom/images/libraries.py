"""Finds shared libraries as the dynamic loader does, on this machine or in a tree made for a guest.

Every file is tracked under two paths, where it is (`host`) and where it will be (`guest`), since a
library found by a path relative to its user (`$ORIGIN`) must stay in that relation.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import posixpath
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from ukrom.images.elf import Elf, read_elf

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

__all__ = ["Binary", "LibrarySearch", "host_libraries_key", "host_search"]

_TIMEOUT_S = 60.0
_SYSTEM = (
    "/lib/{triplet}",
    "/usr/lib/{triplet}",
    "/lib64",
    "/usr/lib64",
    "/lib",
    "/usr/lib",
    "/usr/local/lib",
)
_TRIPLETS = MappingProxyType({"x86_64": "x86_64-linux-gnu", "arm64": "aarch64-linux-gnu"})
_CACHE = "/etc/ld.so.cache"
_CACHE_LINE = re.compile(r"\s*(?P<name>\S+) \(.*\) => (?P<path>/\S.*)")


@dataclass(frozen=True, slots=True)
class Binary:
    """An ELF file, where it is and where the guest will have it."""

    host: Path
    guest: str
    elf: Elf

    @classmethod
    def read(cls, host: Path, guest: str) -> Binary | None:
        """Read a file; None if it is not ELF.

        Raises:
            ImageError: It cannot be read, or is damaged.
        """
        elf = read_elf(host)
        return None if elf is None else cls(host, guest, elf)


@dataclass(frozen=True, slots=True)
class LibrarySearch:
    """Where libraries are looked for.

    Args:
        root: The root of the file system that is searched.
        system: Folders that the loader searches by itself, in order.
        cached: What the loader's cache says: paths by library name.
    """

    root: Path
    system: tuple[str, ...]
    cached: Mapping[str, tuple[str, ...]]

    def needs(self, binary: Binary, users: Sequence[Binary] = ()) -> Iterator[tuple[str, Binary | None]]:
        """Give each library that a file itself names, with None for one that is nowhere.

        Args:
            binary: The file.
            users: Who loads it, nearest first; the last is the program. Their `DT_RPATH` counts.
        """
        for name in binary.elf.needed:
            yield name, next(self._candidates(name, binary, users), None)

    def closure(self, binary: Binary, users: Sequence[Binary] = ()) -> tuple[dict[str, Binary], set[str]]:
        """Find all libraries of a file and theirs: by guest path, and the names of those not found."""
        found: dict[str, Binary] = {}
        missing: set[str] = set()
        waiting: list[tuple[Binary, tuple[Binary, ...]]] = [(binary, tuple(users))]
        while waiting:
            user, chain = waiting.pop()
            for name, library in self.needs(user, chain):
                if library is None:
                    missing.add(name)
                elif library.guest not in found:
                    found[library.guest] = library
                    waiting.append((library, (user, *chain)))
        return found, missing

    def named(self, name: str, like: Elf) -> Binary | None:
        """Find a library by name alone, as `dlopen` does."""
        return next(self._candidates(name, Binary(self.root, "/", Elf(like.architecture, None)), ()), None)

    def _candidates(self, name: str, binary: Binary, users: Sequence[Binary]) -> Iterator[Binary]:
        for host, guest in self._places(name, binary, users):
            if host.is_file():
                found = Binary.read(host, guest)
                if found is not None and found.elf.architecture == binary.elf.architecture:
                    yield found

    def _places(self, name: str, binary: Binary, users: Sequence[Binary]) -> Iterator[tuple[Path, str]]:
        if "/" in name:
            yield self._at(name), name
            return
        if binary.elf.runpath:
            folders = [(binary, folder) for folder in binary.elf.runpath]
        else:
            folders = [(user, folder) for user in (binary, *users) for folder in user.elf.rpath]
        for user, folder in folders:
            host = _expand(folder, str(user.host.parent))
            guest = posixpath.normpath(_expand(folder, posixpath.dirname(user.guest)))
            yield (self._at(host) if host == folder else Path(host)) / name, f"{guest}/{name}"
        for path in (*self.cached.get(name, ()), *(f"{folder}/{name}" for folder in self.system)):
            yield self._at(path), path

    def _at(self, path: str) -> Path:
        return self.root / path.lstrip("/")


def host_search(architecture: str) -> LibrarySearch:
    """Search this machine, with its loader's cache if it has one (musl has none)."""
    return LibrarySearch(Path("/"), _system_folders(architecture), _read_cache())


def host_libraries_key(architecture: str) -> str:
    """Name the state of this machine's libraries: changes when one is installed, upgraded or removed.

    Trees with copies of different states must not be mixed: a library needs the C library it was
    built with, or a newer one.
    """
    hashed = hashlib.sha256()
    for place in (_CACHE, *_system_folders(architecture)):
        with contextlib.suppress(FileNotFoundError):
            hashed.update(f"{place}\0{os.stat(place).st_mtime_ns}\0".encode())  # noqa: PTH116
    return hashed.hexdigest()


def _system_folders(architecture: str) -> tuple[str, ...]:
    triplet = _TRIPLETS.get(architecture, architecture)
    return tuple(place.format(triplet=triplet) for place in _SYSTEM)


def _read_cache() -> dict[str, tuple[str, ...]]:
    tool = shutil.which("ldconfig") or shutil.which("ldconfig", path="/sbin:/usr/sbin")
    if tool is None:
        return {}
    done = subprocess.run(
        [tool, "-p"], capture_output=True, text=True, errors="replace", check=False, timeout=_TIMEOUT_S
    )
    cached: dict[str, tuple[str, ...]] = {}
    for line in done.stdout.splitlines():
        if match := _CACHE_LINE.fullmatch(line):
            cached[match["name"]] = (*cached.get(match["name"], ()), match["path"])
    return cached


def _expand(folder: str, origin: str) -> str:
    return folder.replace("${ORIGIN}", origin).replace("$ORIGIN", origin)
