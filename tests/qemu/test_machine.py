"""What becomes of a machine, whatever QEMU and the guest do; a fake plays both."""

import asyncio
import os
import signal
from pathlib import Path
from uuid import UUID

import pytest

from ukrom.cloud.ports import AppExited, Console, Ended, Image, Listening, MachineSpec, Running, StoredBlob
from ukrom.errors import MachineEnded
from ukrom.qemu import Means, QemuRunner

ROOT = StoredBlob(Path("root.erofs"), 4096, "sha256:0", "erofs")


def spec(root=ROOT, ports=(8080,), memory_mb=128, args=("/app",)):
    image = Image("oci://unikraft.io/t/app:latest@sha256:0", "sha256:0", "x86_64", root)
    return MachineSpec(UUID(int=1), "web", "web-host", image, args, {"A": "1"}, memory_mb, 1, (), ports)


def process_exists(pid):
    return Path(f"/proc/{pid}").exists()


class Story:
    """Boots one machine and keeps its events."""

    def __init__(self, equipment, *, speed=1.0, keep=None):
        self.events = []
        self._changed = asyncio.Event()
        self._runner = QemuRunner(
            Means(equipment), asyncio.get_running_loop(), speed=speed, pack=None, keep=keep
        )

    def boot(self, **options):
        self.machine = self._runner.boot(spec(**options), self._take)
        return self.machine

    def _take(self, event):
        self.events.append(event)
        self._changed.set()

    async def until(self, kind):
        async with asyncio.timeout(20):
            while not (found := [event for event in self.events if isinstance(event, kind)]):
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
