"""Policies that act on real machines: scale-to-zero, restarts; and what real machines refuse."""

from __future__ import annotations

import secrets

import pytest

from pytest_ukrom import Refused

# Ends with code 7 when the file appears that is its cue; the next start finds a fresh root, without it.
ON_CUE = "echo up; while [ ! -e /run/cue ]; do sleep 0.05; done; exit 7"


def test_idle_instance_sleeps_and_the_next_request_wakes_it(ukrom, app):
    word = secrets.token_hex(8)
    rom = ukrom.build_rom({"rom.py": f"def function():\n    return {word!r}\n"}, name="sleeper")
    policy = {"policy": "on", "cooldown_time_ms": 500}
    instance = ukrom.run(app, roms=[rom.attach("word", at="/rom")], port=8080, scale_to_zero=policy)

    instance.wait("standby")
    asleep = instance.read()
    answer = instance.get("/")

    assert asleep["stop_reason"] == 39
    assert asleep["start_count"] == 1
    assert answer.text == word
    assert instance.read()["start_count"] == 2


def test_application_that_fails_is_started_again(ukrom, app, machine_of, until):
    instance = ukrom.run(app, args=["sh", "-c", ON_CUE], restart_policy="always")
    first = machine_of(ukrom, instance).pid

    # Not waited for: the machine may end before the command is told to have ended.
    machine_of(ukrom, instance).execute(["touch", "/run/cue"])
    until(lambda: instance.logs().count("up\n") == 2, "the application runs again")

    read = instance.read()
    assert read["restart_count"] == 1
    assert read["restart"] == {"attempt": 1}
    assert machine_of(ukrom, instance).pid != first


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"volumes": [{"size_mb": 8, "at": "/data"}]}, "olumes"),
        (
            {
                "scale_to_zero": {"policy": "on", "stateful": True},
                "service_group": {"services": [{"port": 443}]},
            },
            "real machines",
        ),
    ],
)
def test_what_real_machines_cannot_do_yet_is_refused(ukrom, app, fields, told):
    with pytest.raises(Refused, match=told) as caught:
        ukrom.run(app, args=["sleep", "600"], **fields)

    assert caught.value.code == 1


def test_memory_of_a_real_machine_is_not_pretended_to_be_saved(ukrom, app):
    instance = ukrom.run(app, args=["sleep", "600"])

    with pytest.raises(Refused, match="real machines") as caught:
        ukrom.call("PUT", f"/instances/{instance.uuid}/suspend", json={})
    assert caught.value.code == 1
    with pytest.raises(Refused, match="real machines"):
        ukrom.call("POST", "/instances/templates", json=[{"uuid": instance.uuid}])
    assert instance.state == "running"
