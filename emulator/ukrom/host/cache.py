"""The folder on this machine that holds what is costly to make: kernel, images, layers, verdicts."""

from __future__ import annotations

import os
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ukrom.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Cache", "find_cache"]


@dataclass(frozen=True, slots=True)
class Cache:
    """A cache folder, shared by all runs and all workers of this user.

    Everything in it can be deleted at any time between two runs.
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

    def size(self) -> int:
        """The space it takes on disk, in bytes; sparse files count for what they really hold."""
        total = 0
        for folder, _, names in os.walk(self.root):
            for name in names:
                try:
                    total += (Path(folder) / name).lstat().st_blocks * 512
                except FileNotFoundError:  # another run cleans up meanwhile
                    continue
        return total


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
