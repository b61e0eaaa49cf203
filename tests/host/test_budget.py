"""What the machines of several processes share, and whose turn it is."""

from __future__ import annotations

import asyncio
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
from ukrom.host import Budget

from .sharers import Turn, claims_in, play

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


def test_what_is_held_is_known_without_a_budget(folder, peer):
    assert Budget.held(folder, "memory") == 0
    assert not folder.exists()
    one, two = peer({"memory": 100, "cold": 1}), peer({"memory": 100})
    one.do("claim", "a", {"memory": 60, "cold": 1})
    assert one.hear() == ("holds", "a")
    two.do("claim", "b", {"memory": 30})
    assert two.hear() == ("holds", "b")
    two.do("claim", "c", {"memory": 20})
    assert two.hear()[:2] == ("waits", "c")

    assert [Budget.held(folder, name) for name in ("memory", "cold", "disk")] == [90, 1, 0]

    one.kill()
    assert Budget.held(folder, "cold") == 0
    assert two.hear() == ("holds", "c")
    assert Budget.held(folder, "memory") == 50


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
