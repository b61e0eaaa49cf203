import json
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from ukrom.qemu.command import Channels, Equipment, Memory, command_line
from ukrom.qemu.devices import ROM_SLOTS, ROOT_SLOT, VOLUME_SLOTS

EQUIPMENT = Equipment(Path("/usr/bin/qemu"), "tcg", Path("/k"), Path("/i"), Path("/usr/bin/setpriv"))


def command(**changes):
    options = {"memory_mb": 256, "vcpus": 2, "ports": (8080, 9090)} | changes
    disks = options.pop("disks", {ROOT_SLOT: Path("/root,comma.erofs"), 1: Path("/rom.erofs")})
    return command_line(EQUIPMENT, Channels(7, 8, 9), disks, **options)


def disks_of(arguments):
    return [json.loads(after) for option, after in pairwise(arguments) if option == "-blockdev"]


def test_qemu_dies_with_its_parent():
    assert command()[:4] == ("/usr/bin/setpriv", "--pdeathsig", "KILL", "--")


def test_a_machine_to_be_kept_outlives_its_parent_and_logs_to_a_file():
    arguments = command(keep=Path("/kept"))

    assert arguments[0] == "/usr/bin/qemu"
    assert "socket,id=console,fd=8,logfile=/kept/console.log" in arguments


def test_every_machine_has_the_same_devices():
    """A snapshot can only be restored into the same device list."""
    few, many = (
        [argument for argument in command(disks=disks) if argument.startswith("virtio")]
        for disks in ({}, {slot: Path("/rom") for slot in ROM_SLOTS})
    )

    assert few == many
    assert len(few) <= 24 - 8  # microvm has 24 slots; 8 stay free


def test_disks_are_read_only_and_named_by_slot():
    disks = disks_of(command())

    assert [disk["node-name"] for disk in disks] == [
        f"slot{slot}" for slot in (ROOT_SLOT, *ROM_SLOTS, *VOLUME_SLOTS)
    ]
    assert all(disk["read-only"] for disk in disks)


def test_a_comma_in_a_path_does_not_split_the_option():
    assert disks_of(command())[0]["file"]["filename"] == "/root,comma.erofs"


def test_the_guest_reaches_nothing_and_ports_are_of_the_kernels_choice():
    (network,) = [argument for argument in command() if argument.startswith("user,")]

    assert network == (
        "user,id=net,restrict=on,hostfwd=tcp:127.0.0.1:0-10.0.2.15:8080,hostfwd=tcp:127.0.0.1:0-10.0.2.15:9090"
    )


@pytest.mark.parametrize(
    "option", [("-m", "256M"), ("-smp", "2"), ("-accel", "tcg"), ("-cpu", "max,erms=off,fsrm=off")]
)
def test_sizes_and_processor_are_as_asked(option):
    arguments = command()

    assert option in set(pairwise(arguments))


def memory(**changes):
    return Memory(**({"descriptor": 11, "shared": False, "restored": True} | changes))


def memory_of(arguments):
    return [after for option, after in pairwise(arguments) if option == "-object"]


def test_without_a_file_memory_is_qemu_s_own():
    arguments = command()

    assert memory_of(arguments) == []
    assert "-incoming" not in arguments
    assert ("-M", "microvm,isa-serial=on") in set(pairwise(arguments))


def test_a_machine_from_a_layer_keeps_to_itself_what_it_writes():
    arguments = command(memory=memory())

    assert memory_of(arguments) == [
        "memory-backend-file,id=ram,size=256M,mem-path=/proc/self/fd/11,share=off"
    ]
    assert {("-M", "microvm,isa-serial=on,memory-backend=ram"), ("-m", "256M")} <= set(pairwise(arguments))


def test_a_machine_that_becomes_a_layer_writes_into_its_file():
    (backend,) = memory_of(command(memory=memory(shared=True, descriptor=5)))

    assert backend.endswith("mem-path=/proc/self/fd/5,share=on")


@pytest.mark.parametrize(("restored", "waits"), [(True, True), (False, False)])
def test_only_a_machine_that_is_restored_waits_for_a_state(restored, waits):
    arguments = command(memory=memory(shared=True, restored=restored))

    assert (("-incoming", "defer") in set(pairwise(arguments))) is waits


@pytest.mark.parametrize(
    "changes", [{"shared": True}, {"restored": False}, {"shared": True, "restored": False}]
)
def test_a_layer_has_the_machine_of_those_that_start_from_it(changes):
    """But for how its memory is mapped, and whether it waits."""

    def machine(arguments):
        aside = {"-incoming", "defer", "-object", *memory_of(arguments)}
        return [word for word in arguments if word not in aside]

    assert machine(command(memory=memory(**changes))) == machine(command(memory=memory()))


def test_a_frequency_is_told_to_the_kernel_and_trusted():
    told = command_line(
        replace(EQUIPMENT, tsc_khz=2_000_000), Channels(7, 8, 9), {}, memory_mb=128, vcpus=1, ports=()
    )

    kernel = dict(pairwise(told))["-append"].split()
    assert {"tsc_early_khz=2000000", "tsc=reliable", "no_timer_check"} <= set(kernel)
    assert "tsc_early_khz" not in dict(pairwise(command()))["-append"]


def test_guest_under_kvm_has_the_host_s_processor_as_it_is():
    kvm = replace(EQUIPMENT, accelerator="kvm")
    arguments = command_line(kvm, Channels(7, 8, 9), {}, memory_mb=128, vcpus=1, ports=())

    assert arguments[arguments.index("-cpu") + 1] == "max"
