"""Turns what a user has (a directory, a mapping, a list of files) into entries of a ROM."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Protocol, TypeAlias

from ukrom.errors import RomError
from ukrom.roms.entries import Directory, Entry, File, Symlink, checked_path, content_mode, file_mode

__all__ = ["NamedBytes", "Source", "collect"]


class NamedBytes(Protocol):
    """A file given as path and content, such as the cloud's `InlineFile`."""

    @property
    def path(self) -> str:
        """Where in the ROM; a leading slash does not matter."""

    @property
    def data(self) -> bytes:
        """The content."""


Source: TypeAlias = str | os.PathLike[str] | Mapping[str, str | bytes | Path] | Iterable[NamedBytes]
"""A directory, a mapping of paths in the ROM to text, bytes or host paths, or a list of files."""

_KINDS = {
    stat.S_IFSOCK: "a socket",
    stat.S_IFIFO: "a pipe",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def collect(source: Source) -> list[Entry]:
    """List what a ROM made of `source` holds, parents first, in an order that names alone settle.

    Symbolic links inside a directory are kept, wherever they point, and never followed.

    Raises:
        RomError: There is nothing in it, something cannot be read, or a path is broken.
    """
    tree = _Tree()
    if isinstance(source, (str, os.PathLike)):
        if str(source) == "":
            raise RomError("The path of the ROM directory is empty.", remedy="Name a directory.")
        root = Path(source)
        tree.add_directory(root, "")
        where = f"The ROM directory {str(root)!r} is empty."
    elif isinstance(source, Mapping):
        for path, content in source.items():
            tree.add_content(checked_path(path), content)
        where = "A ROM was asked for with no files."
    else:
        for path, data in _named(source):
            tree.add(File(checked_path(path), data, content_mode(data)))
        where = "A ROM was asked for with no files."
    entries = tree.sorted()
    if not entries:
        raise RomError(where, remedy="Put at least one file into it; a ROM cannot be empty.")
    return entries


def _named(source: Iterable[NamedBytes]) -> list[tuple[str, bytes]]:
    try:
        return [(file.path, file.data) for file in source]
    except (TypeError, AttributeError) as error:
        raise RomError(
            f"A ROM cannot be made of a {type(source).__name__}: {error}.",
            remedy="Give a directory, a mapping of paths to content, or files with path and data.",
        ) from error


class _Tree:
    """Entries by path, with every parent directory in place."""

    def __init__(self) -> None:
        self._entries: dict[str, Entry] = {}

    def sorted(self) -> list[Entry]:
        """All entries; a directory comes before what it holds."""
        return [self._entries[path] for path in sorted(self._entries, key=_sort_key)]

    def add(self, entry: Entry) -> None:
        """Take an entry; directories may be named more than once, nothing else may."""
        found = self._entries.get(entry.path)
        if found is None:
            self._add_parents(entry.path)
            self._entries[entry.path] = entry
        elif not (isinstance(found, Directory) and isinstance(entry, Directory)):
            raise RomError(f"{entry.path!r} is given twice.", remedy="Name every path once.")

    def add_content(self, path: str, content: str | bytes | Path) -> None:
        """Take a value of a mapping: text, bytes, or a file or directory of this machine."""
        if isinstance(content, str):
            content = content.encode()
        if isinstance(content, (bytes, bytearray, memoryview)):
            data = bytes(content)
            self.add(File(path, data, content_mode(data)))
        elif isinstance(content, os.PathLike):
            self._add_host_path(path, Path(content))
        else:
            raise RomError(
                f"The content of {path!r} is a {type(content).__name__}.",
                remedy="Give text (str), bytes, or the pathlib.Path of a file or directory.",
            )

    def add_directory(self, root: Path, prefix: str) -> None:
        """Take all that a directory of this machine holds; the directory's own name is of no matter."""
        try:
            with os.scandir(root) as found:
                children = sorted(found, key=lambda child: child.name)
            for child in children:
                self._add_child(child, f"{prefix}/{child.name}".removeprefix("/"))
        except NotADirectoryError:
            raise RomError(
                f"{str(root)!r} is no directory.",
                remedy="Give the directory whose content the ROM shall hold.",
            ) from None
        except FileNotFoundError as error:
            raise RomError(
                f"The ROM directory {str(error.filename)!r} does not exist.",
                remedy=f"Relative paths start at {str(Path.cwd())!r}.",
            ) from None
        except OSError as error:
            raise RomError(f"{str(error.filename or root)!r} cannot be read: {error.strerror}.") from error

    def _add_child(self, child: os.DirEntry[str], path: str) -> None:
        checked_path(path)
        if child.is_symlink():
            self.add(Symlink(path, str(Path(child.path).readlink())))
        elif child.is_dir(follow_symlinks=False):
            self.add(Directory(path))
            self.add_directory(Path(child.path), path)
        else:
            self._add_file(path, Path(child.path), child.stat(follow_symlinks=False).st_mode)

    def _add_host_path(self, path: str, host: Path) -> None:
        try:
            mode = host.stat().st_mode
        except OSError as error:
            raise RomError(f"{str(host)!r}, meant for {path!r}, cannot be read: {error.strerror}.") from error
        if stat.S_ISDIR(mode):
            self.add(Directory(path))
            self.add_directory(host, path)
        else:
            self._add_file(path, host, mode)

    def _add_file(self, path: str, host: Path, mode: int) -> None:
        if not stat.S_ISREG(mode):
            kind = _KINDS.get(stat.S_IFMT(mode), "something special")
            raise RomError(
                f"{str(host)!r} is {kind}; only files, directories and symbolic links can be packed.",
                remedy="Move it out of the directory.",
            )
        self.add(File(path, host, file_mode(mode)))

    def _add_parents(self, path: str) -> None:
        parent = path.rpartition("/")[0]
        if parent == "":
            return
        found = self._entries.get(parent)
        if found is None:
            self.add(Directory(parent))
        elif not isinstance(found, Directory):
            raise RomError(
                f"{path!r} needs a directory {parent!r}, but that is a file there.",
                remedy="Rename one of them.",
            )


def _sort_key(path: str) -> list[bytes]:
    return [os.fsencode(name) for name in path.split("/")]
