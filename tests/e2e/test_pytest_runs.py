"""Whole runs of pytest with real machines: what a user sees of a failure, and what is left of it."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path

import httpx
import pytest

APP = Path(__file__).parent / "apps/app.py"

CONFTEST = f"""
import pathlib, pytest, threading, time, uuid

@pytest.fixture
def up(ukrom):
    "Run an instance, and tell the test of this test QEMU's process id."
    def up(**options):
        image = ukrom.python_image({str(APP)!r}, name="app")
        instance = ukrom.run(image, **{{"args": ["sh", "-c", "echo I am up; exec sleep 600"], **options}})
        pid = ukrom.emulator.machine(uuid.UUID(instance.uuid)).pid
        while " up" not in instance.logs() and "listening" not in instance.logs():
            time.sleep(0.05)
        pathlib.Path(f"{{pid}}.pid").touch()
        return instance
    return up

@pytest.fixture
def wait_for_ever():
    return lambda: threading.Event().wait(200)
"""


@pytest.fixture
def temporary():
    """A folder for what runs put aside; short, since sockets have short paths."""
    folder = Path(tempfile.mkdtemp(prefix="e2e-", dir="/tmp"))
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def suite(pytester, monkeypatch, temporary):
    """A suite of one file; gives the command that runs it."""
    monkeypatch.setenv("TMPDIR", str(temporary))
    monkeypatch.delenv("PYTEST_TIMEOUT", raising=False)
    pytester.makeconftest(CONFTEST)

    def suite(source, *options):
        pytester.makepyfile(test_it=textwrap.dedent(source))
        flags = ["--ukrom", "--ukrom-require-vm", "-p", "no:cacheprovider", "--timeout=200"]
        return [sys.executable, "-m", "pytest", *flags, *options]

    return suite


@pytest.fixture
def run(suite, pytester):
    """Run a suite to its end."""

    def run(source, *options):
        return pytester.run(*suite(source, *options), timeout=240)

    return run


@pytest.fixture
def started(suite, pytester, until):
    """Start a suite, and wait until it has as many machines as it is meant to have."""
    running = []

    def started(source, *options, machines=1):
        with (pytester.path / "output").open("w") as output:
            process = subprocess.Popen(suite(source, *options), stdout=output, stderr=output)
        running.append(process)
        until(lambda: len(pids(pytester)) == machines or process.poll() is not None, "it runs", 120)
        assert process.poll() is None, (pytester.path / "output").read_text()
        return process

    yield started
    for process in running:
        process.kill()
        process.wait(30)


def pids(pytester):
    return [int(file.stem) for file in pytester.path.glob("*.pid")]


def alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.fixture
def all_gone(pytester, temporary, until):
    """Check that machines and folders go within the two seconds that are allowed."""

    def all_gone(machines=1):
        assert len(pids(pytester)) == machines
        until(lambda: not any(map(alive, pids(pytester))), "QEMU is gone", 2)
        until(lambda: not list(temporary.glob("*ukrom-run-*")), "its folder is gone", 2)

    return all_gone


def test_failing_test_shows_its_machine(run, all_gone):
    result = run("def test_it(up):\n    up(name='web')\n    assert 1 == 2\n")

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "*assert 1 == 2*",
            "*- ukrom instance web -*",
            "running, image ukrom/app:latest",
            "*- ukrom instance web: console -*",
            "I am up",
            "*- ukrom instance web: QEMU's command line -*",
            "*qemu-system-x86_64 *",
        ]
    )
    all_gone()


def test_instance_that_fails_shows_its_end_and_not_our_frames(run):
    """The application's traceback is there, and the line of the test, and little else."""
    result = run(
        """
        def test_it(up):
            up(name="web", args=["python3", "-c", "raise SystemExit('no settings')"], port=8080)
        """
    )

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*InstanceFailed: Instance web does not answer*exited with code 1*"])
    result.stdout.fnmatch_lines(["*no settings"])
    result.stdout.no_fnmatch_line("*pytest_ukrom/*")


def test_kept_machine_can_be_reached_and_ended_as_printed(run, pytester, temporary, until):
    result = run("def test_it(up):\n    up(args=None, port=8080)\n    assert False\n", "--ukrom-keep")
    (pid,) = pids(pytester)
    try:
        text = result.stdout.str()
        url = re.search(r"curl (http://127\.0\.0\.1:\d+/)", text)[1]
        assert "/src/app.py" not in url
        assert httpx.get(f"{url}src/app.py", timeout=120).text == APP.read_text()
        console = Path(re.search(r"console in (\S+)", text)[1].rstrip(","))
        assert "app: listening" in console.read_text()

        end = re.search(r"end it: (.*)", text)[1]
        assert f"kill {pid} " in end
        subprocess.run(["sh", "-c", end], check=True, timeout=30)
        until(lambda: not alive(pid), "the printed line ended it", 5)
        assert list(temporary.glob("*ukrom-run-*")) == []
    finally:
        if alive(pid):
            os.kill(pid, signal.SIGKILL)


@pytest.mark.parametrize(("how", "status"), [("SIGINT", 2), ("SIGKILL", -9), ("SIGTERM", -15)])
def test_signal_in_the_middle_leaves_nothing(started, all_gone, how, status):
    process = started("def test_it(up, wait_for_ever):\n    up()\n    wait_for_ever()\n")

    process.send_signal(signal.Signals[how])

    assert process.wait(30) == status
    all_gone()


def test_kill_with_kept_machines_leaves_nothing_either(started, all_gone):
    process = started("def test_it(up, wait_for_ever):\n    up()\n    wait_for_ever()\n", "--ukrom-keep")

    process.kill()

    process.wait(30)
    all_gone()


def test_fixture_that_fails_after_it_ran_an_instance(run, all_gone):
    result = run(
        """
        import pytest

        @pytest.fixture
        def broken(up):
            up(name="web")
            raise RuntimeError("no good")

        def test_it(broken):
            pass
        """
    )

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*RuntimeError: no good*", "*- ukrom instance web: console -*"])
    all_gone()


def test_pytest_exit_leaves_nothing(run, all_gone):
    result = run("import pytest\ndef test_it(up):\n    up()\n    pytest.exit('enough', returncode=7)\n")

    assert result.ret == 7
    all_gone()


@pytest.mark.parametrize(("option", "layer"), [("--ukrom-no-layers", 0), ("--ukrom-no-spare", 2)])
def test_layers_and_spare_machines_can_be_turned_off(run, option, layer):
    """Without layers nothing is slower but the start, and no machine waits for a next instance."""
    result = run(
        f"""
        import uuid

        def test_it(up, ukrom):
            instance = up(args=None, port=8080)
            assert ukrom.emulator.machine(uuid.UUID(instance.uuid)).layer == {layer}
            assert ukrom.emulator.means.spares is None
            assert instance.get("/src/app.py").status_code == 200
        """,
        option,
    )

    result.assert_outcomes(passed=1)


def test_each_worker_has_a_machine_of_its_own_at_the_same_time(run, pytester, all_gone):
    source = """
        import os, pathlib, pytest, time

        @pytest.mark.parametrize("number", [1, 2])
        def test_it(up, number):
            instance = up(name="web", env={"WORKER": os.environ["PYTEST_XDIST_WORKER"]})
            while len(list(pathlib.Path().glob("*.pid"))) < 2:
                time.sleep(0.05)
            told = instance.exec(["sh", "-c", "echo $WORKER"]).output.strip()
            assert told == os.environ["PYTEST_XDIST_WORKER"]
            pathlib.Path(f"done-{told}").touch()
        """
    result = run(source, "-n2")

    result.assert_outcomes(passed=2)
    assert sorted(path.name for path in pytester.path.glob("done-*")) == ["done-gw0", "done-gw1"]
    all_gone(machines=2)
