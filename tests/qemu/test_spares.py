"""A machine that is there before its instance: who gets it, what becomes of it, what is left of it."""

import asyncio
import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path
from uuid import UUID

import pytest

from ukrom.cloud.ports import (
    Console,
    Ended,
    Image,
    InlineFile,
    Listening,
    MachineSpec,
    RomDevice,
    StoredBlob,
)
from ukrom.host import Budget
from ukrom.qemu import Layers, LayerStore, Means, QemuRunner, Spares, spares
from ukrom.qemu.turns import Turns

MACHINE_MB = 128 + 64
"""What a machine of these tests takes of the budget."""


def gone(pid):
    """Whether no process is left; one that has ended and that nobody has waited for yet is none."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


class Tale:
    """One machine and its events."""

    def __init__(self, runner, spec):
        self.events = []
        self._changed = asyncio.Event()
        self.machine = runner.boot(spec, self._take)

    def _take(self, event):
        self.events.append(event)
        self._changed.set()

    async def until(self, kind):
        async with asyncio.timeout(20):
            while not (found := [event for event in self.events if isinstance(event, kind)]):
                assert not any(isinstance(event, Ended) for event in self.events), self.events
                self._changed.clear()
                await self._changed.wait()
        return found[0]

    async def end(self):
        self.machine.stop(grace_s=1)
        await self.until(Ended)


class House:
    """A runner whose machines start from layers and have a spare one, and what its fakes were told."""

    def __init__(self, made, folder, *, budget=None, has_layers=True, speed=1.0):
        self.budget = budget
        self.turns = Turns(budget)
        self.layers = Layers(made, LayerStore(folder / "layers", 1 << 40), boot_s=20, turns=self.turns)
        self.spares = Spares(made, self.layers, self.turns, boot_s=20, warm=True)
        means = Means(made, self.turns, self.layers if has_layers else None, self.spares)
        self.record = means.record
        self._folder = folder
        self._journal = made.kernel.with_name("journal")
        self._runner = QemuRunner(means, asyncio.get_running_loop(), speed=speed, pack=self._pack)
        self._root = folder / "root.erofs"
        self._root.write_bytes(bytes(4096))

    def spec(self, *, root="sha256:1", memory_mb=128, ports=(8080,), roms=(), args=("/app", "-v"), warm=()):
        blob = StoredBlob(self._root, 4096, root, "erofs")
        image = Image("oci://x/app@sha256:0", "sha256:0", "x86_64", blob, args=args, warm=warm)
        return MachineSpec(
            UUID(int=1), "web", "web-host", image, ("/app",), {"A": "1"}, memory_mb, 1, roms, ports
        )

    def rom(self, name, at="/rom"):
        path = self._folder / f"{name}.erofs"
        path.write_bytes(bytes(4096))
        return RomDevice(name, at, StoredBlob(path, 4096, f"sha256:{name}", "erofs"))

    def _pack(self, files):
        path = self._folder / "inline.erofs"
        path.write_bytes(b"".join(file.data for file in files))
        return StoredBlob(path, 4096, "sha256:inline", "erofs")

    def boot(self, **options):
        return Tale(self._runner, self.spec(**options))

    async def settled(self, **options):
        """A machine that listens, when what it has prepared for the next one is there."""
        tale = self.boot(**options)
        await tale.until(Listening)
        await self.prepared()
        return tale

    async def prepared(self):
        """Wait until nothing is prepared or ended any more."""
        while self.spares._work:
            await asyncio.wait(self.spares._work)

    @property
    def spare(self):
        """The process of the machine that waits; None if none does."""
        spare = self.spares._spare
        return None if spare is None else spare.vm.process.pid

    def told(self, pid=None):
        """What one fake was told, or all."""
        lines = self._journal.read_text().splitlines() if self._journal.exists() else []
        return [line.partition(": ")[2] for line in lines if pid is None or line.split()[0] == str(pid)]

    def begun(self):
        """How many machines there were, by what they were for."""
        lines = self._journal.read_text().splitlines() if self._journal.exists() else []
        return Counter(line.split()[1].rstrip(":") for line in lines if line.endswith(": begins"))

    async def until(self, condition):
        async with asyncio.timeout(20):
            while not condition():  # noqa: ASYNC110 - neither a file nor a budget tells that it changes
                await asyncio.sleep(0.005)

    async def until_hangs(self):
        """Wait for a spare machine that was asked to wake up, and will not."""
        await self.until(lambda: self.begun()["starts"] == 2 and self.told()[-1] == "wake")

    def alive(self):
        """The processes of all fakes that are still there."""
        pids = {int(line.split()[0]) for line in self._journal.read_text().splitlines()}
        return {pid for pid in pids if not gone(pid)}

    def held(self):
        """What this process holds of the budget, in words."""
        holders = [] if self.budget is None else self.budget.holders()
        return [holder.label for holder in holders if holder.pid == os.getpid()]

    async def close(self):
        await self._runner.close()


@pytest.fixture
def play(equipment, tmp_path, descriptors):
    """Runs an asynchronous function with a house, and sees that nothing of it is left when it closes."""

    def play(work, part="runs", **options):
        async def whole():
            house = House(equipment(part), tmp_path, **options)
            async with asyncio.timeout(60):
                try:
                    return await work(house)
                finally:
                    await house.close()
                    assert house.spare is None
                    assert house.held() == []
                    assert house.alive() == set()

        before = descriptors()
        result = asyncio.run(whole())
        assert descriptors() == before
        return result

    return play


@pytest.fixture
def budget(tmp_path):
    def budget(memory_mb):
        return Budget(tmp_path / "budget", {"memory": memory_mb, "starts": 2, "cold": 1})

    return budget


def orders(told):
    """Verbs of what a fake was told."""
    return [line.split()[0] for line in told]


def how(house):
    """How the machines came up: the layer, and whether they were spare ones."""
    return [(record.layer, record.spare) for record in house.record]


# Who gets it.


def test_next_machine_of_its_kind_runs_in_the_spare_one(play):
    async def work(house):
        await house.settled()
        await house.until(lambda: house.spares.is_ready)
        spare = house.spare

        tale = await house.settled()

        assert tale.machine.pid == spare
        assert how(house) == [(2, False), (2, True)]
        assert orders(house.told(spare)) == ["begins", "wake", "warm", "wake", "watch", "start"]
        assert tale.machine.timings.allowed < tale.machine.timings.spawned < tale.machine.timings.awake
        assert await tale.until(Console) == Console(b"hello web-host\n")
        assert (await asyncio.wrap_future(tale.machine.execute(["anything"]))).exit_code == 7
        await tale.end()
        assert tale.events[-1] == Ended(started=True, kernel_code=0x8100)

    play(work)


def test_spare_machine_gets_the_files_of_its_roms(play):
    async def work(house):
        await house.settled(roms=(house.rom("of-the-first"),))
        spare = house.spare
        inline = RomDevice("inline", "/inline", (InlineFile("a", b"inline"),))

        tale = await house.settled(roms=(house.rom("one"), inline, house.rom("bare", None)))

        assert tale.machine.pid == spare
        folder = house._folder
        told = house.told(spare)
        assert [line for line in told if line.startswith("inserts")] == [
            f"inserts {folder}/one.erofs into slot1",
            f"inserts {folder}/inline.erofs into slot2",
            f"inserts {folder}/bare.erofs into slot3",
        ]
        assert orders(told)[-3:] == ["wake", "watch", "start"]  # not before its disks are there

    play(work)


def test_spare_machine_has_its_ports_forwarded(play):
    async def work(house):
        await house.settled()
        spare = house.spare

        tale = house.boot(ports=(9090, 7070))
        await tale.until(Listening)
        tale.machine.publish(6060)
        await house.until(lambda: tale.machine.endpoint(6060))

        assert tale.machine.pid == spare
        assert tale.machine.endpoint(9090).address == ("127.0.0.1", 49090)
        assert tale.machine.endpoint(7070).address == ("127.0.0.1", 47070)
        assert tale.machine.endpoint(6060).address == ("127.0.0.1", 46060)
        assert tale.machine.endpoint(8080) is None
        watched = [line for line in house.told(spare) if line.startswith("watch")]
        assert watched[:2] == ["watch 9090", "watch 7070"]

    play(work)


def test_spare_machine_is_for_one_of_several_that_start_at_once(play):
    async def work(house):
        await house.settled()
        spare = house.spare

        tales = await asyncio.gather(*(house.settled() for _ in range(3)))

        pids = [tale.machine.pid for tale in tales]
        assert pids.count(spare) == 1
        assert len(set(pids)) == 3

    play(work)


def test_only_one_machine_waits_however_many_settle(play):
    async def work(house):
        tales = await asyncio.gather(*(house.settled() for _ in range(3)))

        assert house.alive() == {house.spare, *(tale.machine.pid for tale in tales)}

    play(work)


@pytest.mark.parametrize("other", [{"memory_mb": 144}, {"root": "sha256:2"}], ids=["memory", "image"])
def test_machine_of_another_kind_leaves_the_spare_alone_and_gets_its_own_when_it_settled(play, other):
    async def work(house):
        await house.settled()
        spare = house.spare

        tale = house.boot(**other)
        await tale.until(Listening)
        assert tale.machine.pid != spare
        await house.prepared()
        assert gone(spare)

        again = await house.settled(**other)
        assert how(house) == [(2, False), (2, False), (2, True)]
        assert again.machine.pid != tale.machine.pid

    play(work)


def test_spare_machine_of_another_kind_needs_no_more_memory_than_the_one_it_replaces(play, budget):
    async def work(house):
        first = await house.settled()
        await first.end()
        spare = house.spare
        assert spare is not None
        second = await house.settled(root="sha256:2")
        assert house.spare not in {None, spare}
        await second.end()

    play(work, budget=budget(2 * MACHINE_MB))


# When it is of no use.


def test_spare_machine_that_died_is_not_missed(play):
    async def work(house):
        await house.settled()
        process = house.spares._spare.vm.process
        os.kill(process.pid, signal.SIGKILL)
        await process.ended

        tale = await house.settled()

        assert tale.machine.pid != process.pid
        assert how(house) == [(2, False), (2, False)]
        assert house.begun()["cold"] == 0
        assert house.spare not in {None, process.pid}
        assert house.layers.trouble == {}

    play(work)


def test_spare_machine_that_died_is_replaced(play):
    async def work(house):
        await house.settled()
        process = house.spares._spare.vm.process
        os.kill(process.pid, signal.SIGKILL)
        await process.ended

        house.spares.want(house.spec())
        await house.prepared()

        assert not gone(house.spare)

    play(work)


@pytest.mark.parametrize("part", ["refuses blockdev-reopen", "dies at blockdev-add"])
def test_spare_machine_that_does_not_take_its_roms_is_given_up(play, part, budget):
    async def work(house):
        first = await house.settled()
        await first.end()
        spare = house.spare

        tale = await house.settled(roms=(house.rom("one"),))

        assert gone(spare)
        assert "start" not in orders(house.told(spare))
        assert tale.machine.pid != spare
        assert how(house) == [(2, False), (2, False)]
        assert house.begun()["cold"] == 0
        assert house.layers.trouble == {}
        assert sorted(house.held()) == ["a spare machine", "instance web"]

    play(work, part, budget=budget(3 * MACHINE_MB))


def test_machine_that_is_killed_while_the_spare_takes_its_roms_ends_at_once(play, budget):
    async def work(house):
        await house.settled()
        tale = house.boot(roms=(house.rom("one"),))
        await house.until(lambda: "hangs" in house.told())

        tale.machine.kill()

        assert await tale.until(Ended) == Ended(started=False)
        assert house.spare is None
        assert house.held() == ["instance web"]

    play(work, "hangs at blockdev-add", budget=budget(4 * MACHINE_MB))


def test_machine_that_fails_in_a_spare_one_is_not_started_again(play):
    """That is no fault of the spare one."""

    async def work(house):
        await house.settled()
        spare = house.spare

        tale = house.boot()

        assert "cannot run /bin/nothing" in (await tale.until(Ended)).error
        assert tale.machine.pid == spare
        assert house.begun()["starts"] == 2

    play(work, "fails as spare")


def test_without_layers_there_is_no_spare_machine(play):
    async def work(house):
        await house.settled()
        await house.settled()
        assert house.spare is None
        assert not house.spares.is_ready
        assert how(house) == [(0, False), (0, False)]
        assert house.begun()["starts"] == 0

    play(work, "dies while saved")


def test_with_the_first_layer_alone_there_is_no_spare_machine(play):
    async def work(house):
        await house.settled()
        await house.settled()
        assert house.spare is None
        assert how(house) == [(1, False), (1, False)]
        assert house.begun()["starts"] == 2

    play(work, "cannot mount")


def test_spare_machine_that_does_not_come_up_is_no_matter(play, budget):
    async def work(house):
        await house.settled()
        assert house.spare is None
        await house.settled()
        assert how(house) == [(2, False), (2, False)]
        assert house.begun()["starts"] == 4  # each was tried
        assert len(house.held()) == 2

    play(work, "refuses state as spare", budget=budget(4 * MACHINE_MB))


def test_spare_machine_whose_qemu_cannot_be_started_is_no_matter(play, fake_qemu):
    async def work(house):
        tale = house.boot()
        await house.until(lambda: house.begun()["starts"])
        fake_qemu.unlink()
        await tale.until(Listening)
        await house.prepared()
        assert house.spare is None

    play(work)


# What it takes from others.


def test_without_memory_for_it_there_is_no_spare_machine(play, budget):
    async def work(house):
        tale = await house.settled()
        assert house.spare is None
        assert house.begun()["starts"] == 1
        assert house.held() == ["instance web"]
        await tale.end()

    play(work, budget=budget(2 * MACHINE_MB - 1))


def test_spare_machine_holds_memory_but_keeps_nobody_from_starting(play, budget):
    async def work(house):
        await house.settled()
        assert {holder.label: dict(holder.amounts) for holder in house.budget.holders()} == {
            "instance web": {"memory": MACHINE_MB},
            "a spare machine": {"memory": MACHINE_MB},
        }

    play(work, budget=budget(2 * MACHINE_MB))


def test_spare_machine_goes_when_somebody_waits_for_memory(play, budget):
    async def work(house):
        await house.settled()
        spare = house.spare

        tale = await house.settled()

        assert gone(spare)
        assert f"2 VMs of process {os.getpid()} hold" in tale.machine.waited_for
        assert how(house) == [(2, False), (2, False)]
        assert house.spare is None

    play(work, budget=budget(2 * MACHINE_MB + 10))


def test_spare_machine_that_is_being_prepared_goes_when_somebody_waits_for_memory(play, budget):
    async def work(house):
        await house.boot().until(Listening)
        await house.until_hangs()

        async with asyncio.timeout(10):
            tale = house.boot()
            await tale.until(Listening)

        assert tale.machine.waited_for
        assert how(house) == [(2, False), (2, False)]

    play(work, "never wakes as spare", budget=budget(2 * MACHINE_MB + 10))


def test_spare_machine_can_be_wanted_again_after_it_was_dropped(play):
    async def work(house):
        await house.settled()
        house.spares.drop()
        house.spares.drop()
        await house.prepared()
        assert house.spare is None

        for called_off in range(2):
            house.spares.want(house.spec())
            if called_off:
                await asyncio.sleep(0)  # it has begun
            house.spares.drop()
            house.spares.drop()
            await house.prepared()
            assert house.spare is None
        house.spares.want(house.spec())
        await house.prepared()

        assert house.spare is not None
        assert house.begun()["starts"] == 3

    play(work)


def test_spare_machine_that_nobody_takes_goes(play, monkeypatch, budget):
    monkeypatch.setattr(spares, "_IDLE_S", 0)

    async def work(house):
        await house.settled()
        await house.until(lambda: house.spare is None)
        await house.prepared()
        assert house.held() == ["instance web"]
        assert house.begun()["starts"] == 2
        await house.settled()
        assert how(house) == [(2, False), (2, False)]

    play(work, budget=budget(4 * MACHINE_MB))


def test_machine_in_a_spare_one_stays_when_that_would_have_gone(play):
    async def work(house):
        await house.settled()
        spare = house.spares._spare
        tale = await house.settled()
        following = house.spare

        house.spares._expire(spare)
        await house.prepared()

        assert not gone(tale.machine.pid)
        assert house.spare == following

    play(work)


# What it does while it waits.

WARM = (("python3", "-c", "import app"), ("true",))


@pytest.fixture
def neighbour(tmp_path):
    """Another process with a machine; ends when the test does."""
    code = (
        "import asyncio, pathlib, sys\n"
        "from ukrom.host import Budget\n"
        "budget = Budget(pathlib.Path(sys.argv[1]), {'memory': 1000})\n"
        "claim = asyncio.run(budget.claim({'memory': 1}, 'of another'))\n"
        "print('holds', flush=True)\n"
        "sys.stdin.read()\n"
    )
    running = []

    def neighbour():
        arguments = [sys.executable, "-c", code, tmp_path / "budget"]
        process = subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        running.append(process)
        assert process.stdout.readline() == b"holds\n"

    yield neighbour
    for process in running:
        process.communicate(timeout=10)


def warmed(told):
    """How the warm commands of a fake began: what is done, and after which order."""
    return [" ".join(line.split()[:2]) for line in told if line.startswith("warm")]


def test_spare_machine_runs_what_its_image_is_warm_with_and_is_ready_then(play, budget):
    async def work(house):
        assert not house.spares.is_ready
        await house.settled(warm=WARM)
        await house.until(lambda: house.spares.is_ready)

        spare = house.spare
        assert warmed(house.told(spare)) == ["warm run", "warm run", "warm read"]
        await house.settled(warm=WARM)
        assert how(house)[-1] == (2, True)
        assert warmed(house.told(spare)) == ["warm run", "warm run", "warm read"]
        await house.until(lambda: house.spares.is_ready)  # the next one

    play(work, budget=budget(4 * MACHINE_MB))


def test_warm_commands_run_one_after_the_other(play):
    """The agent of this one never says that it has done the first."""

    async def work(house):
        await house.settled(warm=WARM)
        spare = house.spare

        tale = await house.settled(warm=WARM)

        assert tale.machine.pid == spare
        assert orders(house.told(spare)) == ["begins", "wake", "warm", "wake", "watch", "start"]
        assert house.spare is not None
        assert not house.spares.is_ready

    play(work, "never warms as spare")


def test_spare_machine_just_waits_while_another_process_has_machines(play, budget, neighbour):
    neighbour()

    async def work(house):
        await house.settled(warm=WARM)
        assert house.spares.is_ready
        assert house.told(house.spare) == ["begins", "wake"]

    play(work, budget=budget(4 * MACHINE_MB))


def test_spare_machine_of_an_image_with_nothing_to_warm_is_ready_at_once(play):
    async def work(house):
        await house.settled(args=())
        assert house.spares.is_ready
        assert house.told(house.spare) == ["begins", "wake"]

    play(work)


# What is left of it. `play` sees that nothing is.


def test_spare_machine_that_waits_ends_with_the_runner(play, budget):
    async def work(house):
        tale = await house.settled()
        await tale.end()
        assert house.held() == ["a spare machine"]

    play(work, budget=budget(4 * MACHINE_MB))


def test_spare_machine_that_is_being_prepared_ends_with_the_runner(play, budget):
    async def work(house):
        await house.boot().until(Listening)
        await house.until_hangs()
        assert len(house.held()) == 2

    play(work, "never wakes as spare", budget=budget(4 * MACHINE_MB))


def test_spare_machine_that_is_called_off_twice_ends_all_the_same(play, budget):
    async def work(house):
        await house.boot().until(Listening)
        await house.until_hangs()
        house.spares.drop()
        await asyncio.sleep(0)  # it has begun to end
        house.spares.drop()

    play(work, "never wakes as spare", budget=budget(4 * MACHINE_MB))


@pytest.mark.parametrize("step", ["deepest", "take_at_once"])
def test_runner_can_close_at_each_step_before_there_is_a_spare_machine(play, monkeypatch, step):
    async def work(house):
        await house.settled()
        house.spares.drop()
        await house.prepared()
        reached = asyncio.Event()

        async def hang(*_):
            reached.set()
            await asyncio.Event().wait()

        monkeypatch.setattr(house.layers if step == "deepest" else house.turns, step, hang)
        house.spares.want(house.spec())
        await reached.wait()

    play(work)


def test_after_the_end_no_machine_is_prepared(play):
    async def work(house):
        await house.settled()
        await house.spares.close()
        house.spares.want(house.spec())
        await house.prepared()
        assert house.begun()["starts"] == 2

    play(work)


def test_twenty_rounds_leave_no_descriptor_open(play, descriptors):
    async def work(house):
        await (await house.settled(roms=(house.rom("one"),))).end()
        before = descriptors()
        for _ in range(20):
            await (await house.settled(roms=(house.rom("one"),))).end()
        assert how(house) == [(2, False)] + [(2, True)] * 20
        assert len(descriptors()) == len(before)

    play(work)
