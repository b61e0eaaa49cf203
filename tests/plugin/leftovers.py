"""What a run of pytest may leave behind: processes, folders, listening sockets."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

__all__ = ["Run"]

_MARK = "UKROM_TEST_RUN"


class Run:
    """A run of pytest in a process of its own, whose descendants can be told by their environment.

    Args:
        folder: Where its suite is.
        arguments: Further arguments of pytest.
    """

    def __init__(self, folder: Path, *arguments: str) -> None:
        self.folder = folder
        self.temporary = folder / "tmp"
        self.temporary.mkdir(exist_ok=True)
        self._mark = f"{_MARK}={folder}"
        name, value = self._mark.split("=", 1)
        command = [
            sys.executable,
            "-m",
            "pytest",
            "-p",
            "pytest_ukrom.plugin",
            "-p",
            "no:cacheprovider",
            "-s",
        ]
        self.process = subprocess.Popen(
            [*command, *arguments],
            cwd=folder,
            env={**os.environ, name: value, "TMPDIR": str(self.temporary)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def await_line(self, text: str) -> None:
        """Wait until it prints a line; the test's own time-out bounds the wait."""
        assert self.process.stdout is not None
        read = []
        for line in self.process.stdout:
            read.append(line)
            if text in line:
                return
        raise AssertionError(f"{text!r} was never printed:\n{''.join(read)}")

    def await_folder(self) -> None:
        """Wait until a worker of it, which prints nothing, has an emulator."""
        deadline = time.monotonic() + 60
        while not self.folders():
            assert time.monotonic() < deadline
            time.sleep(0.02)

    def end(self) -> str:
        """Wait for its end; gives what it printed since."""
        return self.process.communicate(timeout=60)[0]

    def descendants(self) -> list[str]:
        """The command lines of all processes that belong to it."""
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            try:
                if self._mark.encode() in (process / "environ").read_bytes().split(b"\0"):
                    found.append((process / "cmdline").read_bytes().replace(b"\0", b" ").decode())
            except OSError:
                continue
        return found

    def folders(self) -> list[Path]:
        """The folders of runs in its temporary folder."""
        return sorted([*self.temporary.glob("ukrom-run-*"), *self.temporary.glob(".ukrom-run-*")])

    def await_nothing_left(self, seconds: float = 2.0) -> None:
        """Fail unless everything is gone in time."""
        deadline = time.monotonic() + seconds
        while (left := [*self.descendants(), *map(str, self.folders())]) and time.monotonic() < deadline:
            time.sleep(0.02)  # nobody tells when the last of another's processes is gone
        assert not left
