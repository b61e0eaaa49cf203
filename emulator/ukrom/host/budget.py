"""What the machines of all processes of one user share: memory, and turns to start.

Files and locks, no daemon:

    <folder>/lock                        held for a moment by whoever reads or changes the rest
             000000000007-held.json      a claim: whose it is, what for, how much of what
             000000000009-waiting.json   one that waits; the number is its place in the queue

Each claim is locked by its process as long as it lives. The system drops that lock however the process
ends, and a claim whose lock can be taken is nobody's: whoever notices removes it.

A claim is granted when it fits beside all that are held and all that wait before it. So a big one is
not starved by small ones that come later, and who wants memory does not wait for who wants a cold boot.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import re
import threading
import time
import weakref
from collections import Counter
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Self

from ukrom.errors import SettingsError

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

__all__ = ["Budget", "Claim", "Holder", "capacity"]

_NAME = re.compile(r"([0-9]{12,})-(waiting|held)\.json")
_LABEL_MOST = 200
_FILE_MOST = 1 << 16

_LOOK_AGAIN_S = 0.02
_LOCK_PATIENCE_S = 2.0
"""A look at ten claims takes 0.4 ms; a process that was stopped in the midst of one must not stop us."""

_SHARE = 0.8
"""Of the memory that is free at first; the rest is for QEMU itself, the tests and all else."""


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


class Claim:
    """A part of the budget, held until it is released or its process ends.

    As a context manager it is released at the end. All may be called from any thread.
    """

    def __init__(self, reduce: Callable[[str], None], release: Callable[[], None]) -> None:
        self._reduce = reduce
        self._release = release

    def reduce(self, resource: str) -> None:
        """Give back all of one resource and keep the others; nothing happens if none of it is held."""
        self._reduce(resource)

    def release(self) -> None:
        """Give back what is still held; nothing happens the second time, nor in a forked child."""
        self._release()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


class Budget:
    """Amounts that several processes share, each of which waits its turn.

    Where the folder cannot be used (a read-only cache, a full disk), the claims of this process are
    still counted, from then on without those of others.

    Args:
        folder: Where all who share keep their claims; made if it is not there.
        capacity: What there is, by resource. One that it does not name is without limit. Processes
            may differ in it; each holds its own claims against its own.

    Attributes:
        why_not: Why the claims of other processes are not seen; empty if they are.

    Raises:
        SettingsError: There is none of a resource.
    """

    def __init__(self, folder: Path, capacity: Mapping[str, int]) -> None:
        for resource, amount in capacity.items():
            if amount < 1:
                raise SettingsError(f"A budget has at least 1 of {resource}, not {amount}.")
        self.why_not = ""
        self._capacity = dict(capacity)
        self._ledger = _Ledger(folder)
        self._entries: list[_Entry] = []
        self._guard = threading.Lock()
        with self._or_alone():
            folder.mkdir(parents=True, exist_ok=True)
            with self._ledger.locked():
                pass
        self._forget_in_children()

    @property
    def shared(self) -> bool:
        """Whether claims of other processes are seen."""
        return not self.why_not

    async def claim(
        self, amounts: Mapping[str, int], label: str, waiting: Callable[[str], None] | None = None
    ) -> Claim:
        """Wait until all amounts are there, and hold them.

        An amount that is larger than the whole capacity is cut to it: such a claim runs alone. Whoever
        holds one claim and waits for another may wait for somebody who does the same; so the first
        should be enough, or the wait have an end. A wait that is cancelled leaves nothing.

        Args:
            amounts: How much, by resource; `memory` is in MiB.
            label: What for, as `holders` tells it; its first 200 characters are kept.
            waiting: Called once, on this thread, if there is not enough: with a text that says what of,
                and who holds it.

        Raises:
            ValueError: An amount is negative.
        """
        # 50 ms, which who only asks for the holders need not spend.
        import asyncio  # noqa: PLC0415

        holder = Holder(os.getpid(), label[:_LABEL_MOST], self._cut(amounts))
        entry = _Entry(holder, asyncio.get_running_loop(), asyncio.Event())
        self._enter(entry)
        try:
            lines = self._hand_out()
            if waiting is not None and not entry.held:
                waiting(_reason(entry, lines, self._capacity))
            await self._turn(entry)
        except BaseException:
            self._leave(entry)
            raise
        return Claim(partial(self._reduce, entry), partial(self._leave, entry))

    def holders(self) -> list[Holder]:
        """Whose claims are held, the oldest first; those of this process only, if nothing is shared."""
        with self._guard:
            return [line.holder for line in sorted(self._lines(), key=_place) if line.held]

    def _cut(self, amounts: Mapping[str, int]) -> dict[str, int]:
        for resource, amount in amounts.items():
            if amount < 0:
                raise ValueError(f"A claim of {amount} of {resource} is no claim.")
        return {
            resource: min(amount, self._capacity.get(resource, amount))
            for resource, amount in amounts.items()
            if amount
        }

    def _enter(self, entry: _Entry) -> None:
        with self._guard:
            entry.number = 1 + max((other.number for other in self._entries), default=0)
            self._entries.append(entry)
            if self.shared:
                with self._or_alone():
                    self._ledger.add(entry)

    async def _turn(self, entry: _Entry) -> None:
        while not entry.held:
            # A release in this process hands over at once. Those of others change files, and of a lock
            # that is dropped nothing tells at all; so one waiter looks again and again, for all here.
            looks = entry is self._first(entry.loop)
            await entry.pause(_LOOK_AGAIN_S if looks else None)
            if looks:
                self._hand_out()
        self._wake_first(entry.loop)

    def _first(self, loop: asyncio.AbstractEventLoop) -> _Entry | None:
        with self._guard:
            return next((entry for entry in self._entries if entry.loop is loop and not entry.held), None)

    def _wake_first(self, loop: asyncio.AbstractEventLoop) -> None:
        """Have the next waiter look, now that the one that looked does not wait any more."""
        if (first := self._first(loop)) is not None:
            first.wake()

    def _leave(self, entry: _Entry) -> None:
        with self._guard:
            if entry not in self._entries:
                return
            self._entries.remove(entry)
            entry.withdraw()
        self._hand_out()
        self._wake_first(entry.loop)

    def _reduce(self, entry: _Entry, resource: str) -> None:
        with self._guard:
            if entry not in self._entries or resource not in entry.holder.amounts:
                return
            left = {name: amount for name, amount in entry.holder.amounts.items() if name != resource}
            entry.holder = replace(entry.holder, amounts=left)
            with self._or_alone():
                self._ledger.update(entry)
        self._hand_out()

    def _hand_out(self) -> Sequence[_Line]:
        """Grant all that fits of what waits in this process; gives what was found before."""
        with self._guard:
            if all(entry.held for entry in self._entries):
                return ()
            if self.shared:
                with self._or_alone(), self._ledger.locked():
                    lines = self._ledger.lines()
                    self._grant(lines)
                    return lines
            lines = [entry.line() for entry in self._entries]
            self._grant(lines)
            return lines

    def _grant(self, lines: Sequence[_Line]) -> None:
        ours = {entry.number: entry for entry in self._entries}
        if ours.keys() - {line.number for line in lines}:
            raise FileNotFoundError(errno.ENOENT, "the file of a claim is gone or damaged")
        taken: Counter[str] = Counter()
        for line in sorted(lines, key=_place):
            taken.update(line.holder.amounts)
            entry = ours.get(line.number)
            if entry is not None and not entry.held and self._fits(entry, taken):
                entry.hold()

    def _fits(self, entry: _Entry, taken: Mapping[str, int]) -> bool:
        return all(taken[name] <= self._capacity.get(name, taken[name]) for name in entry.holder.amounts)

    def _lines(self) -> list[_Line]:
        if self.shared:
            with self._or_alone(), self._ledger.locked():
                return self._ledger.lines()
        return [entry.line() for entry in self._entries]

    @contextlib.contextmanager
    def _or_alone(self) -> Iterator[None]:
        """From the first failure on, count by ourselves: a budget is there to help, not to stop a run."""
        try:
            yield
        except OSError as error:
            reason = f"{self._ledger.folder} cannot be used: {error.strerror or error}"
            self.why_not = self.why_not or f"What other processes hold is not seen, for {reason}."
            for entry in self._entries:
                if not entry.held:
                    entry.withdraw()

    def _forget_in_children(self) -> None:
        """Keep a forked child from holding our claims: a lock lasts until its last copy is closed."""
        alive = weakref.WeakMethod(self._forget)

        def forget() -> None:
            if (known := alive()) is not None:
                known()

        os.register_at_fork(after_in_child=forget)

    def _forget(self) -> None:
        self._guard = threading.Lock()  # another thread of the parent may have held it
        for entry in self._entries:
            entry.close()
        self._entries = []


@dataclass(frozen=True, slots=True)
class _Line:
    """One claim of the ledger, of whichever process."""

    number: int
    held: bool
    holder: Holder


def _place(line: _Line) -> tuple[bool, int]:
    """First those that are held, then those that wait, in their order."""
    return not line.held, line.number


class _Entry:
    """A claim of this process, and who waits for it."""

    def __init__(self, holder: Holder, loop: asyncio.AbstractEventLoop, woken: asyncio.Event) -> None:
        self.holder = holder
        self.loop = loop
        self.number = 0
        self.held = False
        self._woken = woken
        self._path: Path | None = None
        self._descriptor: int | None = None

    def line(self) -> _Line:
        """What others would find in the ledger."""
        return _Line(self.number, self.held, self.holder)

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


class _Ledger:
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

    def add(self, entry: _Entry) -> None:
        """Put a claim at the end of the queue."""
        with self.locked():
            last = max((number for _, number, _ in self._files()), default=0)
            entry.number = max(entry.number, last + 1)
            entry.publish(self.folder)

    def update(self, entry: _Entry) -> None:
        """Tell others what a claim still holds."""
        if entry.published:
            with self.locked():
                entry.write()

    def lines(self) -> list[_Line]:
        """The claims of all who live; files of those who do not are removed, foreign ones left."""
        found = ((number, held, _living(path)) for path, number, held in self._files())
        return [_Line(number, held, holder) for number, held, holder in found if holder is not None]

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


def _reason(entry: _Entry, lines: Iterable[_Line], capacity: Mapping[str, int]) -> str:
    """What a claim waits for, as it reads after "waits for"."""
    before = [line for line in lines if line.held or line.number < entry.number]
    for resource, amount in entry.holder.amounts.items():
        sharers = [line for line in before if line.holder.amounts.get(resource)]
        taken = sum(line.holder.amounts[resource] for line in sharers)
        if taken + amount > capacity.get(resource, taken + amount):
            return f"{_counted(resource, amount)}: {_told(resource, sharers, capacity[resource])}"
    return "its turn"


def _counted(resource: str, amount: int) -> str:
    if resource == "memory":
        return f"{amount} MiB of memory"
    noun = {"starts": "start", "cold": "cold boot"}.get(resource)
    return f"{amount} of {resource}" if noun is None else _plural(amount, noun)


def _told(resource: str, sharers: Iterable[_Line], most: int) -> str:
    """Who holds how much of a resource, and who waits for it before."""
    holders = [line.holder for line in sharers if line.held]
    waiting = [line.holder for line in sharers if not line.held]
    taken = sum(holder.amounts[resource] for holder in holders)
    if not holders:
        return f"{_machines(waiting)} {_verb('wait', waiting)} before it"
    told = f"{_machines(holders)} {_verb('hold', holders)} {_part(resource, taken, most)}"
    return f"{told}, {len(waiting)} more {_verb('wait', waiting)} before it" if waiting else told


def _part(resource: str, taken: int, most: int) -> str:
    if resource != "memory":
        return f"{taken} of {most}"
    return f"{taken} of {most} MiB" if most < 1024 else f"{taken / 1024:.1f} of {most / 1024:.1f} GiB"


def _machines(holders: Sequence[Holder]) -> str:
    pids = {holder.pid for holder in holders}
    processes = f"{len(pids)} processes" if len(pids) > 1 else f"process {pids.pop()}"
    return f"{_plural(len(holders), 'VM')} of {processes}"


def _plural(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _verb(verb: str, subjects: Sequence[Holder]) -> str:
    return f"{verb}s" if len(subjects) == 1 else verb


def capacity(accelerator: str, *, cores: int | None = None, memory_mb: int | None = None) -> dict[str, int]:
    """What this machine has for VMs, by resource.

    `memory` is 80 % of what is free now, in MiB, or what `UKROM_BUDGET_MB` says. `starts` is how many may
    start at a time: one for each core that we may use, under KVM two. `cold` is how many of these may
    boot cold: under emulation one, since each takes all that a core has, and its deadline runs.

    Args:
        accelerator: `kvm` or `tcg`.
        cores: Instead of those of this machine that we may use.
        memory_mb: MiB, instead of what is free on this machine and allowed to us.

    Raises:
        SettingsError: `UKROM_BUDGET_MB` is no positive number.
    """
    cores = len(os.sched_getaffinity(0)) if cores is None else cores
    kvm = accelerator == "kvm"
    starts = 2 * cores if kvm else cores
    return {"memory": _memory_mb(memory_mb), "starts": starts, "cold": starts if kvm else 1}


def _memory_mb(offered: int | None) -> int:
    if not (named := os.environ.get("UKROM_BUDGET_MB")):
        return max(1, int(_SHARE * (_offered_mb() if offered is None else offered)))
    if not (named.isascii() and named.isdecimal() and int(named) > 0):
        message = f"UKROM_BUDGET_MB is {named!r}, which is no positive number of MiB."
        raise SettingsError(message, remedy="Set it to 4096, for example.")
    return int(named)


def _offered_mb(root: Path = Path("/")) -> int:
    return min([_available(root / "proc/meminfo"), *_limits(root)]) >> 20


def _available(meminfo: Path) -> int:
    """Bytes that can be had without swapping; where that is not told, all that there are."""
    with contextlib.suppress(OSError):
        if found := re.search(r"^MemAvailable:\s*(\d+) kB$", meminfo.read_text(), re.MULTILINE):
            return int(found[1]) << 10
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _limits(root: Path) -> Iterator[int]:
    """Bytes that our control group may have, and each above it, in version 2 or 1."""
    try:
        groups = (root / "proc/self/cgroup").read_text().splitlines()
    except OSError:
        return
    for group in groups:
        _, controllers, path = group.split(":", 2)
        if not controllers:
            yield from _limits_above(root / "sys/fs/cgroup", path, "memory.max")
        elif "memory" in controllers.split(","):
            yield from _limits_above(root / "sys/fs/cgroup/memory", path, "memory.limit_in_bytes")


def _limits_above(base: Path, path: str, file: str) -> Iterator[int]:
    # In a container the path may be the host's, of which only the root is to be seen here.
    here = PurePosixPath(path.lstrip("/"))
    for folder in (here, *here.parents):
        with contextlib.suppress(OSError, ValueError):  # without a limit: no file, or "max"
            yield int((base / folder / file).read_text())
