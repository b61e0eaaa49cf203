"""Whose turn it is to start: memory while a machine lives, a processor while it starts."""

import asyncio

import pytest

from ukrom.errors import BootFailed
from ukrom.host import Budget
from ukrom.qemu import Turns, turns


@pytest.fixture
def budget(tmp_path):
    return Budget(tmp_path / "budget", {"memory": 1000, "starts": 2, "cold": 1})


def test_without_a_budget_everybody_starts_at_once():
    async def play():
        taken = [await Turns().take(1 << 20, "large", cold=True) for _ in range(20)]
        for turn in taken:
            turn.settled()
            turn.end()
        assert await Turns().take_at_once(1 << 20, "spare") is not None
        assert Turns().alone()

    asyncio.run(play())


def test_next_one_starts_when_another_has_settled(budget):
    async def play():
        first, second = [await Turns(budget).take(100, str(number), cold=False) for number in range(2)]
        told = []
        third = asyncio.create_task(Turns(budget).take(100, "third", cold=False, waiting=told.append))
        await asyncio.sleep(0)
        assert not third.done()
        assert "start" in told[0]

        first.settled()

        turn = await third
        assert [holder.label for holder in budget.holders()] == ["0", "1", "third"]
        for each in (first, second, turn):
            each.end()
            each.end()
        assert budget.holders() == []

    asyncio.run(play())


def test_cold_boot_that_waits_keeps_no_processor_from_others(budget):
    async def play():
        booting = await Turns(budget).take(100, "booting", cold=True)
        waiting = asyncio.create_task(Turns(budget).take(100, "waiting", cold=True))
        await asyncio.sleep(0)
        warm = [await Turns(budget).take(100, "warm", cold=False) for _ in range(2)]
        assert not waiting.done()

        booting.settled()

        for turn in (booting, *warm, await waiting):
            turn.end()

    asyncio.run(play())


def test_who_waits_for_too_long_is_told_for_what(budget, monkeypatch):
    monkeypatch.setattr(turns, "_PATIENCE_S", 0.05)

    async def play():
        with_all = await Turns(budget).take(5000, "all of it", cold=False)
        with pytest.raises(BootFailed) as caught:
            await Turns(budget).take(100, "instance web", cold=False)
        assert "instance web" in caught.value.message
        assert "of memory: 1 VM of process" in caught.value.message
        assert "UKROM_BUDGET_MB" in caught.value.remedy
        with_all.end()
        assert budget.holders() == []

    asyncio.run(play())


def test_spare_machine_takes_only_what_nobody_waits_for(budget):
    async def play():
        spare = await Turns(budget).take_at_once(500, "spare")
        assert spare is not None
        assert await Turns(budget).take_at_once(500, "too much") is None
        assert Turns(budget).alone()
        spare.end()

    asyncio.run(play())
