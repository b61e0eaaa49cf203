"""Finished trees in a cache folder: made once, whoever asks, and found by key from then on."""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from ukrom.errors import ImageError
from ukrom.images.rootfs import RootTree

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

__all__ = ["TreeCache"]

_LOCK_TIMEOUT_S = 300.0


class TreeCache:
    """Trees by key; parallel processes wait for the one that makes a tree.

    Args:
        folder: Made if it is not there; shared by all processes and runs.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def tree(self, key: str, fill: Callable[[RootTree], None]) -> Path:
        """Give the folder of a tree, which must not be changed; `fill` makes it if it is not there."""
        path = self._folder / key
        if not path.exists():
            with self.lock(key):
                if not path.exists():
                    self._make(path, fill)
        return path

    @contextmanager
    def lock(self, key: str) -> Iterator[None]:
        """A lock between processes.

        Raises:
            ImageError: Another process has held it for far longer than any work takes.
        """
        path = self._folder / f"{key}.lock"
        lock = FileLock(path)
        try:
            lock.acquire(timeout=_LOCK_TIMEOUT_S)
        except Timeout as error:
            raise ImageError(
                f"Another process has held {str(path)!r} for {_LOCK_TIMEOUT_S:.0f} s.",
                remedy="End it, or delete the file.",
            ) from error
        try:
            yield
        finally:
            lock.release()

    def scratch(self, key: str) -> Path:
        """A folder for work under the lock of `key`; what a killed process left there is removed."""
        path = self._folder / f".{key}.partial"
        if path.exists():
            shutil.rmtree(path)
        return path

    def _make(self, path: Path, fill: Callable[[RootTree], None]) -> None:
        partial = self.scratch(path.name)
        try:
            fill(RootTree(partial))
            partial.rename(path)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
