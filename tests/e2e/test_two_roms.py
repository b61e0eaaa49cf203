"""The main job: one base image, two ROMs, two real machines, two answers."""

from __future__ import annotations

import secrets
from pathlib import Path
from types import SimpleNamespace

import pytest


@pytest.fixture(scope="module")
def pair(ukrom_session, app):
    """Two instances of one image; each ROM's greeting holds a nonce that exists nowhere else."""
    made = []
    for number in (1, 2):
        greeting = f"Hi from ROM {number}, {secrets.token_hex(16)}\n"
        rom = ukrom_session.build_rom(
            {"rom.py": f"def function():\n    return {greeting!r}\n"}, name=f"rom{number}"
        )
        instance = ukrom_session.run(
            app, name=f"pair{number}", roms=[rom.attach(f"greeting.v{number}", at="/rom")], port=8080
        )
        made.append(SimpleNamespace(number=number, greeting=greeting, rom=rom, instance=instance))
    yield made
    for one in made:
        one.instance.delete()


@pytest.fixture(scope="module")
def first(pair):
    return pair[0]


def test_each_instance_answers_with_the_nonce_of_its_rom(pair):
    assert [one.instance.get("/").text for one in pair] == [one.greeting for one in pair]
    assert pair[0].greeting != pair[1].greeting


def test_each_instance_is_a_qemu_process_with_its_rom_as_a_disk(ukrom_session, machine_of, pair):
    machines = [machine_of(ukrom_session, one.instance) for one in pair]

    assert len({machine.pid for machine in machines}) == 2
    for one, machine in zip(pair, machines, strict=True):
        words = Path(f"/proc/{machine.pid}/cmdline").read_bytes().decode().split("\0")
        assert "qemu-system-x86_64" in words[0]
        # setpriv has become QEMU, so its own words are gone.
        assert words[:-1] == list(machine.command[machine.command.index("--") + 1 :])
        assert sum(str(one.rom.path) in word for word in words) == 1


def test_guest_has_its_rom_mounted_read_only(first):
    mounts = first.instance.exec(["mount"]).output

    assert "/dev/ukp_rom1 on /rom type erofs (ro," in mounts
    refused = first.instance.exec(["sh", "-c", "echo no > /rom/new"])
    assert refused.exit_code != 0
    assert "Read-only file system" in refused.errors


def test_guest_finds_the_device_under_the_roms_name(pair):
    for one in pair:
        link = one.instance.exec(["ls", "-l", f"/dev/ukp_rom_greeting.v{one.number}"])
        assert link.output.rstrip().endswith(f"/dev/ukp_rom_greeting.v{one.number} -> /dev/ukp_rom1")


def test_device_holds_the_bytes_of_the_rom_and_takes_no_others(first):
    digest = first.instance.exec(["sha256sum", "/dev/ukp_rom1"]).output.split()[0]
    assert f"sha256:{digest}" == first.rom.digest

    refused = first.instance.exec(["sh", "-c", "echo no > /dev/ukp_rom1"])
    assert refused.exit_code != 0
    assert first.instance.exec(["sha256sum", "/dev/ukp_rom1"]).output.split()[0] == digest


def test_console_shows_the_platforms_lines_before_the_applications(first):
    lines = first.instance.logs().splitlines()

    start = lines.index("symlink /dev/ukp_rom1 -> /dev/ukp_rom_greeting.v1")
    assert lines[start + 1] == "mount /dev/ukp_rom1 -> /rom"
    assert lines[start + 2].startswith("app: listening")


def test_root_file_system_can_be_written(first):
    written = first.instance.exec(
        ["sh", "-c", "echo mine > /src/new && mv /src/new /src/old && cat /src/old"]
    )
    assert (written.exit_code, written.output) == (0, "mine\n")
