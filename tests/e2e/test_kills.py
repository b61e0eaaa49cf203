"""Killed at any moment, a run leaves nothing: no process, file, lock or socket for a later run to meet."""

from __future__ import annotations

import os
import random
import signal
import time
from pathlib import Path

import pytest

from tests.plugin.leftovers import Run
from ukrom.host import Budget

APP = Path(__file__).parent / "apps/app.py"

SUITE = f"""
import pytest

@pytest.mark.parametrize("number", range(40))
def test_it(ukrom, number):
    image = ukrom.python_image({str(APP)!r}, name="app")
    rom = ukrom.build_rom({{"number": str(number)}}, name="number")
    instance = ukrom.run(image, args=["sleep", "600"], roms=[rom.attach("number", at="/rom")])
    assert instance.exec(["cat", "/rom/number"]).output == str(number)
    print("up", number, flush=True)
"""

KILLS = 20


@pytest.fixture
def begin(pytester, monkeypatch):
    """Start a run of that suite beside this one."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    pytester.makepyfile(test_it=SUITE)
    runs = []

    def begin(*arguments):
        runs.append(Run(pytester.path, "--ukrom", "--ukrom-require-vm", *arguments))
        return runs[-1]

    yield begin
    for run in runs:
        run.process.kill()
        run.process.communicate()


def left_over(run, cache):
    """All that a run may leave where others look: by what it is."""
    budget = Budget(cache / "budget", {"memory": 1})
    return {
        "shared memory": sorted(path.name for path in Path("/dev/shm").iterdir()),
        "hidden files of layers": sorted(path.name for path in (cache / "layers").glob(".*")),
        "claims": [holder for holder in budget.holders() if holder.pid == run.process.pid],
        "temporary files": sorted(path.name for path in run.temporary.iterdir()),
        "listening sockets": listening(run),
    }


def listening(run):
    """Sockets on which a process of the run listens."""
    lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
    inodes = {line.split()[9] for line in lines if line.split()[3] == "0A"}
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if str(run.folder).encode() not in (process / "environ").read_bytes():
                continue
            links = [str(link.readlink()) for link in (process / "fd").iterdir()]
        except OSError:
            continue
        found += [link for link in links if link.removeprefix("socket:[").rstrip("]") in inodes]
    return found


def test_kills_at_random_moments_leave_nothing(begin, cache_folder):
    """SIGKILL of pytest, twenty times: while it starts, restores, runs, prepares a spare machine, ends."""
    chance = random.Random(4)
    before = None
    for _ in range(KILLS):
        run = begin()
        if before is None:
            before = left_over(run, cache_folder) | {"temporary files": [], "listening sockets": []}
        if chance.random() < 0.7:
            run.await_line("up")
        ends = time.monotonic() + chance.uniform(0, 0.8)
        while time.monotonic() < ends and run.process.poll() is None:
            time.sleep(0.01)  # the moment is what is random here

        assert run.process.poll() is None, "it was over before it was killed"
        run.process.kill()
        run.end()

        run.await_nothing_left()
        assert left_over(run, cache_folder) == before


def test_machine_of_a_killed_run_never_answers_a_later_one(begin, ukrom, app):
    """The later run has the same names, ports and ROM names, and another content."""
    killed = begin()
    killed.await_line("up")
    killed.process.kill()

    rom = ukrom.build_rom({"number": "mine"}, name="number")
    instance = ukrom.run(app, args=["sleep", "600"], roms=[rom.attach("number", at="/rom")])
    assert instance.exec(["cat", "/rom/number"]).output == "mine"

    killed.end()
    killed.await_nothing_left()


def test_killed_qemu_is_told_and_the_next_instance_runs(ukrom, app, machine_of, until):
    first = ukrom.run(app, name="first", args=["sleep", "600"])

    os.kill(machine_of(ukrom, first).pid, signal.SIGKILL)

    until(lambda: first.state == "stopped", "the end was noticed")
    assert "QEMU was killed by signal 9" in str(ukrom.snapshots()[0].failure)
    second = ukrom.run(app, name="second", args=["sleep", "600"])
    assert second.exec(["sh", "-c", "echo up"]).output == "up\n"


def test_killed_spare_machine_is_not_missed(ukrom, app, until):
    """The machine that was prepared for the next instance dies before that comes."""
    ukrom.run(app, name="first", args=["sleep", "600"])
    spares = ukrom.emulator.means.spares
    until(lambda: spares._spare, "a machine was prepared")

    os.kill(spares._spare.vm.process.pid, signal.SIGKILL)

    second = ukrom.run(app, name="second", args=["sleep", "600"])
    assert second.exec(["sh", "-c", "echo up"]).output == "up\n"


def test_killed_worker_leaves_nothing(begin, cache_folder):
    """A worker of pytest-xdist is killed; the rest of the run goes on in another."""
    run = begin("-p", "xdist", "-n2", *(f"test_it.py::test_it[{number}]" for number in range(4)))
    run.await_folder()
    (worker, *_) = [int(process.name) for process in Path("/proc").glob("[0-9]*") if is_worker(process, run)]

    os.kill(worker, signal.SIGKILL)
    output = run.end()

    assert "crashed" in output
    assert "passed" in output
    run.await_nothing_left()


def is_worker(process, run):
    try:
        command = (process / "cmdline").read_bytes().split(b"\0")
        parent = int((process / "stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return False
    return parent == run.process.pid and b"-c" in command
