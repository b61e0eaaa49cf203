"""Instances stop, start again, end by themselves and are deleted."""

from __future__ import annotations

import base64
import secrets
from pathlib import Path

import pytest

IDLE = ["sleep", "600"]

# Ends with code 7 when the file appears that is its cue.
ON_CUE = ["sh", "-c", "echo waiting; while [ ! -e /run/cue ]; do sleep 0.05; done; echo ending; exit 7"]

STUBBORN = ["sh", "-c", "trap 'echo asked' TERM; echo up; while :; do sleep 0.1; done"]


@pytest.fixture
def restarted(ukrom, app, machine_of):
    """An instance that wrote to its root, was stopped, and started again."""
    words = {"rom.py": f"def function():\n    return {secrets.token_hex(16)!r}\n"}
    rom = ukrom.build_rom(words, name="restarted")
    instance = ukrom.run(app, roms=[rom.attach("words", at="/rom")], port=8080)
    before = instance.get("/").text
    first_pid = machine_of(ukrom, instance).pid
    assert instance.exec(["touch", "/src/mark", "/etc/mark"]).exit_code == 0

    instance.stop()
    stopped = instance.read()
    gone = not Path(f"/proc/{first_pid}").exists()
    instance.start()
    return instance, before, first_pid, stopped, gone


def test_restart_discards_the_root_and_keeps_the_rom(ukrom, restarted, machine_of):
    instance, before, first_pid, stopped, gone = restarted

    assert gone, "QEMU outlived the stop"
    assert (stopped["state"], stopped["stop_reason"], stopped["exit_code"]) == ("stopped", 15, 143)
    assert stopped["start_count"] == 1

    assert instance.get("/").text == before
    assert instance.exec(["ls", "/src", "/etc/mark"]).output == "/src:\napp.py\n"
    assert instance.read()["start_count"] == 2
    assert machine_of(ukrom, instance).pid != first_pid
    assert instance.logs().count("app: listening") == 2


def test_forced_stop_asks_nobody(ukrom, app, machine_of, until):
    instance = ukrom.run(app, args=STUBBORN)
    pid = machine_of(ukrom, instance).pid
    until(lambda: "up" in instance.logs(), "the application set its trap")

    instance.stop(force=True)

    assert not Path(f"/proc/{pid}").exists()
    assert instance.read()["stop_reason"] == 28
    assert "asked" not in instance.logs()


def test_application_that_does_not_end_is_ended(ukrom, app, until):
    instance = ukrom.run(app, args=STUBBORN)
    until(lambda: "up" in instance.logs(), "the application set its trap")

    instance.stop()

    assert instance.read()["stop_reason"] == 15
    assert instance.read()["exit_code"] == 128 + 9
    assert "asked" in instance.logs()


def test_application_that_ends_takes_the_machine_along(ukrom, app, machine_of, until):
    instance = ukrom.run(app, args=ON_CUE)
    pid = machine_of(ukrom, instance).pid
    until(lambda: "waiting" in instance.logs(), "the application runs")

    machine_of(ukrom, instance).execute(["touch", "/run/cue"])
    instance.wait("stopped", timeout=60)

    assert not Path(f"/proc/{pid}").exists()
    read = instance.read()
    assert (read["stop_reason"], read["exit_code"]) == (3, 7)
    assert instance.logs() == ("waiting\nending\nApplication exited with 0x700 (exit code: 7)\n")


def test_delete_ends_the_machine(ukrom, app, machine_of):
    instance = ukrom.run(app, args=IDLE)
    pid = machine_of(ukrom, instance).pid
    assert Path(f"/proc/{pid}").exists()

    instance.delete()

    assert not Path(f"/proc/{pid}").exists()
    assert ukrom.snapshots() == ()


def test_log_is_read_in_windows(ukrom, app, until):
    instance = ukrom.run(app, args=["sh", "-c", "echo the first line; echo the second line; exec sleep 600"])
    until(lambda: "second" in instance.logs(), "the application printed its lines")
    instance.exec(["sh", "-c", "echo from the side > /dev/console"])
    until(lambda: "side" in instance.logs(), "the command printed its line")
    whole = instance.logs().encode()

    def window(**fields):
        item = ukrom.call("GET", f"/instances/{instance.uuid}/log", json=fields)
        return base64.b64decode(item["output"]), item["range"], item["available"]

    begin = whole.index(b"the second line")
    output, span, available = window(offset=begin, limit=10)
    assert output == b"the second"
    assert span == {"start": begin, "end": begin + 10}
    assert available == {"start": 0, "end": len(whole)}
    assert window(offset=-14)[0] == whole[-14:] == b"from the side\n"
    assert window(offset=len(whole))[0] == b""
