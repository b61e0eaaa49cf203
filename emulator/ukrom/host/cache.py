"""The folder on this machine that holds what is costly to make: kernel, images, layers, verdicts."""

from __future__ import annotations

import errno
import fcntl
import os
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

from ukrom.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["IN_USE", "Cache", "CacheUse", "find_cache"]

IN_USE = "in-use.lock"
"""The file in the root that whoever runs an emulator has locked, shared with all others who do."""

_LOOK_AGAIN_S = 0.02
_PATIENCE_S = 60.0
"""How long a start waits for a prune; this removes gigabytes in some seconds."""


class CacheUse:
    """Keeps what is in a cache from being pruned, until it is closed or its process ends.

    As a context manager it is closed at the end.
    """

    def __init__(self, descriptor: int | None) -> None:
        self._descriptor = descriptor
        self._pid = os.getpid()

    @property
    def holds(self) -> bool:
        """Whether there is a lock; there is none where the cache cannot be written."""
        return self._descriptor is not None

    def close(self) -> None:
        """Let others prune; nothing happens the second time."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is None:
            return
        if os.getpid() == self._pid:
            # To close it is not enough while a forked child has a copy; and no child ends our use.
            fcntl.flock(descriptor, fcntl.LOCK_UN)
        os.close(descriptor)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@dataclass(frozen=True, slots=True)
class Cache:
    """A cache folder, shared by all runs and all workers of this user.

    Everything in it can be deleted at any time between two runs. While an emulator runs, who holds
    `use` is spared by whoever prunes `alone`.
    """

    root: Path

    def folder(self, purpose: str) -> Path:
        """A sub-folder for one purpose (`kernel`, `images`, ...), made if it is not there.

        Raises:
            SettingsError: The folder cannot be made.
        """
        folder = self.root / purpose
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise _unusable(folder, error) from error
        return folder

    def write(self, purpose: str, name: str, content: bytes) -> Path:
        """Store a file whole or not at all: a reader never sees half of it, two writers never mix.

        Raises:
            SettingsError: The folder is read-only or full.
        """
        path = self.folder(purpose) / name
        try:
            _replace(path, content)
        except OSError as error:
            raise _unusable(path, error) from error
        return path

    def use(self) -> CacheUse:
        """Keep `ukrom cache prune` from removing images and the like; to be closed. Blocks while it does.

        A cache that cannot be written, or a file system without locks, is used without.

        Raises:
            SettingsError: Somebody has pruned it for far longer than that takes.
        """
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            descriptor = _open_lock(self.root / IN_USE)
        except OSError:
            return CacheUse(None)
        try:
            shared = _share(descriptor, self.root)
        except BaseException:
            os.close(descriptor)
            raise
        if not shared:
            os.close(descriptor)
        return CacheUse(descriptor if shared else None)

    @contextmanager
    def alone(self) -> Iterator[bool]:
        """Keep all others from using it meanwhile; gives whether that is so, at once.

        A use that begins meanwhile waits. It needs the root to be there.

        Raises:
            SettingsError: The cache cannot be written, so nobody can say who uses it.
        """
        path = self.root / IN_USE
        try:
            descriptor = _open_lock(path)
        except OSError as error:
            raise _unusable(path, error) from error
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
                return
            except OSError as error:
                raise _unusable(path, error) from error
            yield True
        finally:
            os.close(descriptor)

    def size(self) -> int:
        """The space it takes on disk, in bytes.

        Sparse files count for what they really hold, files with several names once.
        """
        taken: dict[tuple[int, int], int] = {}
        for folder, _, names in os.walk(self.root):
            for name in names:
                try:
                    status = (Path(folder) / name).lstat()
                except FileNotFoundError:  # another run cleans up meanwhile
                    continue
                taken[status.st_dev, status.st_ino] = status.st_blocks * 512
        return sum(taken.values())


def find_cache(environ: Mapping[str, str] | None = None, platform: str = sys.platform) -> Cache:
    """The cache folder of this user.

    `UKROM_CACHE`, else `$XDG_CACHE_HOME/ukrom`, else `~/.cache/ukrom` (macOS: `~/Library/Caches/ukrom`).

    Raises:
        SettingsError: Neither is set and the user has no home folder.
    """
    environ = os.environ if environ is None else environ
    if named := environ.get("UKROM_CACHE"):
        return Cache(Path(named).expanduser().absolute())
    # The XDG base directory specification: a relative path is invalid and to be ignored.
    if (xdg := environ.get("XDG_CACHE_HOME")) and Path(xdg).is_absolute():
        return Cache(Path(xdg) / "ukrom")
    home = environ.get("HOME")
    if not home:
        message = "No place for the cache: neither UKROM_CACHE nor XDG_CACHE_HOME nor HOME is set."
        raise SettingsError(message, remedy="Set UKROM_CACHE to a folder that can be written.")
    return Cache(Path(home) / ("Library/Caches" if platform == "darwin" else ".cache") / "ukrom")


def _open_lock(path: Path) -> int:
    # Reading is all that a lock takes, so another user's file will do.
    return os.open(path, os.O_RDONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)


def _share(descriptor: int, root: Path) -> bool:
    """Wait for a shared lock; gives whether the file system has such."""
    deadline = time.monotonic() + _PATIENCE_S
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                message = f"Another process has been pruning the cache {root} for {_PATIENCE_S:.0f} s."
                raise SettingsError(message, remedy="End that `ukrom cache prune` and try again.") from None
        except OSError as error:
            if error.errno not in {errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL}:
                raise
            return False
        else:
            return True
        time.sleep(_LOOK_AGAIN_S)  # `flock` knows no deadline


def _replace(path: Path, content: bytes) -> None:
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _unusable(path: Path, error: OSError) -> SettingsError:
    message = f"The cache folder cannot be written: {path}: {error.strerror or error}."
    remedy = "Make room or give the right to write, or set UKROM_CACHE to another folder."
    return SettingsError(message, remedy=remedy)
