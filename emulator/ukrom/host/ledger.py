"""Who holds what, and who waits for it, as all processes of one user see it.

Files and locks, no daemon:

    <folder>/lock                        held for a moment by whoever reads or changes the rest
             000000000007-held.json      a claim: whose it is, what for, how much of what
             000000000009-waiting.json   one that waits; the number is its place in the queue

Each claim is locked by its process as long as it lives. The system drops that lock however the process
ends, and a claim whose lock can be taken is nobody's: whoever notices removes it.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import re
import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Iterator, Mapping
    from pathlib import Path

__all__ = ["Entry", "Holder", "Ledger", "Line", "place"]

_NAME = re.compile(r"([0-9]{12,})-(waiting|held)\.json")
_FILE_MOST = 1 << 16

_LOCK_PATIENCE_S = 2.0
"""To read ten claims takes 0.4 ms; a process that was stopped in the midst of that must not stop us."""


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds a part of the budget.

    Attributes:
        pid: The process.
        label: What it is for, as the claimant named it.
        amounts: How much it holds, by resource.
    """

    pid: int
    label: str
    amounts: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Line:
    """One claim of the ledger, of whichever process."""

    number: int
    held: bool
    holder: Holder


def place(line: Line) -> tuple[bool, int]:
    """First those that are held, then those that wait, in their order."""
    return not line.held, line.number


class Entry:
    """A claim of this process, and who waits for it."""

    def __init__(self, holder: Holder, loop: asyncio.AbstractEventLoop, woken: asyncio.Event) -> None:
        self.holder = holder
        self.loop = loop
        self.number = 0
        self.held = False
        self._woken = woken
        self._path: Path | None = None
        self._descriptor: int | None = None

    def line(self) -> Line:
        """What others would find in the ledger."""
        return Line(self.number, self.held, self.holder)

    @property
    def published(self) -> bool:
        """Whether others see it."""
        return self._path is not None

    async def pause(self, seconds: float | None) -> None:
        """Wait to be woken, no longer than that."""
        timer = None if seconds is None else self.loop.call_later(seconds, self._woken.set)
        try:
            await self._woken.wait()
        finally:
            if timer is not None:
                timer.cancel()
        self._woken.clear()

    def wake(self) -> None:
        """End its pause, from whichever thread."""
        with contextlib.suppress(RuntimeError):  # its loop is closed
            self.loop.call_soon_threadsafe(self._woken.set)

    def publish(self, folder: Path) -> None:
        """Make its file, locked. The ledger must be, too: an unlocked file would be removed."""
        self._path = folder / f"{self.number:012}-waiting.json"
        try:
            self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self.write()
        except OSError:
            self.withdraw()
            raise

    def write(self) -> None:
        """Bring its file up to date."""
        assert self._descriptor is not None
        content = json.dumps(asdict(self.holder)).encode()
        if os.pwrite(self._descriptor, content, 0) < len(content):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        os.ftruncate(self._descriptor, len(content))

    def hold(self) -> None:
        """Make a claim of what waited."""
        if self._path is not None:
            self._path = self._path.rename(self._path.with_name(f"{self.number:012}-held.json"))
        self.held = True
        self.wake()

    def withdraw(self) -> None:
        """Remove its file. What cannot be removed is at least unlocked, and so nobody's."""
        if self._path is not None:
            with contextlib.suppress(OSError):
                self._path.unlink()
        self.close()

    def close(self) -> None:
        """Forget its file."""
        descriptor, self._path, self._descriptor = self._descriptor, None, None
        if descriptor is not None:
            os.close(descriptor)


class Ledger:
    """The folder of claims. Its lines can be read, and waiting claims be made held, while it is locked."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Keep all other readers and writers out, for a moment.

        Raises:
            OSError: The folder cannot be written, or another process keeps it locked.
        """
        # Opened anew each time: so threads keep each other out, and a forked child its parent.
        descriptor = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            _lock(descriptor)
            try:
                yield
            finally:
                # To close it is not enough while a child that is being spawned has a copy.
                fcntl.flock(descriptor, fcntl.LOCK_UN)
        finally:
            os.close(descriptor)

    def add(self, entry: Entry) -> None:
        """Put a claim at the end of the queue."""
        with self.locked():
            last = max((number for _, number, _ in self._files()), default=0)
            entry.number = max(entry.number, last + 1)
            entry.publish(self.folder)

    def update(self, entry: Entry) -> None:
        """Tell others what a claim still holds."""
        if entry.published:
            with self.locked():
                entry.write()

    def lines(self) -> list[Line]:
        """The claims of all who live; files of those who do not are removed, foreign ones left."""
        found = ((number, held, _living(path)) for path, number, held in self._files())
        return [Line(number, held, holder) for number, held, holder in found if holder is not None]

    def _files(self) -> Iterator[tuple[Path, int, bool]]:
        for path in self.folder.iterdir():
            if match := _NAME.fullmatch(path.name):
                yield path, int(match[1]), match[2] == "held"


def _lock(descriptor: int) -> None:
    deadline = time.monotonic() + _LOCK_PATIENCE_S
    while True:
        try:
            return fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise TimeoutError(errno.ETIMEDOUT, "another process keeps it locked") from None
        time.sleep(0.001)  # `flock` knows no deadline


def _living(path: Path) -> Holder | None:
    """Whose claim it is; None if nobody's, or if it is no claim at all."""
    try:
        # Whatever lies there under such a name: no pipe makes us wait, no link leads elsewhere.
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:  # released in this moment, or nothing of ours
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _holder(os.read(descriptor, _FILE_MOST))
    else:
        with contextlib.suppress(OSError):
            path.unlink()
        return None
    finally:
        os.close(descriptor)


def _holder(content: bytes) -> Holder | None:
    try:
        found = json.loads(content)
        holder = Holder(found["pid"], found["label"], dict(found["amounts"]))
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    numbers = [holder.pid, *holder.amounts.values()]
    sound = isinstance(holder.label, str) and all(type(number) is int and number >= 0 for number in numbers)
    return holder if sound else None
