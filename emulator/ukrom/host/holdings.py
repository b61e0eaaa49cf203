"""What the cache holds: entries by purpose, what they take on the disk, when they were last used.

    <root>/layers, trees, ...         entries by name, `<name>.lock` beside some, hidden while being written
           images/sha256/<hex>        blobs
           images/.ukrom/<kind>/<hex> records, which go with the blob that they name or are named by
           images/.ukrom/partial      blobs that are being written
           settings.json, in-use.lock

Symbolic links are entries like files: nobody follows them out of the cache. What ukrom has not made is
counted, and otherwise let be.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import stat
import time
from collections import Counter
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING

from ukrom.errors import SettingsError
from ukrom.host.cache import IN_USE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from ukrom.host.cache import Cache

__all__ = ["PURPOSES", "Fate", "Holding", "Kind", "Purpose", "Tally", "find_holdings", "holding"]

_IDLE_S = 3600.0
"""What was not written to for so long is not being written, where no lock says more."""

_HEX = "[0-9a-f]{64}"
_RECORD = re.compile(rf"sha256:({_HEX}) [0-9]+\n?")
_RECORD_MOST = 1 << 10
_HIDDEN = re.compile(r"\.(.+)\.(?:part|partial|[a-z0-9_]{8})")


class Fate(Enum):
    """What may become of the entries of a purpose."""

    LIMITED = "limited"  # has a limit of its own; may go at any time, even while VMs run from it
    UNUSED = "unused"  # may go while no emulator runs
    MEASURED = "measured"  # as above, but goes last: it takes no room, and time to measure anew
    KEPT = "kept"  # stays


class Kind(Enum):
    """What an entry is."""

    CONTENT = "content"
    LEFTOVER = "leftover"  # of a write that was interrupted
    WRITING = "writing"  # somebody may still be writing it
    LOCK = "lock"  # a lock's file without what it locks


@dataclass(frozen=True, slots=True)
class Purpose:
    """What a folder of the cache is for."""

    name: str
    """Of the folder."""
    what: str
    """What it holds, in words."""
    fate: Fate
    pattern: re.Pattern[str] = field(repr=False)
    """The names of its entries."""


_LAYERS = Purpose("layers", "snapshots of guests", Fate.LIMITED, re.compile(_HEX + r"\.layer"))
_IMAGES = Purpose("images", "images and ROMs", Fate.UNUSED, re.compile(_HEX))
_SETTINGS = Purpose("settings", "what setup was told", Fate.KEPT, re.compile(r"settings\.json"))
_OTHER = Purpose("other", "not made by ukrom", Fate.KEPT, re.compile(".+"))

PURPOSES = (
    _LAYERS,
    _IMAGES,
    Purpose("trees", "parts of Python images", Fate.UNUSED, re.compile(rf"[a-z].*-{_HEX}")),
    Purpose("initramfs", "agent and modules", Fate.UNUSED, re.compile(_HEX + r"\.cpio")),
    Purpose("accelerator", "measured: KVM or TCG", Fate.MEASURED, re.compile(r".+\.json")),
    Purpose("qemu", "measured: QEMU, clock", Fate.MEASURED, re.compile(r".+\.json")),
    Purpose("kernel", "kernels and modules", Fate.KEPT, re.compile(".+")),
    _SETTINGS,
    Purpose("budget", "claims of running VMs", Fate.KEPT, re.compile(r"[0-9].+\.json")),
    _OTHER,
)
"""All there are, those that take most room first."""


# By identity: two entries are never the same.
@dataclass(frozen=True, slots=True, eq=False)
class Holding:
    """One thing that is there, or goes, as a whole."""

    purpose: Purpose
    kind: Kind
    paths: tuple[Path, ...]
    """What it consists of, in the order in which it can be removed; the first names it."""
    used: float
    """When it was last used, as far as that is known, in seconds since the epoch."""
    blocks: Mapping[tuple[int, int], int]
    """Bytes on the disk, by device and inode: a file with several names is there once."""
    lock: Path | None = None
    """The file that is locked by whoever makes it."""

    @property
    def is_content(self) -> bool:
        """Whether it is what the cache is there for, and no remains or lock."""
        return self.kind is Kind.CONTENT

    @property
    def size(self) -> int:
        """Bytes on the disk, if it were alone."""
        return sum(self.blocks.values())


class Tally:
    """What entries take on the disk together; what several of them share counts once."""

    def __init__(self, entries: Iterable[Holding] = ()) -> None:
        self.size = 0
        """In bytes."""
        self._holders: Counter[tuple[int, int]] = Counter()
        for entry in entries:
            self.add(entry)

    def add(self, entry: Holding) -> None:
        """Count one more."""
        for file, size in entry.blocks.items():
            self.size += 0 if self._holders[file] else size
            self._holders[file] += 1

    def remove(self, entry: Holding) -> None:
        """Count one less; it must have been added."""
        for file, size in entry.blocks.items():
            self._holders[file] -= 1
            self.size -= 0 if self._holders[file] else size


def find_holdings(cache: Cache) -> list[Holding]:
    """Everything in a cache; nothing if there is none.

    Raises:
        SettingsError: It cannot be read.
    """
    folders = {purpose.name: purpose for purpose in PURPOSES if purpose not in {_SETTINGS, _OTHER}}
    found: list[Holding] = []
    strangers: dict[str, Path] = {}
    for name, path in _children(cache.root).items():
        if name in folders and _is_folder(path):
            found += _images(path) if name == _IMAGES.name else _entries(folders[name], _children(path))
        elif name != IN_USE:
            strangers[name] = path
    return [*found, *_entries(_SETTINGS, strangers)]


@contextlib.contextmanager
def holding(lock: Path | None) -> Iterator[bool]:
    """Hold the lock of an entry for a moment; gives whether it could be had, as where there is none."""
    try:
        descriptor = None if lock is None else os.open(lock, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        yield isinstance(error, FileNotFoundError)
        return
    if descriptor is None:
        yield True
        return
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
    finally:
        os.close(descriptor)


def _entries(purpose: Purpose, children: Mapping[str, Path]) -> Iterator[Holding]:
    locks = {name: path for name, path in children.items() if name == "lock" or name.endswith(".lock")}
    orphans = dict(locks)
    for name, path in children.items():
        if name in locks:
            continue
        hidden = _is_hidden(purpose, name)
        key = name[1:].rpartition(".")[0] if hidden else name.removesuffix(".layer")
        lock = children.get(f"{key}.lock")
        if hidden:
            yield _entry(purpose, _kind(path, lock), path, lock=lock)
        elif purpose.pattern.fullmatch(name):
            orphans.pop(f"{key}.lock", None)
            yield _entry(purpose, Kind.CONTENT, path, lock=lock)
        else:
            yield _entry(_OTHER, Kind.CONTENT, path)
    for path in orphans.values():
        yield _entry(purpose, Kind.LOCK, path, lock=path)


def _is_hidden(purpose: Purpose, name: str) -> bool:
    """Whether it is what ukrom writes to, before that gets its name; others hide files, too."""
    if purpose.name == "kernel" and name.startswith((".download-", ".unpacked-")):
        return True
    found = _HIDDEN.fullmatch(name)
    return found is not None and any(purpose.pattern.fullmatch(found[1] + end) for end in ("", ".layer"))


def _images(folder: Path) -> Iterator[Holding]:
    inside = _children(folder)
    blobs, kinds = _taken(inside, "sha256"), _taken(inside, ".ukrom")
    for path in _taken(kinds, "partial").values():
        yield _entry(_IMAGES, _kind(path, None), path)
    files = [path for kind in sorted(kinds) for path in _taken(kinds, kind).values()]
    records = _records(files, blobs)
    strangers = [*inside.values(), *kinds.values(), *records.pop("", ())]
    for name, path in blobs.items():
        if _IMAGES.pattern.fullmatch(name):
            yield _entry(_IMAGES, Kind.CONTENT, path, *records.pop(name, ()))
        else:
            strangers.append(path)
    for paths in records.values():
        yield _entry(_IMAGES, Kind.LEFTOVER, *paths)
    for path in strangers:
        yield _entry(_OTHER, Kind.CONTENT, path)


def _records(files: Iterable[Path], blobs: Mapping[str, Path]) -> dict[str, list[Path]]:
    """Records by the blob that they go with, or by one that is not there; none is by "".

    `layer-of` is named by a payload and names the tar layer around it, which is stored nowhere; and
    `payload-of` leads from there back. With the first alone, no image of the payload could be read, nor
    be built anew; so both go with the payload, `layer-of` first.
    """
    found: dict[str, list[Path]] = {}
    for path in files:
        named = _RECORD.fullmatch(_text(path))
        blob = "" if named is None else path.name if path.name in blobs else named[1]
        found.setdefault(blob, []).append(path)
    return found


def _text(path: Path) -> str:
    """The beginning of a file; nothing if it is none."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return ""
    try:
        return os.read(descriptor, _RECORD_MOST).decode(errors="replace")
    except OSError:  # a folder
        return ""
    finally:
        os.close(descriptor)


def _kind(path: Path, lock: Path | None) -> Kind:
    """Whether somebody still writes what is hidden: the lock says so, else the time of the last change."""
    if lock is not None:
        with holding(lock) as free:
            return Kind.LEFTOVER if free else Kind.WRITING
    changed = max((status.st_mtime for status in _statuses(path)), default=0.0)
    return Kind.LEFTOVER if changed < time.time() - _IDLE_S else Kind.WRITING


def _entry(purpose: Purpose, kind: Kind, *paths: Path, lock: Path | None = None) -> Holding:
    blocks = {
        (status.st_dev, status.st_ino): status.st_blocks * 512
        for path in paths
        for status in _statuses(path)
        if not stat.S_ISDIR(status.st_mode)
    }
    used = max((_used(status) for status in _statuses(paths[0])), default=0.0)
    return Holding(purpose, kind, paths, used, blocks, lock)


def _used(status: os.stat_result) -> float:
    # Only layers have their use noted, by the time of access. That which the system notes comes up to a
    # day late (relatime) or not at all (noatime); the time of the making is then all there is. With folders
    # it tells nothing: any listing changes it.
    return status.st_mtime if stat.S_ISDIR(status.st_mode) else max(status.st_mtime, status.st_atime)


def _statuses(path: Path) -> Iterator[os.stat_result]:
    """Of a file, or of a folder and the files in it; what vanishes meanwhile is left out."""
    with contextlib.suppress(FileNotFoundError):
        status = path.lstat()
        yield status
        if stat.S_ISDIR(status.st_mode):
            for folder, _, names in os.walk(path):
                for name in names:
                    with contextlib.suppress(FileNotFoundError):
                        yield os.lstat(f"{folder}/{name}")


def _children(folder: Path) -> dict[str, Path]:
    """What is in a folder, by name; nothing if it is not there."""
    try:
        return {path.name: path for path in sorted(folder.iterdir())}
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise SettingsError(
            f"The cache folder cannot be read: {folder}: {error.strerror or error}.",
            remedy="Give the right to read it, or set UKROM_CACHE to another folder.",
        ) from error


def _taken(children: dict[str, Path], name: str) -> dict[str, Path]:
    """Take a folder out of these, and give what is in it; nothing if it is none."""
    return _children(children.pop(name)) if name in children and _is_folder(children[name]) else {}


def _is_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()
