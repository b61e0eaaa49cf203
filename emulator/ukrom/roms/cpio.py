"""CPIO archives in the `newc` flavour, for ROMs and for the initramfs of the guest.

The same entries in the same order give the same bytes: all is owned by root, times are zero, inode
numbers count up. Names begin with `./`, as the platform's own builders write them (images and
clients, section 1.7).
"""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING, BinaryIO

from ukrom.errors import RomError
from ukrom.roms.entries import Device, Directory, Entry, File, Symlink, checked_path

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

__all__ = ["write"]

_MAGIC = b"070701"
_END = "TRAILER!!!"
_LARGEST_FILE = 0xFFFF_FFFF
"""In bytes: the size field is eight hexadecimal digits."""
_CHUNK = 1 << 20


def write(entries: Iterable[Entry], stream: BinaryIO) -> None:
    """Write an archive to `stream`, entries in the order given; missing parents are put before them.

    Raises:
        RomError: A path is broken or occurs twice, or a file cannot be read or is 4 GiB or larger.
    """
    archive = _Archive(stream)
    for entry in entries:
        archive.add(entry)
    archive.end()


class _Archive:
    """An archive that is being written."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._inode = 0
        self._seen: set[str] = set()

    def add(self, entry: Entry) -> None:
        """Write one entry."""
        path = checked_path(entry.path)
        if path in self._seen:
            raise RomError(f"{path!r} is in the archive twice.", remedy="Name every path once.")
        self._add_parents(path)
        self._seen.add(path)
        match entry:
            case Directory():
                self._header(path, stat.S_IFDIR | entry.mode, links=2)
            case Symlink():
                target = os.fsencode(entry.target)
                self._header(path, stat.S_IFLNK | 0o777, size=len(target))
                self._data(target)
            case Device():
                kind = stat.S_IFBLK if entry.kind == "block" else stat.S_IFCHR
                self._header(path, kind | entry.mode, device=(entry.major, entry.minor))
            case File():
                self._file(path, entry)

    def end(self) -> None:
        """Write the trailer."""
        self._inode = -1  # the trailer has inode 0
        self._header(_END, 0, prefix="")

    def _add_parents(self, path: str) -> None:
        parent = path.rpartition("/")[0]
        if parent and parent not in self._seen:
            self.add(Directory(parent))

    def _file(self, path: str, entry: File) -> None:
        if isinstance(entry.content, bytes):
            self._header(path, stat.S_IFREG | entry.mode, size=len(entry.content))
            self._data(entry.content)
            return
        try:
            self._host_file(path, entry.mode, entry.content)
        except OSError as error:
            raise RomError(f"{str(entry.content)!r} cannot be read: {error.strerror}.") from error

    def _host_file(self, path: str, mode: int, host: Path) -> None:
        with host.open("rb") as source:
            size = os.fstat(source.fileno()).st_size
            self._header(path, stat.S_IFREG | mode, size=size)
            left = size
            while left and (chunk := source.read(min(_CHUNK, left))):
                self._stream.write(chunk)
                left -= len(chunk)
            if left or source.read(1):
                raise RomError(f"{str(host)!r} changed while it was packed.", remedy="Pack it again.")
        self._pad(size)

    def _header(
        self,
        path: str,
        mode: int,
        *,
        size: int = 0,
        links: int = 1,
        device: tuple[int, int] = (0, 0),
        prefix: str = "./",
    ) -> None:
        if size > _LARGEST_FILE:
            raise RomError(
                f"{path!r} is too large for a CPIO archive (4 GiB).", remedy="Choose format 'erofs'."
            )
        self._inode += 1
        name = os.fsencode(prefix + path) + b"\0"
        fields = (self._inode, mode, links, 0, 0, 0, size, 0, 0, *device, len(name), 0)
        header = _MAGIC + b"".join(b"%08X" % field for field in fields) + name
        self._stream.write(header)
        self._pad(len(header))

    def _data(self, data: bytes) -> None:
        self._stream.write(data)
        self._pad(len(data))

    def _pad(self, written: int) -> None:
        self._stream.write(bytes(-written % 4))
