"""What the machines of several processes share, and whose turn it is."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import os
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from ukrom.errors import SettingsError
from ukrom.host import Budget, budget

PEER = """
import asyncio, json, os, resource, sys, threading
from pathlib import Path
from ukrom.host import Budget

shared = Budget(Path(sys.argv[1]), json.loads(sys.argv[2]))
claims = {}

def tell(*words):
    print(json.dumps(words), flush=True)

async def claim(label, amounts):
    claims[label] = await shared.claim(amounts, label, lambda text: tell("waits", label, text))
    tell("holds", label)

def do(verb, *args):
    if verb == "claim":
        tasks.append(loop.create_task(claim(*args)))
    elif verb == "limit":
        resource.setrlimit(getattr(resource, args[0]), (args[1], args[1]))
    elif verb == "why":
        tell("why", shared.shared, shared.why_not)
    elif verb == "fork":
        if os.fork() == 0:
            claims[args[0]].release()
            tell("forked", os.getpid())
            os.read(0, 1)
            os._exit(0)
    else:
        getattr(claims[args[0]], verb)(*args[1:])

def listen():
    for line in sys.stdin:
        loop.call_soon_threadsafe(do, *json.loads(line))
    loop.call_soon_threadsafe(loop.stop)

tasks = []
loop = asyncio.new_event_loop()
threading.Thread(target=listen, daemon=True).start()
loop.run_forever()
"""

CONTENDER = """
import asyncio, os, sys
from pathlib import Path
from ukrom.host import Budget

folder, inside, most = Path(sys.argv[1]), Path(sys.argv[2]), 3

async def turn(shared, number):
    with await shared.claim({"memory": 1 + number % 2}, "a"):
        marks = [inside / f"{os.getpid()}-{number}-{part}" for part in range(1 + number % 2)]
        for mark in marks:
            mark.touch()
        found = len(list(inside.iterdir()))
        await asyncio.sleep(0)
        for mark in marks:
            mark.unlink()
        assert found <= most, found

async def main():
    shared = Budget(folder, {"memory": most})
    await asyncio.gather(*(turn(shared, number) for number in range(25)))
    assert shared.shared, shared.why_not

asyncio.run(main())
"""


class Peer:
    """Another process that shares the budget; it does as it is told, and tells what comes of it."""

    def __init__(self, folder, capacity):
        self.process = subprocess.Popen(
            [sys.executable, "-c", PEER, str(folder), json.dumps(capacity)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.pid = self.process.pid

    def do(self, *words):
        self.process.stdin.write(json.dumps(words) + "\n")
        self.process.stdin.flush()

    def hear(self):
        return tuple(json.loads(self.process.stdout.readline()))

    def kill(self):
        self.process.kill()
        self.process.wait()

    def close(self):
        self.process.kill()
        self.process.communicate()


class Turn:
    """A claim that somebody of this process asks for."""

    def __init__(self, shared, amounts, label="ours"):
        self.texts = []
        self._waits = asyncio.Event()
        self.task = asyncio.create_task(shared.claim(amounts, label, self._hear))

    def _hear(self, text):
        self.texts.append(text)
        self._waits.set()

    async def waits(self):
        """Return once it was told to wait; gives the reason."""
        await self._waits.wait()
        assert not self.task.done()
        return self.texts[0]

    async def release(self):
        (await self.task).release()


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "cache" / "budget"


@pytest.fixture
def peer(folder):
    """Processes that share the budget."""
    with contextlib.ExitStack() as stack:

        def make(capacity):
            made = Peer(folder, capacity)
            stack.callback(made.close)
            return made

        yield make


def play(coroutine):
    async def bounded():
        async with asyncio.timeout(60):
            return await coroutine

    return asyncio.run(bounded())


def descriptors():
    return {path.name for path in Path("/proc/self/fd").iterdir()}


def claims_in(folder):
    return sorted(path.name for path in folder.iterdir() if path.name != "lock")


# --- one process


def test_claim_of_nothing_does_not_wait(folder):
    async def main():
        shared = Budget(folder, {"memory": 100})
        with await shared.claim({"memory": 100}, "all"), await shared.claim({"memory": 0}, "none"):
            assert [holder.amounts for holder in shared.holders()] == [{"memory": 100}, {}]

    play(main())


def test_claim_that_fits_is_granted_without_waiting(folder):
    async def main():
        shared = Budget(folder, {"memory": 1000, "starts": 2})
        turn = Turn(shared, {"memory": 600, "starts": 1}, "web")
        claim = await turn.task

        assert turn.texts == []
        (holder,) = shared.holders()
        assert (holder.pid, holder.label) == (os.getpid(), "web")
        assert holder.amounts == {"memory": 600, "starts": 1}
        claim.release()
        assert shared.holders() == []
        assert shared.shared
        assert shared.why_not == ""

    play(main())


def test_claim_is_a_small_file_that_tells_whose_it_is(folder):
    async def main():
        with await Budget(folder, {"memory": 1000}).claim({"memory": 600}, "web"):
            (name,) = claims_in(folder)
            told = json.loads((folder / name).read_text())
            assert told == {"pid": os.getpid(), "label": "web", "amounts": {"memory": 600}}

        assert claims_in(folder) == []

    play(main())


def test_release_twice_gives_back_once(folder):
    async def main():
        shared = Budget(folder, {"memory": 1000})
        first = await shared.claim({"memory": 600}, "first")
        first.release()
        second = await shared.claim({"memory": 600}, "second")

        first.release()

        assert [holder.label for holder in shared.holders()] == ["second"]
        second.release()

    play(main())


def test_turns_come_in_the_order_in_which_they_were_asked_for(folder):
    async def main():
        shared = Budget(folder, {"cold": 1})
        first = await shared.claim({"cold": 1}, "first")
        turns = {label: Turn(shared, {"cold": 1}, label) for label in ("second", "third", "fourth")}
        for turn in turns.values():
            await turn.waits()

        claim = first
        for label, turn in turns.items():
            claim.release()
            assert [holder.label for holder in shared.holders()] == [label], "a release hands over at once"
            claim = await turn.task
        claim.release()

    play(main())


def test_big_claim_is_not_starved_by_small_ones(folder):
    async def main():
        shared = Budget(folder, {"memory": 100})
        small = await shared.claim({"memory": 60}, "small")
        big = Turn(shared, {"memory": 100}, "big")
        await big.waits()

        later = Turn(shared, {"memory": 30}, "later")

        assert await later.waits() == (
            f"30 MiB of memory: 1 VM of process {os.getpid()} holds 60 of 100 MiB, 1 more waits before it"
        )
        small.release()
        await big.task
        assert [holder.label for holder in shared.holders()] == ["big"]
        await big.release()
        await later.release()

    play(main())


def test_who_wants_memory_does_not_wait_for_who_wants_a_cold_boot(folder):
    async def main():
        shared = Budget(folder, {"memory": 100, "cold": 1})
        cold = await shared.claim({"cold": 1}, "cold")
        waiting = Turn(shared, {"cold": 1})
        await waiting.waits()

        with await shared.claim({"memory": 100}, "warm"):
            assert not waiting.task.done()

        cold.release()
        await waiting.release()

    play(main())


def test_claim_of_more_than_there_is_runs_alone(folder):
    async def main():
        shared = Budget(folder, {"memory": 100})
        small = await shared.claim({"memory": 1}, "small")
        large = Turn(shared, {"memory": 5000}, "large")
        assert (await large.waits()).startswith("100 MiB of memory: ")

        small.release()
        await large.task

        assert [holder.amounts for holder in shared.holders()] == [{"memory": 100}]
        after = Turn(shared, {"memory": 1})
        await after.waits()
        await large.release()
        await after.release()

    play(main())


def test_resource_that_the_budget_does_not_name_is_without_limit(folder):
    async def main():
        shared = Budget(folder, {"memory": 100})
        with await shared.claim({"disk": 10**9}, "one"), await shared.claim({"disk": 10**9}, "two"):
            assert len(shared.holders()) == 2

    play(main())


def test_reduce_gives_back_one_resource_and_keeps_the_others(folder):
    async def main():
        shared = Budget(folder, {"memory": 100, "starts": 1})
        started = await shared.claim({"memory": 60, "starts": 1}, "started")
        starting = Turn(shared, {"memory": 40, "starts": 1}, "starting")
        await starting.waits()

        started.reduce("starts")

        assert [holder.amounts for holder in shared.holders()] == [
            {"memory": 60},
            {"memory": 40, "starts": 1},
        ], "what is given back is handed over at once"
        await starting.task
        more = Turn(shared, {"memory": 1})
        await more.waits()
        started.reduce("starts")
        started.release()
        started.reduce("memory")
        await more.release()
        await starting.release()
        assert claims_in(folder) == []

    play(main())


def test_cancelled_wait_leaves_no_file_and_lets_the_next_one_pass(folder):
    async def main():
        shared = Budget(folder, {"memory": 100})
        holder = await shared.claim({"memory": 60}, "holder")
        big, small = Turn(shared, {"memory": 100}), Turn(shared, {"memory": 40})
        await big.waits()
        await small.waits()
        assert len(claims_in(folder)) == 3

        big.task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await big.task

        await small.release()
        holder.release()
        assert claims_in(folder) == []

    play(main())


def test_claim_that_is_granted_and_cancelled_at_once_is_given_back(folder):
    async def main():
        shared = Budget(folder, {"memory": 100})
        holder = await shared.claim({"memory": 100}, "holder")
        turn = Turn(shared, {"memory": 100})
        await turn.waits()

        holder.release()
        turn.task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await turn.task

        assert claims_in(folder) == []

    play(main())


def test_failure_of_who_is_told_to_wait_leaves_no_file(folder):
    def fail(text):
        raise LookupError(text)

    async def main():
        shared = Budget(folder, {"cold": 1})
        with await shared.claim({"cold": 1}, "first"):
            with pytest.raises(LookupError, match="1 cold boot"):
                await shared.claim({"cold": 1}, "second", fail)
            assert len(claims_in(folder)) == 1

    play(main())


def test_descriptors_are_given_back(folder):
    async def main():
        shared = Budget(folder, {"memory": 100})
        before = descriptors()
        claims = [await shared.claim({"memory": 10}, "some") for _ in range(10)]
        turns = [Turn(shared, {"memory": 20}) for _ in range(10)]
        for turn in turns:
            await turn.waits()
        turns.pop().task.cancel()
        claims[0].reduce("memory")
        shared.holders()
        for claim in claims:
            claim.release()
        for turn in turns:
            await turn.release()
        assert descriptors() == before

    play(main())


def test_claims_are_released_by_any_thread(folder):
    async def main():
        shared = Budget(folder, {"memory": 8})
        held = [await shared.claim({"memory": 1}, "held") for _ in range(8)]
        turns = [Turn(shared, {"memory": 1}) for _ in range(40)]
        await turns[-1].waits()
        with ThreadPoolExecutor(8) as pool:
            for claim in held:
                pool.submit(claim.release)
            for turn in turns:
                pool.submit((await turn.task).release)
        assert shared.holders() == []
        assert claims_in(folder) == []

    play(main())


def test_loops_of_several_threads_share_one_budget(folder):
    shared = Budget(folder, {"memory": 3})
    inside, most, guard = Counter(), Counter(), threading.Lock()

    async def turn():
        with await shared.claim({"memory": 1}, "some"):
            with guard:
                inside["now"] += 1
                most["ever"] = max(most["ever"], inside["now"])
            await asyncio.sleep(0)
            with guard:
                inside["now"] -= 1

    async def turns():
        await asyncio.gather(*(turn() for _ in range(20)))

    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(play, turns()) for _ in range(4)]:
            done.result()

    assert most["ever"] <= 3
    assert shared.shared, shared.why_not
    assert claims_in(folder) == []


def test_waiter_whose_loop_is_gone_does_not_stop_the_others(folder):
    shared = Budget(folder, {"memory": 2})
    other = Budget(folder, {"memory": 2})

    async def hold():
        return await other.claim({"memory": 2}, "held")

    async def wait_behind():
        lost = Turn(shared, {"memory": 1})
        await lost.waits()
        return lost

    held = play(hold())
    loop = asyncio.new_event_loop()
    lost = loop.run_until_complete(wait_behind())
    loop.close()

    async def main():
        turn = Turn(shared, {"memory": 1})
        await turn.waits()
        held.release()
        await turn.release()

    play(main())
    lost.task._log_destroy_pending = False
    lost.task.get_coro().close()
    assert claims_in(folder) == []


@pytest.mark.parametrize(
    ("capacity", "held", "asked", "text"),
    [
        ({"memory": 900}, [700], 300, "300 MiB of memory: 1 VM of process {pid} holds 700 of 900 MiB"),
        (
            {"memory": 16384},
            [8192, 8000],
            512,
            "512 MiB of memory: 2 VMs of process {pid} hold 15.8 of 16.0 GiB",
        ),
    ],
)
def test_reason_tells_of_memory(folder, capacity, held, asked, text):
    async def main():
        shared = Budget(folder, capacity)
        claims = [await shared.claim({"memory": amount}, "held") for amount in held]
        turn = Turn(shared, {"memory": asked})
        assert await turn.waits() == text.format(pid=os.getpid())
        for claim in claims:
            claim.release()
        await turn.release()
        assert turn.texts == [text.format(pid=os.getpid())]

    play(main())


@pytest.mark.parametrize(
    ("resource", "most", "text"),
    [
        ("starts", 2, "2 starts: 1 VM of process {pid} holds 2 of 2"),
        ("cold", 1, "1 cold boot: 1 VM of process {pid} holds 1 of 1"),
        ("disk", 5, "5 of disk: 1 VM of process {pid} holds 5 of 5"),
    ],
)
def test_reason_tells_of_the_resource_that_lacks(folder, resource, most, text):
    async def main():
        shared = Budget(folder, {"memory": 100, resource: most})
        with await shared.claim({resource: most}, "first"):
            turn = Turn(shared, {"memory": 10, resource: most})
            assert await turn.waits() == text.format(pid=os.getpid())
        await turn.release()

    play(main())


def test_reason_tells_of_those_who_only_wait_before(folder):
    async def main():
        shared = Budget(folder, {"memory": 100, "cold": 1})
        with await shared.claim({"cold": 1}, "cold"):
            turns = [Turn(shared, {"memory": 100, "cold": 1}), Turn(shared, {"memory": 100})]
            await turns[0].waits()
            text = f"100 MiB of memory: 1 VM of process {os.getpid()} waits before it"
            assert await turns[1].waits() == text
        for turn in turns:
            await turn.release()

    play(main())


def test_amounts_that_make_no_sense_are_refused(folder):
    with pytest.raises(SettingsError, match="at least 1 of memory, not 0"):
        Budget(folder, {"memory": 0})
    with pytest.raises(ValueError, match="-1 of memory"):
        play(Budget(folder, {"memory": 1}).claim({"memory": -1}, "less than nothing"))


# --- several processes


def test_processes_that_contend_never_hold_more_than_there_is(folder, tmp_path):
    inside = tmp_path / "inside"
    inside.mkdir()
    command = [sys.executable, "-c", CONTENDER, str(folder), str(inside)]

    contenders = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(4)]

    errors = [contender.communicate()[1] for contender in contenders]
    assert errors == [""] * 4
    assert claims_in(folder) == []


def test_turns_go_round_the_processes_in_order(folder, peer):
    one, two = peer({"cold": 1}), peer({"cold": 1})

    async def main():
        shared = Budget(folder, {"cold": 1})
        one.do("claim", "a", {"cold": 1})
        assert one.hear() == ("holds", "a")
        two.do("claim", "b", {"cold": 1})
        assert two.hear() == ("waits", "b", f"1 cold boot: 1 VM of process {one.pid} holds 1 of 1")
        ours = Turn(shared, {"cold": 1}, "c")
        await ours.waits()
        one.do("claim", "d", {"cold": 1})
        assert one.hear()[:2] == ("waits", "d")

        one.do("release", "a")
        assert two.hear() == ("holds", "b")
        assert [(holder.pid, holder.label) for holder in shared.holders()] == [(two.pid, "b")]
        two.do("release", "b")
        await ours.task
        assert [holder.label for holder in shared.holders()] == ["c"]
        await ours.release()
        assert one.hear() == ("holds", "d")

    play(main())


def test_each_of_our_waiters_sees_what_another_process_gives_back(folder, peer):
    other = peer({"memory": 3})
    for label in "abc":
        other.do("claim", label, {"memory": 1})
        assert other.hear() == ("holds", label)

    async def main():
        shared = Budget(folder, {"memory": 3})
        turns = [Turn(shared, {"memory": 1}) for _ in range(4)]
        for turn in turns:
            await turn.waits()

        other.do("release", "a")
        await turns[0].task
        turns[1].task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await turns[1].task
        other.do("release", "b")
        await turns[2].task
        other.do("release", "c")
        await turns[3].task

        assert {holder.pid for holder in shared.holders()} == {os.getpid()}
        for turn in (turns[0], *turns[2:]):
            await turn.release()

    play(main())


def test_reason_counts_the_processes_that_hold(folder, peer):
    peers = [peer({"memory": 16384}) for _ in range(2)]
    for other in peers:
        for label in ("one", "two"):
            other.do("claim", label, {"memory": 4050})
            assert other.hear() == ("holds", label)

    async def main():
        turn = Turn(Budget(folder, {"memory": 16384}), {"memory": 512})
        assert await turn.waits() == "512 MiB of memory: 4 VMs of 2 processes hold 15.8 of 16.0 GiB"
        peers[0].do("release", "two")
        await turn.release()

    play(main())


def test_claims_of_a_process_that_is_killed_are_free(folder, peer):
    other = peer({"memory": 100})
    other.do("claim", "a", {"memory": 60})
    assert other.hear() == ("holds", "a")
    other.do("claim", "b", {"memory": 40})
    assert other.hear() == ("holds", "b")

    async def main():
        shared = Budget(folder, {"memory": 100})
        turn = Turn(shared, {"memory": 100}, "after")
        await turn.waits()

        other.kill()

        claim = await turn.task
        assert [holder.label for holder in shared.holders()] == ["after"]
        assert len(claims_in(folder)) == 1
        claim.release()

    play(main())


def test_killed_process_is_no_holder_and_its_file_goes(folder, peer):
    other = peer({"memory": 100})
    other.do("claim", "a", {"memory": 60})
    assert other.hear() == ("holds", "a")
    shared = Budget(folder, {"memory": 100})
    assert [holder.pid for holder in shared.holders()] == [other.pid]

    other.kill()

    assert shared.holders() == []
    assert claims_in(folder) == []


def test_killed_waiter_is_skipped(folder, peer):
    other = peer({"memory": 100})

    async def main():
        shared = Budget(folder, {"memory": 100})
        first = await shared.claim({"memory": 60}, "first")
        other.do("claim", "big", {"memory": 100})
        assert other.hear()[:2] == ("waits", "big")
        last = Turn(shared, {"memory": 40}, "last")
        await last.waits()

        other.kill()

        await last.task
        assert [holder.label for holder in shared.holders()] == ["first", "last"]
        first.release()
        await last.release()

    play(main())


def test_reduced_claim_of_another_process_lets_us_start(folder, peer):
    other = peer({"memory": 100, "cold": 1})
    other.do("claim", "a", {"memory": 60, "cold": 1})
    assert other.hear() == ("holds", "a")

    async def main():
        shared = Budget(folder, {"memory": 100, "cold": 1})
        turn = Turn(shared, {"memory": 40, "cold": 1}, "ours")
        await turn.waits()

        other.do("reduce", "a", "cold")

        await turn.task
        assert [holder.amounts for holder in shared.holders()] == [{"memory": 60}, {"memory": 40, "cold": 1}]
        await turn.release()

    play(main())


def test_forked_child_holds_nothing_of_its_parent(folder, peer):
    other = peer({"memory": 100})
    other.do("claim", "a", {"memory": 100})
    assert other.hear() == ("holds", "a")

    other.do("fork", "a")
    word, child = other.hear()

    assert word == "forked"
    shared = Budget(folder, {"memory": 100})
    assert [holder.pid for holder in shared.holders()] == [other.pid]
    other.kill()
    os.kill(child, 0)  # it is still there
    assert shared.holders() == []


# --- any sequence of events


class Contention(RuleBasedStateMachine):
    """Budgets that share a folder, as processes do, in whatever order things happen to them."""

    MOST = {"memory": 10, "cold": 1}  # noqa: RUF012
    BUDGETS = 3
    PICKS = st.integers(0, 99)
    """One of those that hold or wait; which they are is a matter of time here, not of hypothesis."""

    def __init__(self):
        super().__init__()
        self.runner = asyncio.Runner()
        self.folder = tempfile.TemporaryDirectory()
        self.budgets = [Budget(Path(self.folder.name), self.MOST) for _ in range(self.BUDGETS)]
        self.asked = []
        """In their order: the task of each claim that is not released yet, and what it asks for or holds."""

    def teardown(self):
        self.runner.run(self.finish())
        assert claims_in(Path(self.folder.name)) == []
        assert all(shared.shared for shared in self.budgets)
        self.runner.close()
        self.folder.cleanup()

    async def finish(self):
        """Whoever waits gets its turn, if all who hold end some time."""
        while self.asked:
            for place in self.granted():
                self.asked.pop(place)[0].result().release()
            if self.asked:
                tasks = [task for task, _ in self.asked]
                async with asyncio.timeout(30):
                    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
                self.check()

    def granted(self):
        """Places of the claims that are held, the last first."""
        return [place for place, (task, _) in reversed(list(enumerate(self.asked))) if task.done()]

    def check(self):
        held = Counter()
        for place in self.granted():
            held.update(self.asked[place][1])
        assert held <= Counter(self.MOST), held

    def step(self, call=lambda: None):
        async def turn():
            call()
            for _ in range(3):  # a task that can go on does so in the loop's next rounds
                await asyncio.sleep(0)
            self.check()

        self.runner.run(turn())

    @rule(
        who=st.integers(0, 2),
        amounts=st.fixed_dictionaries({}, optional={"memory": st.integers(0, 12), "cold": st.integers(0, 2)}),
    )
    def claim(self, who, amounts):
        def ask():
            task = asyncio.get_running_loop().create_task(
                self.budgets[who % self.BUDGETS].claim(amounts, "some")
            )
            self.asked.append(
                (task, {name: min(amount, self.MOST[name]) for name, amount in amounts.items() if amount})
            )

        self.step(ask)

    @rule(pick=PICKS)
    def release(self, pick):
        if granted := self.granted():
            self.step(self.asked.pop(granted[pick % len(granted)])[0].result().release)

    @rule(pick=PICKS, resource=st.sampled_from(sorted(MOST)))
    def reduce(self, pick, resource):
        if granted := self.granted():
            task, share = self.asked[granted[pick % len(granted)]]
            share.pop(resource, None)
            self.step(lambda: task.result().reduce(resource))

    @rule(pick=PICKS)
    def cancel(self, pick):
        if waiting := sorted(set(range(len(self.asked))) - set(self.granted())):
            self.step(self.asked.pop(waiting[pick % len(waiting)])[0].cancel)

    @rule()
    def look(self):
        for shared in self.budgets:
            shared.holders()
        self.step()


class OneProcess(Contention):
    """With one budget all is handed over at once, so what is held can be told exactly."""

    BUDGETS = 1

    def check(self):
        super().check()
        taken = Counter()
        granted = set(self.granted())
        places = sorted(range(len(self.asked)), key=lambda place: (place not in granted, place))
        for place in places:
            share = self.asked[place][1]
            taken.update(share)
            fits = all(taken[name] <= self.MOST[name] for name in share)
            assert fits == (place in granted)


class_settings = settings(max_examples=40, stateful_step_count=25, deadline=None)
TestContention = Contention.TestCase
TestContention.settings = class_settings
TestOneProcess = OneProcess.TestCase
TestOneProcess.settings = class_settings


# --- a folder that holds other things, or cannot be used


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"[" * 5000,
        b"\xff\xfe",
        b'{"pid": 1, "label": "x"}',
        b'{"pid": "1", "label": "x", "amounts": {}}',
        b'{"pid": 1, "label": 2, "amounts": {}}',
        b'{"pid": 1, "label": "x", "amounts": {"memory": -50}}',
        b'{"pid": 1, "label": "x", "amounts": {"memory": 1e999}}',
        b'{"pid": 1, "label": "x", "amounts": [7]}',
        b'{"pid": 1, "label": "x", "amounts": {"memory": 50}}',
    ],
)
@pytest.mark.parametrize("state", ["held", "waiting"])
def test_file_that_is_nobodys_is_removed_whatever_it_holds(folder, content, state):
    shared = Budget(folder, {"memory": 100})
    (folder / f"000000000007-{state}.json").write_bytes(content)

    async def main():
        with await shared.claim({"memory": 100}, "ours"):
            assert claims_in(folder) == ["000000000008-held.json"]

    play(main())


@pytest.mark.parametrize("content", [b"{", b'{"pid": 1, "label": "x", "amounts": {"memory": true}}'])
def test_locked_file_that_is_no_claim_is_left_and_counts_for_nothing(folder, content):
    shared = Budget(folder, {"memory": 100})
    path = folder / "000000000007-held.json"
    path.write_bytes(content)

    async def main():
        with path.open() as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            with await shared.claim({"memory": 100}, "ours"):
                assert [holder.label for holder in shared.holders()] == ["ours"]
        assert path.exists()

    play(main())


def test_foreign_things_are_left(folder, tmp_path):
    shared = Budget(folder, {"memory": 100})
    precious = tmp_path / "precious"
    precious.write_text("kept")
    (folder / "notes.txt").write_text("kept")
    (folder / "7-held.json").write_text("kept")
    (folder / "000000000001-held.json").symlink_to(precious)
    (folder / "000000000002-held.json").mkdir()

    async def main():
        with await shared.claim({"memory": 100}, "ours"):
            assert len(shared.holders()) == 1

    play(main())

    assert shared.shared
    assert precious.read_text() == "kept"
    assert claims_in(folder) == [
        "000000000001-held.json",
        "000000000002-held.json",
        "7-held.json",
        "notes.txt",
    ]


def test_named_pipe_makes_nobody_wait(folder):
    shared = Budget(folder, {"memory": 100})
    os.mkfifo(folder / "000000000001-held.json")

    async def main():
        with await shared.claim({"memory": 100}, "ours"):
            assert len(shared.holders()) == 1

    play(main())


def test_folder_that_cannot_be_made_leaves_a_count_of_our_own(tmp_path):
    (tmp_path / "file").touch()

    async def main():
        alone = Budget(tmp_path / "file" / "budget", {"memory": 100, "cold": 1})
        assert not alone.shared
        assert "file/budget cannot be used: Not a directory" in alone.why_not
        first = await alone.claim({"memory": 60, "cold": 1}, "first")
        second = Turn(alone, {"memory": 40, "cold": 1}, "second")
        assert await second.waits() == f"1 cold boot: 1 VM of process {os.getpid()} holds 1 of 1"
        first.reduce("cold")
        await second.task
        assert [(holder.label, holder.amounts) for holder in alone.holders()] == [
            ("first", {"memory": 60}),
            ("second", {"memory": 40, "cold": 1}),
        ]
        third = Turn(alone, {"memory": 1})
        await third.waits()
        third.task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await third.task
        first.release()
        await second.release()
        assert alone.holders() == []

    play(main())


def test_read_only_folder_leaves_a_count_of_our_own(folder):
    if os.geteuid() == 0:
        folder = Path("/proc/self/fdinfo")  # no right to write counts for root but here
    else:
        folder.mkdir(parents=True, mode=0o500)

    async def main():
        alone = Budget(folder, {"memory": 100})
        with await alone.claim({"memory": 60}, "ours"):
            assert [holder.label for holder in alone.holders()] == ["ours"]
        assert not alone.shared
        assert "cannot be used" in alone.why_not

    play(main())


@pytest.mark.parametrize(
    ("name", "limit", "words"),
    [
        ("RLIMIT_FSIZE", 0, "File too large"),
        ("RLIMIT_FSIZE", 10, "No space left on device"),
        ("RLIMIT_NOFILE", 4, "Too many open files"),
    ],
)
def test_file_that_cannot_be_written_leaves_a_count_of_our_own(folder, peer, name, limit, words):
    other = peer({"memory": 100})
    other.do("claim", "seen", {"memory": 60})
    assert other.hear() == ("holds", "seen")

    other.do("limit", name, limit)
    other.do("claim", "unseen", {"memory": 40})
    assert other.hear() == ("holds", "unseen")
    other.do("claim", "one too many", {"memory": 1})
    assert other.hear()[:2] == ("waits", "one too many")

    other.do("why")
    _, is_shared, why_not = other.hear()
    assert not is_shared
    assert f"{folder} cannot be used: {words}" in why_not
    assert [holder.label for holder in Budget(folder, {"memory": 100}).holders()] == ["seen"]
    other.do("release", "seen")
    assert other.hear() == ("holds", "one too many")
    assert claims_in(folder) == []


@pytest.mark.parametrize("pattern", ["*", "*-held.json", "*-waiting.json"])
def test_files_that_somebody_deletes_stop_nobody(folder, pattern):
    async def main():
        shared = Budget(folder, {"memory": 100})
        first = await shared.claim({"memory": 100}, "first")
        second = Turn(shared, {"memory": 100}, "second")
        await second.waits()

        for path in folder.glob(pattern):
            path.unlink()
        third = Turn(shared, {"memory": 100}, "third")
        await third.waits()
        first.release()

        await second.release()
        await third.release()
        assert "the file of a claim is gone" in shared.why_not

    play(main())


def test_child_that_is_being_spawned_does_not_keep_the_ledger(folder, monkeypatch):
    monkeypatch.setattr(budget, "_LOCK_PATIENCE_S", 0)
    shared = Budget(folder, {"memory": 100})
    with shared._ledger.locked():
        (locked,) = (path for path in Path("/proc/self/fd").iterdir() if path.resolve() == folder / "lock")
        copy = os.dup(int(locked.name))

    shared.holders()

    assert shared.shared, shared.why_not
    os.close(copy)


def test_process_that_was_stopped_with_the_ledger_stops_nobody(folder, monkeypatch):
    monkeypatch.setattr(budget, "_LOCK_PATIENCE_S", 0)
    shared = Budget(folder, {"memory": 100})

    async def main():
        with (folder / "lock").open() as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            with await shared.claim({"memory": 100}, "ours"):
                assert "another process keeps it locked" in shared.why_not

    play(main())


# --- what this machine has


def machine(root, *, available_mb, groups="", **limits):
    """Files of /proc and /sys; limits by control group, with `__` for each slash."""
    (root / "proc/self").mkdir(parents=True)
    (root / "proc/meminfo").write_text(
        f"MemTotal:       99999999 kB\nMemFree:  1 kB\nMemAvailable:   {available_mb * 1024} kB\n"
    )
    (root / "proc/self/cgroup").write_text(groups)
    for path, limit in limits.items():
        file = root / "sys/fs/cgroup" / path.replace("__", "/").replace("DOT", ".")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"{limit}\n")
    return root


@pytest.mark.parametrize(
    ("accelerator", "starts", "cold"),
    [("tcg", 3, 1), ("kvm", 6, 6)],
)
def test_capacity_follows_the_accelerator(accelerator, starts, cold, monkeypatch):
    monkeypatch.delenv("UKROM_BUDGET_MB", raising=False)
    assert budget.capacity(accelerator, cores=3, memory_mb=1000) == {
        "memory": 800,
        "starts": starts,
        "cold": cold,
    }


def test_capacity_of_this_machine_is_a_part_of_it(monkeypatch):
    monkeypatch.delenv("UKROM_BUDGET_MB", raising=False)
    found = budget.capacity("tcg")
    assert 0 < found["memory"] < os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") >> 20
    assert found["starts"] == len(os.sched_getaffinity(0))


def test_memory_of_the_budget_can_be_named(monkeypatch):
    monkeypatch.setenv("UKROM_BUDGET_MB", "1234")
    assert budget.capacity("tcg", memory_mb=10)["memory"] == 1234


@pytest.mark.parametrize("named", ["0", "-1", "much", "1.5", "\N{ARABIC-INDIC DIGIT ONE}"])
def test_memory_that_is_no_number_is_refused(named, monkeypatch):
    monkeypatch.setenv("UKROM_BUDGET_MB", named)
    with pytest.raises(SettingsError, match=r"UKROM_BUDGET_MB is .*, which is no positive number of MiB\."):
        budget.capacity("tcg")


def test_memory_that_is_free_counts(tmp_path):
    assert budget._offered_mb(machine(tmp_path, available_mb=2000)) == 2000


def test_limit_of_the_control_group_counts_and_of_each_above(tmp_path):
    root = machine(
        tmp_path,
        available_mb=2000,
        groups="0::/user/run/deep\n",
        user__run__deep__memoryDOTmax="max",
        user__run__memoryDOTmax=700 << 20,
        user__memoryDOTmax=900 << 20,
    )
    assert budget._offered_mb(root) == 700


def test_limit_of_a_control_group_of_version_1_counts(tmp_path):
    root = machine(
        tmp_path,
        available_mb=2000,
        groups="9:name=systemd:/\n4:cpu,memory:/docker/abc\n0::/\n",
        # The container's own limit is found at the root, where its path of the host leads nowhere.
        memory__memoryDOTlimit_in_bytes=500 << 20,
    )
    assert budget._offered_mb(root) == 500


def test_machine_that_tells_nothing_offers_what_it_has(tmp_path):
    assert budget._offered_mb(tmp_path) == os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") >> 20
