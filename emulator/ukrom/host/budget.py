"""What the machines of all processes of one user share: memory, and turns to start.

A claim is granted when it fits beside all that are held and all that wait before it. So a big one is
not starved by small ones that come later, and who wants memory does not wait for who wants a cold boot.
"""

from __future__ import annotations

import contextlib
import errno
import os
import threading
import weakref
from collections import Counter
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Self

from ukrom.errors import SettingsError
from ukrom.host.ledger import Entry, Holder, Ledger, place

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from ukrom.host.ledger import Line

__all__ = ["Budget", "Claim", "Holder"]

_LABEL_MOST = 200
_LOOK_AGAIN_S = 0.02
"""A look at ten claims takes 0.4 ms."""


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
        self._ledger = Ledger(folder)
        self._entries: list[Entry] = []
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
        entry = Entry(holder, asyncio.get_running_loop(), asyncio.Event())
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
            return [line.holder for line in sorted(self._lines(), key=place) if line.held]

    @staticmethod
    def held(folder: Path, resource: str) -> int:
        """How much of a resource the claims in a folder hold, of whichever process.

        For whoever has still to find out what capacity there is.

        Args:
            folder: Where all who share keep their claims; one that cannot be used holds none.
            resource: Of what; `memory` is in MiB.
        """
        ledger = Ledger(folder)
        try:
            with ledger.locked():
                lines = ledger.lines()
        except OSError:
            return 0
        return sum(line.holder.amounts.get(resource, 0) for line in lines if line.held)

    def _cut(self, amounts: Mapping[str, int]) -> dict[str, int]:
        for resource, amount in amounts.items():
            if amount < 0:
                raise ValueError(f"A claim of {amount} of {resource} is no claim.")
        return {
            resource: min(amount, self._capacity.get(resource, amount))
            for resource, amount in amounts.items()
            if amount
        }

    def _enter(self, entry: Entry) -> None:
        with self._guard:
            entry.number = 1 + max((other.number for other in self._entries), default=0)
            self._entries.append(entry)
            if self.shared:
                with self._or_alone():
                    self._ledger.add(entry)

    async def _turn(self, entry: Entry) -> None:
        while not entry.held:
            # A release in this process hands over at once. Those of others change files, and of a lock
            # that is dropped nothing tells at all; so one waiter looks again and again, for all here.
            looks = entry is self._first(entry.loop)
            await entry.pause(_LOOK_AGAIN_S if looks else None)
            if looks:
                self._hand_out()
        self._wake_first(entry.loop)

    def _first(self, loop: asyncio.AbstractEventLoop) -> Entry | None:
        with self._guard:
            return next((entry for entry in self._entries if entry.loop is loop and not entry.held), None)

    def _wake_first(self, loop: asyncio.AbstractEventLoop) -> None:
        """Have the next waiter look, now that the one that looked does not wait any more."""
        if (first := self._first(loop)) is not None:
            first.wake()

    def _leave(self, entry: Entry) -> None:
        with self._guard:
            if entry not in self._entries:
                return
            self._entries.remove(entry)
            entry.withdraw()
        self._hand_out()
        self._wake_first(entry.loop)

    def _reduce(self, entry: Entry, resource: str) -> None:
        with self._guard:
            if entry not in self._entries or resource not in entry.holder.amounts:
                return
            left = {name: amount for name, amount in entry.holder.amounts.items() if name != resource}
            entry.holder = replace(entry.holder, amounts=left)
            with self._or_alone():
                self._ledger.update(entry)
        self._hand_out()

    def _hand_out(self) -> Sequence[Line]:
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

    def _grant(self, lines: Sequence[Line]) -> None:
        ours = {entry.number: entry for entry in self._entries}
        if ours.keys() - {line.number for line in lines}:
            raise FileNotFoundError(errno.ENOENT, "the file of a claim is gone or damaged")
        taken: Counter[str] = Counter()
        for line in sorted(lines, key=place):
            taken.update(line.holder.amounts)
            entry = ours.get(line.number)
            if entry is not None and not entry.held and self._fits(entry, taken):
                entry.hold()

    def _fits(self, entry: Entry, taken: Mapping[str, int]) -> bool:
        return all(taken[name] <= self._capacity.get(name, taken[name]) for name in entry.holder.amounts)

    def _lines(self) -> list[Line]:
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


def _reason(entry: Entry, lines: Iterable[Line], capacity: Mapping[str, int]) -> str:
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


def _told(resource: str, sharers: Iterable[Line], most: int) -> str:
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
