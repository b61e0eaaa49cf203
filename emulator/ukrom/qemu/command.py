"""QEMU's command line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ukrom.qemu.devices import device_arguments

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

__all__ = ["GUEST_ADDRESS", "Channels", "Equipment", "command_line", "forward"]

GUEST_ADDRESS = "10.0.2.15"

# reboot=t panic=-1: with -no-reboot, both the end of an application and a panic end the process.
# cryptomgr.notests alone saves a quarter of a second of self-tests under emulation.
# pit, pic and rtc stay on: without them microvm hangs at boot under TCG.
_KERNEL_COMMAND_LINE = (
    "console=ttyS0 reboot=t panic=-1 quiet mitigations=off cryptomgr.notests random.trust_cpu=on"
    " 8250.nr_uarts=1"
)


@dataclass(frozen=True, slots=True)
class Equipment:
    """What every machine of one runner is made of."""

    qemu: Path
    accelerator: str
    """`kvm` or `tcg`."""
    kernel: Path
    initramfs: Path
    setpriv: Path | None
    """Makes QEMU die with its parent; None where there is no such tool."""


@dataclass(frozen=True, slots=True)
class Channels:
    """File descriptors of QEMU's ends of the socket pairs."""

    agent: int
    console: int
    monitor: int


def forward(port: int) -> str:
    """The user network's rule for a guest port: QEMU binds a port of the kernel's choice, no race."""
    return f"tcp:127.0.0.1:0-{GUEST_ADDRESS}:{port}"


def command_line(
    equipment: Equipment,
    channels: Channels,
    disks: Mapping[int, Path],
    *,
    memory_mb: int,
    vcpus: int,
    ports: Iterable[int],
    keep: Path | None = None,
) -> tuple[str, ...]:
    """The whole command, parent-death signal included.

    Args:
        equipment: Programs, kernel and accelerator.
        channels: Descriptors that QEMU inherits.
        disks: Read-only content by slot.
        memory_mb: RAM in MiB.
        vcpus: Number of processors.
        ports: Guest TCP ports to forward from loopback.
        keep: A folder for the console log and monitor socket of a machine that may outlive its
            parent; None for one that dies with it.
    """
    dies_with_parent = equipment.setpriv is not None and keep is None
    prefix = (str(equipment.setpriv), "--pdeathsig", "KILL", "--") if dies_with_parent else ()
    network = ",".join(["user,id=net,restrict=on", *(f"hostfwd={forward(port)}" for port in ports)])
    return (
        *prefix,
        *(
            str(equipment.qemu),
            "-name",
            "ukrom",
            "-nodefaults",
            "-no-user-config",
            "-display",
            "none",
            "-no-reboot",
        ),
        # -cpu max: wheels built for x86-64-v2 die on the default model.
        *("-accel", equipment.accelerator, "-cpu", "max", "-M", "microvm,isa-serial=on"),
        *("-m", f"{memory_mb}M", "-smp", str(vcpus)),
        *(
            "-kernel",
            str(equipment.kernel),
            "-initrd",
            str(equipment.initramfs),
            "-append",
            _KERNEL_COMMAND_LINE,
        ),
        *(
            "-chardev",
            f"socket,id=console,fd={channels.console}{_logfile(keep)}",
            "-serial",
            "chardev:console",
        ),
        *("-chardev", f"socket,id=monitor,fd={channels.monitor}", "-mon", "chardev=monitor,mode=control"),
        *(("-qmp", f"unix:{keep}/qmp,server=on,wait=off") if keep else ()),
        *("-chardev", f"socket,id=agent,fd={channels.agent}"),
        *("-netdev", network),
        *device_arguments(disks),
    )


def _logfile(keep: Path | None) -> str:
    return f",logfile={keep}/console.log" if keep else ""
