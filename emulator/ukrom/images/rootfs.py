"""A root file system in the making: a folder that collects files of this machine for a guest."""

from __future__ import annotations

import os
import posixpath
import shutil
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from ukrom import roms
from ukrom.errors import ImageError
from ukrom.images.libraries import Binary
from ukrom.images.rootview import RootView

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ukrom.images.libraries import LibrarySearch

__all__ = ["RootTree"]

_MERGED = MappingProxyType(
    {"bin": "usr/bin", "sbin": "usr/sbin", "lib": "usr/lib", "lib64": "usr/lib64"},
)
"""Every tree is usr-merged; a library of a host that is not finds its place all the same."""

_FOLDERS = ("dev", "etc", "home", "mnt", "opt", "proc", "rom", "root", "run", "src", "sys", "uk", "var")
_OPEN_FOLDERS = ("tmp", "var/tmp")

_ETC = MappingProxyType(
    {
        "passwd": "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/usr/sbin/nologin\n",
        "group": "root:x:0:\ntty:x:5:\nnogroup:x:65534:\n",
        # The agent writes the guest's own name at boot; `getfqdn` must find an answer before that, too.
        "hosts": "127.0.0.1 localhost\n::1 localhost ip6-localhost\n",
        "nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
    }
)

_DLOPENED = ("libgcc_s.so.1", "libnss_files.so.2", "libnss_dns.so.2")
"""Loaded by the C library itself, when threads end and when names are looked up; nothing names them."""

_LIBC_NAMES = ("libc.so.6", "libc.musl-x86_64.so.1", "libc.musl-aarch64.so.1")


class RootTree(RootView):
    """A root file system below a folder of this machine.

    Modes are set as given, whatever the umask. Paths of the guest are absolute; links in the tree are
    followed inside the tree only.

    Args:
        folder: Made if it is not there.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._binaries: list[tuple[Binary, tuple[Binary, ...]]] = []
        _make(folder)
        for name, target in _MERGED.items():
            self.directory(f"/{target}")
            if not (folder / name).is_symlink():
                (folder / name).symlink_to(target)

    def furnish(self) -> None:
        """Add what every guest expects: empty folders to mount on, and the files of `/etc`."""
        for name in _FOLDERS:
            self.directory(f"/{name}")
        for name in _OPEN_FOLDERS:
            self.directory(f"/{name}", 0o1777)
        for name, text in _ETC.items():
            self.write(f"/etc/{name}", text.encode())
        self.link("/etc/mtab", "../proc/self/mounts")

    def directory(self, guest: str, mode: int = 0o755) -> None:
        """Make a folder and all above it."""
        _make(self._ready(guest, folder=True))
        self.at(guest).chmod(mode)

    def write(self, guest: str, data: bytes, mode: int = 0o644) -> None:
        """Write a file; one that is there is replaced."""
        path = self._ready(guest)
        path.write_bytes(data)
        path.chmod(mode)

    def copy(self, host: Path, guest: str, mode: int = 0o644) -> None:
        """Copy the content of a file of this machine.

        Raises:
            ImageError: It cannot be read.
        """
        path = self._ready(guest)
        try:
            shutil.copyfile(host, path)
        except OSError as error:
            raise ImageError(f"{str(host)!r} cannot be read: {error.strerror}.") from error
        path.chmod(mode)

    def link(self, guest: str, target: str) -> None:
        """Make a symbolic link; what is there is replaced."""
        self._ready(guest).symlink_to(target)

    def hard_link(self, guest: str, other: str) -> None:
        """Give a file of the tree another name."""
        path = self._ready(other)
        path.hardlink_to(self.at(guest))

    def binary(
        self, host: Path, guest: str, mode: int = 0o755, *, users: Sequence[Binary] = ()
    ) -> Binary | None:
        """Copy a file and, if it is ELF, remember to add its libraries.

        Args:
            host: The file on this machine.
            guest: Where the guest has it.
            mode: Its permission bits.
            users: Who will load it, if it is a library.

        Raises:
            ImageError: It cannot be read, or is a damaged ELF file.
        """
        self.copy(host, guest, mode)
        found = Binary.read(host, guest)
        if found is not None:
            self._binaries.append((found, tuple(users)))
        return found

    def add_libraries(self, search: LibrarySearch) -> None:
        """Add loaders and libraries of all binaries so far, at paths where the guest's loader looks.

        Libraries that this machine lacks as well are left out; what needs them fails there, too.
        """
        found: dict[str, Binary] = {}
        for binary, users in self._binaries:
            found |= search.closure(binary, users)[0]
            if binary.elf.interpreter is not None:
                self._add_loader(binary.elf.interpreter)
        if self._binaries:
            like = self._binaries[0][0].elf
            extra = [library for name in _DLOPENED if (library := search.named(name, like)) is not None]
            found |= {library.guest: library for library in extra}
        for library in found.values():
            if not self.at(library.guest).exists():
                self.copy(library.host, library.guest, 0o755)
        self._link_foreign(found)
        self._binaries.clear()

    def merge(self, other: Path) -> None:
        """Add another tree's content by hard links; what is here already stays, but for links."""
        for folder, names, files in os.walk(other):
            here = self.folder / Path(folder).relative_to(other)
            if not here.exists():
                _make(here)
                here.chmod(os.stat(folder).st_mode & 0o7777)  # noqa: PTH116
            links = [name for name in names if os.path.islink(os.path.join(folder, name))]  # noqa: PTH114, PTH118
            for name in (*links, *files):
                _merge_file(f"{folder}/{name}", f"{here}/{name}")

    def pack(self, target: Path) -> None:
        """Write the tree to an EROFS file system.

        Raises:
            MissingTool: The machine lacks `mkfs.erofs`.
            RomError: `mkfs.erofs` failed.
        """
        roms.erofs.write_directory(self.folder, target)

    def _add_loader(self, interpreter: str) -> None:
        if not self.at(interpreter).exists():
            self.copy(Path(interpreter), interpreter, 0o755)

    def _link_foreign(self, found: dict[str, Binary]) -> None:
        """Link libraries of unusual folders to where the C library is: the guest has no loader's cache."""
        system = next((posixpath.dirname(p) for p in found if posixpath.basename(p) in _LIBC_NAMES), None)
        if system is None:
            return
        for guest in sorted(found):
            usual = f"{system}/{posixpath.basename(guest)}"
            if not self.at(usual).exists() and not self.at(usual).is_symlink():
                # Relative, so that the tree also makes sense before it is anybody's root.
                self.link(usual, os.path.relpath(self.at(guest), self.at(usual).parent))

    def _ready(self, guest: str, *, folder: bool = False) -> Path:
        """Make a path ready to be written to: parents there, the old file gone."""
        path = self.at(guest)
        if not folder and (path.is_symlink() or path.exists()):
            if path.is_dir() and not path.is_symlink():
                raise ImageError(f"{guest!r} is a folder of the image; a file cannot take its place.")
            path.unlink()  # a hard link of a cached tree must not be written through
        _make(path.parent)
        return path


def _make(folder: Path) -> None:
    if folder.is_dir():
        return
    try:
        _make(folder.parent)
        folder.mkdir()
        folder.chmod(0o755)
    except FileExistsError:
        raise ImageError(f"{str(folder)!r} is a file; a folder cannot take its place.") from None


def _merge_file(source: str, target: str) -> None:
    if os.path.lexists(target):
        if not os.path.islink(target) or os.path.islink(source):  # noqa: PTH114
            return
        os.unlink(target)  # noqa: PTH108  a link made for want of the real file
    if os.path.islink(source):  # noqa: PTH114
        os.symlink(os.readlink(source), target)  # noqa: PTH115, PTH211
        return
    try:
        os.link(source, target)
    except OSError:  # another file system, or one without hard links
        shutil.copy2(source, target)
