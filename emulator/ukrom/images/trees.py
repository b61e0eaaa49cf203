"""Finished trees in a cache folder: made once, whoever asks, and found by key from then on."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from filelock import FileLock

from ukrom.images.rootfs import RootTree

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

__all__ = ["TreeCache"]


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

    def lock(self, key: str) -> FileLock:
        """A lock between processes."""
        return FileLock(self._folder / f"{key}.lock")

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
