"""What an application finds in its guest, and what commands beside it do."""

from __future__ import annotations

import hashlib
import secrets
import time

import pytest

from ukrom.errors import MachineEnded

IDLE = ["sleep", "600"]
BLOB = secrets.token_bytes(300_000)

CONNECT = """
import socket, time
for where in ("1.1.1.1", 80), ("10.0.2.2", 22), ("10.0.2.3", 53), ("example.com", 80):
    began = time.monotonic()
    try:
        socket.create_connection(where, 60).close()
        print(where[0], "connected", end=" ")
    except OSError as error:
        print(where[0], type(error).__name__, error.errno, end=" ")
    print(round(time.monotonic() - began))
"""


@pytest.fixture(scope="module")
def guests(ukrom_session, app):
    """Two guests that idle, one with bytes to read."""
    rom = ukrom_session.build_rom({"blob": BLOB}, name="blob")
    made = [
        ukrom_session.run(app, name="guest1", args=IDLE, roms=[rom.attach("blob", at="/rom")]),
        ukrom_session.run(app, name="guest2", args=IDLE),
    ]
    yield made
    for instance in made:
        instance.delete()


@pytest.fixture(scope="module")
def guest(guests):
    return guests[0]


@pytest.fixture(scope="module")
def execute(ukrom_session, machine_of, guest):
    """Run a command without taking its output for text."""
    machine = machine_of(ukrom_session, guest)
    return lambda *argv: machine.execute(argv)


def test_command_gives_its_output_errors_and_exit_code(guest):
    done = guest.exec(["sh", "-c", "echo out; echo err >&2; exit 5"])
    assert (done.exit_code, done.output, done.errors) == (5, "out\n", "err\n")


def test_command_that_dies_of_a_signal_gives_128_and_its_number(guest):
    assert guest.exec(["sh", "-c", "kill -9 $$"]).exit_code == 137


def test_missing_program_gives_127_and_says_so(guest):
    done = guest.exec(["no-such-program"])
    assert (done.exit_code, done.errors) == (127, "no-such-program: No such file or directory\n")


def test_output_of_a_command_is_bytes_of_any_kind_and_length(execute):
    assert execute("cat", "/rom/blob").result(60).stdout == BLOB


def test_command_takes_long_arguments(guest):
    """More than one read of the agent's port brings."""
    done = guest.exec(["sh", "-c", 'printf %s "$1" | sha256sum', "sh", "x" * 120_000])
    assert done.output.split()[0] == hashlib.sha256(b"x" * 120_000).hexdigest()


@pytest.mark.parametrize("argv", [["sh", "x" * 200_000], ["sh"] * 3000, ["sh", *["y" * 100_000] * 60]])
def test_command_that_no_kernel_takes_is_refused_and_the_guest_lives(guest, argv):
    done = guest.exec(argv)
    assert (done.exit_code, done.errors) == (127, "sh: Argument list too long\n")
    assert guest.exec(["sh", "-c", "exit 0"]).exit_code == 0


def test_seventeenth_command_at_once_is_refused_and_the_others_end_with_the_machine(ukrom, app, machine_of):
    instance = ukrom.run(app, name="crowded", args=IDLE)
    machine = machine_of(ukrom, instance)
    pending = [machine.execute(IDLE) for _ in range(16)]
    refused = machine.execute(["ls"]).result(60)
    assert (refused.exit_code, refused.stderr) == (127, b"too many commands at once: 16 are running\n")

    instance.delete()

    for future in pending:
        with pytest.raises(MachineEnded, match="crowded ended before the command did"):
            future.result(10)


def test_command_has_the_applications_environment_or_its_own(guest):
    assert "PYTHONUNBUFFERED=1" in guest.exec(["env"]).output.splitlines()
    own = guest.exec(["env"], env={"ONLY": "this"}).output.splitlines()
    assert "ONLY=this" in own
    assert "PYTHONUNBUFFERED=1" not in own


def test_guest_has_its_name_and_the_time(guest):
    assert guest.exec(["cat", "/proc/sys/kernel/hostname"]).output.strip() == "guest1"
    asked = time.time()
    told = float(guest.exec(["date", "+%s.%N"]).output)
    assert asked - 0.5 < told < time.time() + 0.5


def test_guest_finds_its_own_name_without_a_name_server(guest):
    code = "import socket; print(socket.gethostbyname(socket.gethostname()), socket.getfqdn())"
    began = time.monotonic()
    assert guest.exec(["python3", "-c", code]).output.startswith("10.0.2.15 guest1")
    assert time.monotonic() - began < 20


def test_guests_draw_different_random_numbers(guests):
    drawn = [instance.exec(["sha256sum", "/proc/sys/kernel/random/uuid"]).output for instance in guests]
    drawn += [
        instance.exec(["sh", "-c", "head -c 64 /dev/urandom | sha256sum"]).output for instance in guests
    ]
    assert len(set(drawn)) == 4


def test_outbound_connections_fail_at_once(guest):
    outcome = guest.exec(["python3", "-c", CONNECT])
    assert outcome.exit_code == 0, outcome.errors
    print(outcome.output)
    for line in outcome.output.splitlines():
        assert "connected" not in line
        assert int(line.split()[-1]) < 5, line


def test_arguments_and_environment_reach_the_application_whole(ukrom, app, until):
    """As many of each as the platform allows, and with what shells and parsers trip over."""
    env = {f"NAME{number}": "é=\n" + "v" * 1000 for number in range(251)}
    args = ["sh", "-c", 'env | sha256sum >/dev/null; echo "$# $1|$2|$NAME250|$COLOR"; exec sleep 600', "sh"]
    args += ["two words", "", *["z" * 1000] * 247]
    instance = ukrom.run(app, args=args, env=env)

    until(lambda: instance.logs().endswith("|\n"), "the application printed its arguments")
    assert f"249 two words||é=\n{'v' * 1000}|\n" in instance.logs()


def test_environment_of_the_instance_wins_over_the_images(ukrom, app):
    instance = ukrom.run(
        app, args=IDLE, env={"PATH": "/usr/bin:/bin", "PYTHONUNBUFFERED": "", "COLOR": "red"}
    )

    found = instance.exec(["env"]).output.splitlines()
    assert {"PATH=/usr/bin:/bin", "PYTHONUNBUFFERED=", "COLOR=red", "HOME=/root"} <= set(found)


def test_application_that_floods_the_console_fills_nobodys_memory(ukrom, app, until):
    """More than the machine keeps for its errors, and all of it is in the log."""
    flood = ["sh", "-c", "head -c 1500000 /dev/zero; echo; echo the end; exec sleep 600"]
    instance = ukrom.run(app, args=flood)
    until(lambda: b"the end\n" in ukrom.snapshots()[0].console, "the application printed all", 200)

    log = instance.logs()
    assert log.count("\0") == 1_500_000
    assert log.endswith("\nthe end\n")
