"""The folder of one run: private, gone with the run, whatever ends it."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import IO

from ukrom.errors import SettingsError

__all__ = ["RunFolder"]

_PREFIX = "ukrom-run-"

# Reads one line from its standard input, which ends when this process does, however it ends. Unless
# told to keep the folder, it then ends machines that were spawned to outlive us, and clears up.
_WATCHER = """
read -r word
[ "$word" = keep ] && exit
for file in "$1"/machines/*/pid; do
    [ -f "$file" ] && kill -9 "$(cat "$file")" 2>/dev/null
done
rm -rf -- "$1"
"""


class RunFolder:
    """A temporary folder that not even SIGKILL leaves behind.

    A small shell watches a pipe and removes the folder when this process is gone. Should the watcher
    be killed too, the next run sweeps: a run holds a lock on its folder, and a folder whose lock can
    be taken belongs to nobody.

    Raises:
        SettingsError: The system's temporary folder cannot be written.
    """

    def __init__(self) -> None:
        base = Path(tempfile.gettempdir())
        sweep(base)
        try:
            self.path, self._lock = _new_folder(base)
        except OSError as error:
            remedy = "Make room there, or set TMPDIR to another folder."
            raise SettingsError(f"No folder can be made in {base}: {error}.", remedy=remedy) from error
        self._watcher = subprocess.Popen(
            ["/bin/sh", "-c", _WATCHER, "ukrom-watcher", str(self.path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def close(self, *, keep: bool = False) -> None:
        """End the run's claim on its folder.

        Args:
            keep: Leave the folder where it is, for machines that stay up.
        """
        with contextlib.suppress(BrokenPipeError):
            self._watcher.communicate(b"keep\n")
        if keep:
            (self.path / "kept").touch()
        else:
            shutil.rmtree(self.path, ignore_errors=True)
        self._lock.close()


def sweep(base: Path) -> None:
    """Remove the folders of runs that are over and could not clear up themselves."""
    for folder in base.glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError):
            if folder.stat().st_uid != os.getuid() or (folder / "kept").exists():
                continue
            with (folder / "lock").open("r+b") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)


def _new_folder(base: Path) -> tuple[Path, IO[bytes]]:
    """A locked folder; it gets the name that a sweep looks for once it is locked, not before."""
    hidden = Path(tempfile.mkdtemp(prefix=f".{_PREFIX}", dir=base))
    lock = (hidden / "lock").open("wb")
    fcntl.flock(lock, fcntl.LOCK_EX)
    path = hidden.with_name(hidden.name.removeprefix("."))
    hidden.rename(path)
    return path, lock
