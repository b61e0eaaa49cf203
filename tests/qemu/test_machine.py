"""What becomes of a machine, whatever QEMU and the guest do; a fake plays both."""

import asyncio
import dataclasses
import os
import signal
from pathlib import Path
from uuid import UUID

import pytest

from ukrom.cloud.ports import AppExited, Console, Ended, Image, Listening, MachineSpec, Running, StoredBlob
from ukrom.errors import MachineEnded
from ukrom.host import Budget
from ukrom.qemu import Layers, LayerStore, Means, QemuRunner
from ukrom.qemu.turns import Turns

ROOT = StoredBlob(Path("root.erofs"), 4096, "sha256:0", "erofs")


def spec(root=ROOT, ports=(8080,), memory_mb=128, args=("/app",)):
    image = Image("oci://unikraft.io/t/app:latest@sha256:0", "sha256:0", "x86_64", root)
    return MachineSpec(UUID(int=1), "web", "web-host", image, args, {"A": "1"}, memory_mb, 1, (), ports)


def process_exists(pid):
    return Path(f"/proc/{pid}").exists()


class Story:
    """Boots one machine and keeps its events."""

    def __init__(self, equipment, *, speed=1.0, keep=None, layers=None, turns=None):
        self.events = []
        self._changed = asyncio.Event()
        means = Means(equipment, turns or Turns(), layers)
        self._runner = QemuRunner(means, asyncio.get_running_loop(), speed=speed, pack=None, keep=keep)

    def boot(self, **options):
        self.machine = self._runner.boot(spec(**options), self._take)
        return self.machine

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

    async def close(self):
        await self._runner.close()


def played(part_test):
    """Run an asynchronous test function; the fixtures stay synchronous."""

    def test(equipment):
        async def play():
            stories = []

            def story(*arguments, **options):
                stories.append(Story(*arguments, **options))
                return stories[-1]

            try:
                await part_test(equipment, story)
            finally:
                for each in stories:
                    await each.close()
                    assert isinstance(each.events[-1], Ended)
                    assert each.machine.pid is None or not process_exists(each.machine.pid)

        asyncio.run(play())

    test.__name__ = part_test.__name__
    test.__doc__ = part_test.__doc__
    return test


@played
async def test_a_machine_runs_listens_and_stops(equipment, story):
    tale = story(equipment())
    machine = tale.boot()

    assert (await tale.until(Listening)).port == 8080
    assert machine.endpoint(8080).address == ("127.0.0.1", 48080)
    assert machine.listening() == (8080,)
    machine.stop(grace_s=1)

    assert await tale.until(AppExited) == AppExited(143)
    assert await tale.until(Ended) == Ended(started=True, kernel_code=0x8100)
    assert await tale.until(Console) == Console(b"hello web-host\n")


@played
async def test_steps_of_a_start_are_timed_in_order(equipment, story):
    tale = story(equipment())
    machine = tale.boot()
    await tale.until(Listening)

    timings = machine.timings

    steps = [timings.spawned, timings.ready, timings.root, timings.mounted, timings.running]
    assert steps == sorted(steps)


@played
async def test_an_application_that_exits_ends_the_machine(equipment, story):
    tale = story(equipment("exits"))
    tale.boot()

    assert await tale.until(AppExited) == AppExited(3)
    assert await tale.until(Ended) == Ended(started=True, kernel_code=0x8100)


@played
async def test_killed_for_want_of_memory_is_a_crash_not_an_exit(equipment, story):
    tale = story(equipment("runs out of memory"))
    tale.boot()

    ended = await tale.until(Ended)

    assert ended.kernel_code == 0x0C7F04
    assert not any(isinstance(event, AppExited) for event in tale.events)


@played
async def test_a_qemu_that_refuses_is_quoted(equipment, story):
    tale = story(equipment("refuses"))
    tale.boot()

    ended = await tale.until(Ended)

    assert not ended.started
    assert "qemu: no such machine" in ended.error
    assert "exited with status 1" in ended.error


@played
async def test_a_guest_too_small_for_its_kernel_is_told_so(equipment, story):
    tale = story(equipment("lacks memory"))
    tale.boot(memory_mb=64)

    ended = await tale.until(Ended)

    assert "did not come up with 64 MiB of memory" in ended.error
    assert "give it 128" in ended.error


@played
async def test_a_killed_qemu_is_told_from_one_that_ends(equipment, story):
    tale = story(equipment("is killed"))
    tale.boot()

    assert "killed by signal 9" in (await tale.until(Ended)).error


@played
async def test_a_panic_at_boot_is_named(equipment, story):
    tale = story(equipment("panics"))
    tale.boot()

    ended = await tale.until(Ended)

    assert ended.kernel_code == 0x7F01
    assert "panicked" in ended.error


@played
async def test_what_the_guest_cannot_do_is_quoted(equipment, story):
    tale = story(equipment("fails"))
    tale.boot()

    ended = await tale.until(Ended)

    assert not ended.started
    assert "cannot run /bin/nothing: No such file or directory" in ended.error


@played
async def test_a_guest_that_never_comes_meets_the_deadline(equipment, story):
    tale = story(equipment("hangs"), speed=0.05)
    tale.boot()

    ended = await tale.until(Ended)

    assert not ended.started
    assert "was not so far" in ended.error


@played
async def test_an_application_that_ignores_stop_is_ended(equipment, story):
    tale = story(equipment("ignores stop"), speed=0.1)
    machine = tale.boot()
    await tale.until(Running)
    machine.stop(grace_s=0.01)

    ended = await tale.until(Ended)

    assert ended == Ended(started=True)


@played
async def test_kill_ends_a_machine_that_is_still_booting(equipment, story):
    tale = story(equipment("hangs"), speed=100)
    machine = tale.boot()
    machine.kill()

    assert await tale.until(Ended) == Ended(started=False)


@played
async def test_ports_that_nobody_can_reach_are_told_apart(equipment, story):
    tale = story(equipment("listens elsewhere"))
    machine = tale.boot()
    await tale.until(Running)
    result = await asyncio.wrap_future(machine.execute(["true"]))

    assert result.exit_code == 7
    assert [(event.port, event.reachable) for event in tale.events if isinstance(event, Listening)] == [
        (9090, True),
        (8080, False),
    ]
    assert machine.listening() == (9090,)
    assert machine.unreachable == ("127.0.0.1:8080",)


@played
async def test_a_port_can_be_published_later(equipment, story):
    tale = story(equipment())
    machine = tale.boot(ports=())
    await tale.until(Running)
    assert machine.endpoint(9000) is None

    machine.publish(9000)

    assert (await tale.until(Listening)).port == 9000
    assert machine.endpoint(9000).address == ("127.0.0.1", 49000)


@played
async def test_a_command_brings_its_bytes_and_exit_code(equipment, story):
    tale = story(equipment())
    machine = tale.boot()
    await tale.until(Running)

    result = await asyncio.wrap_future(machine.execute(["anything"]))

    assert (result.exit_code, result.stdout, result.stderr) == (7, b"\x00bytes\xff", b"words")


@played
async def test_a_command_whose_machine_ends_fails_at_once(equipment, story):
    tale = story(equipment("dies at exec"))
    machine = tale.boot()
    await tale.until(Running)

    with pytest.raises(MachineEnded, match="web ended before the command did"):
        await asyncio.wrap_future(machine.execute(["anything"]))


@played
async def test_no_command_runs_in_a_machine_that_does_not(equipment, story):
    tale = story(equipment("exits"))
    machine = tale.boot()
    await tale.until(Ended)

    with pytest.raises(MachineEnded, match="web is not running"):
        await asyncio.wrap_future(machine.execute(["anything"]))


@played
async def test_a_command_that_no_frame_holds_is_refused_as_a_kernel_would(equipment, story):
    tale = story(equipment())
    machine = tale.boot()
    await tale.until(Running)

    for argv in (["sh"] * 3000, ["sh", "x" * 5_000_000]):
        result = await asyncio.wrap_future(machine.execute(argv))
        assert (result.exit_code, result.stderr) == (127, b"sh: Argument list too long\n")


@played
async def test_a_command_that_is_none_is_refused(equipment, story):
    tale = story(equipment())
    machine = tale.boot()
    await tale.until(Running)

    with pytest.raises(ValueError, match="no command to run"):
        machine.execute([])
    with pytest.raises(ValueError, match="cannot hold a NUL"):
        machine.execute(["sh", "a\0b"])


@played
async def test_an_image_without_root_file_system_is_no_base_image(equipment, story):
    tale = story(equipment())
    tale.boot(root=None)

    assert "is a ROM, not a base image" in (await tale.until(Ended)).error


@played
async def test_a_missing_program_is_named(equipment, story):
    made = equipment()
    made.qemu.unlink()
    tale = story(made)
    tale.boot()

    assert "QEMU cannot be started" in (await tale.until(Ended)).error


def test_a_machine_that_is_let_go_stays_up_when_the_runner_closes(equipment, tmp_path):
    async def play():
        tale = Story(equipment("outlives"), keep=tmp_path)
        machine = tale.boot()
        await tale.until(Listening)
        pid = machine.pid
        machine.let_go()
        async with asyncio.timeout(20):
            await tale.close()
        return pid

    pid = asyncio.run(play())

    assert process_exists(pid)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)


@played
async def test_a_guest_that_fails_twice_still_ends(equipment, story):
    tale = story(equipment("fails twice"))
    tale.boot()

    assert "cannot run /bin/nothing" in (await tale.until(Ended)).error


@played
async def test_a_command_while_stopping_leaves_the_others_alone(equipment, story):
    tale = story(equipment("answers late"))
    machine = tale.boot()
    await tale.until(Running)
    first = asyncio.wrap_future(machine.execute(["first"]))
    machine.stop(grace_s=5)

    with pytest.raises(MachineEnded, match="is not running"):
        await asyncio.wrap_future(machine.execute(["second"]))

    assert (await first).exit_code == 7
    assert await tale.until(Ended) == Ended(started=True, kernel_code=0x8100)


@played
async def test_an_application_that_prints_a_panic_has_not_panicked(equipment, story):
    tale = story(equipment("prints a panic"))
    tale.boot()

    assert await tale.until(AppExited) == AppExited(0)
    assert await tale.until(Ended) == Ended(started=True, kernel_code=0x8100)


@played
async def test_an_instance_without_a_command_is_told_so(equipment, story):
    tale = story(equipment())
    tale.boot(args=())

    assert "There is no command to run" in (await tale.until(Ended)).error


# From snapshot layers.


@pytest.fixture
def layered(equipment, tmp_path, journal):
    """Runs an asynchronous function with stories whose machines start from layers."""

    def layered(work, part="runs", **options):
        async def play():
            made = equipment(part)
            root = tmp_path / "root.erofs"
            root.write_bytes(bytes(4096))
            turns = options.pop("turns", None) or Turns()
            layers = Layers(made, LayerStore(tmp_path / "layers", 1 << 40), boot_s=20, turns=turns)
            stories = []

            def story():
                stories.append(Story(made, layers=layers, turns=turns, **options))
                boot = stories[-1].boot
                stories[-1].boot = lambda **rest: boot(root=dataclasses.replace(ROOT, path=root), **rest)
                return stories[-1]

            async with asyncio.timeout(30):
                try:
                    return await work(story, layers)
                finally:
                    for each in stories:
                        await each.close()
                        assert isinstance(each.events[-1], Ended)
                        assert each.machine.pid is None or not process_exists(each.machine.pid)

        return asyncio.run(play())

    return layered


async def runs_and_stops(tale, **options):
    """The events of a machine that starts, listens and is stopped, and how it came to be."""
    machine = tale.boot(**options)
    await tale.until(Listening)
    machine.stop(grace_s=1)
    await tale.until(Ended)
    return [type(event) for event in tale.events], machine


def orders(journal, role):
    """What the machines of a kind were told, but for what is told of an instance."""
    return [line.split()[0] for line in journal(role)]


NORMAL = [Console, Running, Listening, AppExited, Ended]


def normal(events):
    """Whether a machine went the way that every one goes."""
    return sorted(map(str, events)) == sorted(map(str, NORMAL)) and events[-2:] == NORMAL[-2:]


def test_a_machine_from_the_second_layer_starts_once_it_is_awake(layered, journal):
    async def work(story, layers):
        return await runs_and_stops(story())

    events, machine = layered(work)

    assert normal(events)
    assert orders(journal, "starts") == ["begins", "wake", "watch", "start", "stop"]
    timings = machine.timings
    assert (
        timings.allowed
        < timings.spawned
        < timings.awake
        <= timings.ready
        == pytest.approx(timings.root, abs=0.1)
    )
    assert timings.root < timings.mounted < timings.running < timings.listening


def test_a_machine_from_the_first_layer_has_its_root_mounted_first(layered, journal):
    async def work(story, layers):
        return await runs_and_stops(story())

    events, machine = layered(work, "cannot mount")

    assert normal(events)
    assert orders(journal, "starts") == ["begins", "wake", "watch", "root", "start", "stop"]
    timings = machine.timings
    assert timings.awake <= timings.ready < timings.root < timings.mounted < timings.running


def test_a_machine_from_a_layer_has_time_and_words_of_its_own(layered):
    """The fake says "too early" to whoever tells the time before it is awake."""

    async def work(story, layers):
        tale = story()
        await runs_and_stops(tale)
        return [event for event in tale.events if isinstance(event, Console)]

    assert layered(work) == [Console(b"hello web-host\n")]


def test_without_any_layer_a_machine_boots_cold(layered, journal):
    async def work(story, layers):
        return await runs_and_stops(story())

    events, machine = layered(work, "dies while saved")

    assert normal(events)
    assert machine.timings.awake is None
    assert orders(journal, "cold") == ["begins", "root", "watch", "start", "stop"]


@pytest.mark.parametrize("part", ["refuses state", "aborts at state", "never wakes", "hangs when restored"])
def test_a_layer_that_qemu_does_not_take_costs_a_cold_boot_and_is_removed(layered, journal, part, caplog):
    slow = part in {"never wakes", "hangs when restored"}

    async def work(story, layers):
        first = await runs_and_stops(story())
        return first, [stored.path.name for stored in layers.store.stored()], layers.trouble

    (events, machine), names, trouble = layered(work, part, speed=0.2 if slow else 1)

    assert normal(events)
    assert machine.timings.awake is None
    assert orders(journal, "cold") == ["begins", "root", "watch", "start", "stop"]
    assert "start" not in orders(journal, "starts")
    assert len(names) == 1  # the first layer
    assert len(trouble) == 1
    assert "instances start without the snapshot layer" in caplog.text


def test_the_next_machine_starts_from_the_layer_below_one_that_was_refused(layered, journal):
    async def work(story, layers):
        return [await runs_and_stops(story()) for _ in range(3)]

    (_, cold), (_, *second), (_, *third) = layered(work, "refuses mounted state")

    assert cold.timings.awake is None
    assert [machine.timings.awake is None for (machine,) in (second, third)] == [False, False]
    assert len(journal("mounts")) == len(set(journal("mounts")))  # it was made once


def test_a_machine_that_fails_after_it_woke_is_not_booted_again(layered, journal):
    """That is no fault of the layer."""

    async def work(story, layers):
        tale = story()
        tale.boot()
        ended = await tale.until(Ended)
        return ended, layers.trouble

    ended, trouble = layered(work, "fails")

    assert "cannot run /bin/nothing" in ended.error
    assert trouble == {}
    assert journal("cold") == []


def test_a_machine_can_be_killed_before_it_begins_to_live(layered, journal):
    async def work(story, layers):
        tale = story()
        tale.boot().kill()
        await tale.until(Ended)
        return tale

    tale = layered(work)

    assert tale.events == [Ended(started=False)]
    assert tale.machine.pid is None
    assert journal() == []


def until_told(journal, words):
    async def until():
        while not any(words in line for line in journal()):  # noqa: ASYNC110 - a file tells nobody that it grows
            await asyncio.sleep(0.005)

    return until()


@pytest.mark.parametrize("end", ["kill", "stop"])
def test_a_machine_that_is_killed_while_its_layer_is_made_ends_at_once(layered, journal, end):
    async def work(story, layers):
        tale = story()
        machine = tale.boot()
        await until_told(journal, "boots: half saved")
        machine.kill() if end == "kill" else machine.stop(grace_s=100)
        async with asyncio.timeout(5):
            await tale.until(Ended)
        await layers.close()
        return tale

    tale = layered(work, "hangs while saved")

    assert tale.events == [Ended(started=False)]
    assert tale.machine.pid is None


def test_a_machine_that_is_killed_while_it_waits_for_its_turn_ends_at_once(layered, tmp_path):
    budget = Budget(tmp_path / "budget", {"memory": 200})

    async def work(story, layers):
        tale, other = story(), story()
        first = other.boot()
        await other.until(Running)
        machine = tale.boot()
        while machine.waited_for is None:  # noqa: ASYNC110 - that is all that is told
            await asyncio.sleep(0.005)
        machine.kill()
        async with asyncio.timeout(5):
            await tale.until(Ended)
        first.kill()
        await other.until(Ended)
        assert budget.holders() == []
        return tale

    tale = layered(work, turns=Turns(budget))

    assert tale.events == [Ended(started=False)]
    assert tale.machine.pid is None
    assert "1 VM of process" in tale.machine.waited_for


def test_a_machine_that_is_killed_while_it_is_restored_ends_at_once(layered, journal):
    async def work(story, layers):
        tale = story()
        machine = tale.boot()
        await until_told(journal, "starts: wake")
        machine.kill()
        await tale.until(Ended)
        return tale, layers.trouble

    tale, trouble = layered(work, "never wakes")

    assert tale.events == [Ended(started=False)]
    assert trouble == {}
    assert journal("cold") == []


def test_a_machine_that_is_killed_while_its_layer_is_given_up_does_not_boot(layered, journal, monkeypatch):
    async def work(story, layers):
        tale = story()
        distrust = layers.distrust

        def kill(layer, why):
            distrust(layer, why)
            tale.machine._kill()

        monkeypatch.setattr(layers, "distrust", kill)
        tale.boot()
        await tale.until(Ended)
        return tale

    tale = layered(work, "refuses state")

    assert tale.events == [Ended(started=False)]
    assert "start" not in orders(journal, "cold")


def test_a_layer_that_goes_while_machines_run_from_it_is_no_matter(layered, tmp_path):
    async def work(story, layers):
        tale = story()
        machine = tale.boot()
        await tale.until(Running)
        layers.store.prune(limit=0)
        result = await asyncio.wrap_future(machine.execute(["anything"]))
        again = await runs_and_stops(story())
        return result, again

    result, (events, machine) = layered(work)

    assert result.exit_code == 7
    assert normal(events)
    assert machine.timings.awake is not None


def test_twenty_starts_leave_no_descriptor_open(layered):
    def count():
        return len(list(Path("/proc/self/fd").iterdir()))

    async def work(story, layers):
        await runs_and_stops(story())
        before = count()
        for _ in range(5):
            await asyncio.gather(*(runs_and_stops(story()) for _ in range(4)))
        return before, count()

    before, after = layered(work)

    assert after == before
