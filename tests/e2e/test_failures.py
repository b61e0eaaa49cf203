"""Every way an instance fails to come up or to answer: what the user is told, and that nothing is left."""

from __future__ import annotations

import dataclasses
import os
import re
import signal
import threading
import time
from pathlib import Path

import httpx
import pytest

from pytest_ukrom import InstanceFailed

IDLE = ["sleep", "600"]
PYTHON = ["python3", "-c"]
LISTEN = "import socket, time; s = socket.create_server(({!r}, {})); time.sleep(600)"
EAT = "held = []\nwhile True: held.append(bytearray(1 << 20))"


@pytest.fixture(autouse=True)
def _check(nothing_left):
    """Before all other fixtures, so that it looks when they are gone."""


@pytest.fixture
def short_answers(ukrom, monkeypatch):
    """Requests wait for an application only two seconds."""
    cloud = ukrom.emulator.cloud
    quick = dataclasses.replace(cloud.settings, answer_timeout_s=2 / ukrom.patience)
    monkeypatch.setattr(cloud, "settings", quick)


def failure_of(ukrom, app, args, **options):
    """How a run fails; and how long after the start it did."""
    began = time.monotonic()
    with pytest.raises(InstanceFailed) as caught:
        ukrom.run(app, name="web", args=args, **options)
    return caught.value, time.monotonic() - began


def test_application_that_exits_at_once_shows_its_traceback(ukrom, app):
    """The ROM that it loads is not attached: the first failure of the specification's failure walk."""
    error, _ = failure_of(ukrom, app, [*PYTHON, "open('/rom/rom.py')"], port=8080)

    # `stopping` while the machine goes down, `stopped` a moment later.
    pattern = "The instance 'web' is stopp(ing|ed): the application exited with code 1"
    assert re.fullmatch(f"Instance web does not answer: {pattern}", error.message)
    assert "FileNotFoundError: [Errno 2] No such file or directory: '/rom/rom.py'" in error.console
    assert error.console.endswith("Application exited with 0x100 (exit code: 1)")
    assert error.console in str(error)
    read = ukrom.instance("web").wait("stopped").read()
    assert (read["stop_reason"], read["exit_code"]) == (3, 1)


def test_application_on_another_port_is_told_its_port(ukrom, app):
    error, _ = failure_of(ukrom, app, [*PYTHON, LISTEN.format("0.0.0.0", 9000)], port=8080)

    assert "does not listen on port 8080, but on 9000" in error.message
    assert ukrom.instance("web").state == "running"


def test_application_on_loopback_is_told_that_nobody_reaches_it(ukrom, app):
    error, _ = failure_of(ukrom, app, [*PYTHON, LISTEN.format("127.0.0.1", 8080)], port=8080)

    assert "127.0.0.1:8080" in error.message
    assert "0.0.0.0" in error.message


@pytest.mark.usefixtures("short_answers")
def test_application_that_never_listens_meets_the_deadline(ukrom, app):
    error, _ = failure_of(ukrom, app, IDLE, port=8080)

    assert "Nothing listened on port 8080 within 2 s in 'web' (running)" in error.message


def test_program_that_is_not_in_the_image_is_named(ukrom, app):
    error, _ = failure_of(ukrom, app, ["/no/such/program"])

    assert error.message == (
        "Instance web did not come up: "
        "The guest says: cannot run /no/such/program: No such file or directory."
    )
    assert ukrom.instance("web").state == "stopped"


def test_panic_of_the_guest_is_told_at_once(ukrom, app, machine_of):
    instance = ukrom.run(app, args=IDLE)
    pid = machine_of(ukrom, instance).pid
    pending = machine_of(ukrom, instance).execute(["sh", "-c", "echo c > /proc/sysrq-trigger"])

    instance.wait("stopped", timeout=60)

    with pytest.raises(Exception, match="ended before the command did"):
        pending.result(10)
    assert not Path(f"/proc/{pid}").exists()
    assert "Kernel panic - not syncing: sysrq triggered crash" in instance.logs()
    read = instance.read()
    assert (read["stop_reason"], read["stop_code"]) == (1, 0x7F01)


def test_application_that_eats_all_memory_is_told_apart_from_one_that_exits(ukrom, app):
    instance = ukrom.run(app, args=[*PYTHON, EAT], memory_mb=128)

    instance.wait("stopped", timeout=60)

    assert "Out of memory: Killed process" in instance.logs()
    read = instance.read()
    assert (read["stop_reason"], read["stop_code"]) == (1, 0x0C7F04)


def test_memory_too_small_for_the_guest_is_told(ukrom, app):
    error, seconds = failure_of(ukrom, app, IDLE, memory_mb=16)

    assert error.message.startswith(
        "Instance web did not come up: The guest did not come up with 16 MiB of memory"
    )
    assert "give it 128" in error.message
    assert seconds < 10


def test_killed_qemu_is_noticed_by_all_who_wait(ukrom, app, machine_of, until):
    instance = ukrom.run(app, name="web", port=8080)
    machine = machine_of(ukrom, instance)
    pending = machine.execute(IDLE)
    answers = []
    asking = threading.Thread(target=lambda: answers.append(instance.get("/hang")))
    asking.start()
    until(lambda: "a request hangs" in instance.logs(), "the request reached the application")

    os.kill(machine.pid, signal.SIGKILL)
    killed_at = time.monotonic()
    asking.join(30)

    assert time.monotonic() - killed_at < 10
    assert answers[0].status_code == 502
    with pytest.raises(Exception, match="web ended before the command did"):
        pending.result(10)
    instance.wait("stopped", timeout=10)
    assert ukrom.snapshots()[0].failure == "QEMU was killed by signal 9."
    later = instance.get("/")
    assert later.status_code == 502
    assert "QEMU was killed by signal 9." in later.text


def test_instance_that_failed_can_be_started_again(ukrom, app, machine_of):
    instance = ukrom.run(app, args=IDLE)
    os.kill(machine_of(ukrom, instance).pid, signal.SIGKILL)
    instance.wait("stopped", timeout=30)

    instance.start()

    assert instance.exec(["sh", "-c", "exit 4"]).exit_code == 4


def test_client_that_gives_up_leaves_the_instance_in_order(ukrom, app):
    instance = ukrom.run(app, name="web", port=8080)
    with instance.client(timeout=0.5) as client, pytest.raises(httpx.ReadTimeout):
        client.get("/hang")

    instance.delete()
