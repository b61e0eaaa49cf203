"""The folder of a run."""

from __future__ import annotations

import fcntl
import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ukrom.errors import SettingsError
from ukrom.host import RunFolder

OWNER = """
import sys, threading
from ukrom.host import RunFolder
folder = RunFolder()
machine = folder.path / "machines" / "one"
machine.mkdir(parents=True)
(machine / "pid").write_text(sys.argv[1])
(folder.path / "file").write_text("some")
print(folder.path, flush=True)
threading.Event().wait(60)
"""


@pytest.fixture(autouse=True)
def base(tmp_path, monkeypatch):
    """Have temporary folders made in a place of the test's own."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    return tmp_path


@pytest.fixture
def sleeper():
    """A process that stands for a machine that outlives its parent."""
    process = subprocess.Popen(["sleep", "60"])
    yield process
    process.kill()
    process.wait()


def children(pid=None):
    pid = pid or os.getpid()
    return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()


def test_folder_is_private_and_gone_after_close(base):
    before = children()
    run = RunFolder()
    assert run.path.parent == base
    assert run.path.name.startswith("ukrom-run-")
    assert run.path.stat().st_mode & 0o777 == 0o700
    (run.path / "file").write_text("some")

    run.close()

    assert not run.path.exists()
    assert children() == before
    assert list(base.iterdir()) == []


def test_folder_is_gone_after_a_kill_with_what_ran_in_it(base, sleeper):
    owner = subprocess.Popen(
        [sys.executable, "-c", OWNER, str(sleeper.pid)], stdout=subprocess.PIPE, text=True
    )
    path = Path(owner.stdout.readline().strip())
    assert (path / "file").is_file()
    (watcher,) = children(owner.pid)
    descriptor = os.pidfd_open(int(watcher))

    owner.send_signal(signal.SIGKILL)
    owner.communicate()

    assert select.select([descriptor], [], [], 10)[0], "the watcher is still there"
    os.close(descriptor)
    assert list(base.iterdir()) == []
    assert sleeper.wait(10) == -signal.SIGKILL


def test_folder_of_a_run_that_is_over_is_swept(base):
    stale = base / "ukrom-run-stale"
    stale.mkdir()
    (stale / "lock").touch()
    (stale / "file").touch()

    run = RunFolder()

    assert not stale.exists()
    run.close()


def test_folder_of_a_run_that_goes_on_is_left(base):
    other = RunFolder()

    run = RunFolder()

    assert other.path.exists()
    run.close()
    assert other.path.exists()
    other.close()


def test_folder_that_another_process_locks_is_left(base):
    folder = base / "ukrom-run-held"
    folder.mkdir()
    with (folder / "lock").open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        RunFolder().close()
        assert folder.exists()

    RunFolder().close()

    assert not folder.exists()


def test_kept_folder_is_left_by_its_run_and_by_later_ones(base, sleeper):
    run = RunFolder()
    machine = run.path / "machines" / "one"
    machine.mkdir(parents=True)
    (machine / "pid").write_text(str(sleeper.pid))

    run.close(keep=True)
    RunFolder().close()

    assert machine.exists()
    assert sleeper.poll() is None


def test_foreign_things_of_that_name_are_left(base):
    (base / "ukrom-run-file").write_text("not a folder")
    (base / "ukrom-run-unlocked").mkdir()

    RunFolder().close()

    assert (base / "ukrom-run-file").exists()
    assert (base / "ukrom-run-unlocked").exists()


def test_close_survives_a_watcher_that_was_killed(base):
    before = set(children())
    run = RunFolder()
    (watcher,) = set(children()) - before
    os.kill(int(watcher), signal.SIGKILL)

    run.close()

    assert list(base.iterdir()) == []


def test_temporary_folder_that_cannot_be_written_is_told(monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", "/proc")

    with pytest.raises(SettingsError, match="No folder can be made in /proc") as error:
        RunFolder()

    assert "TMPDIR" in str(error.value)
