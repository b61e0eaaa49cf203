"""QEMU's command line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ukrom.qemu.devices import device_arguments

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

__all__ = ["GUEST_ADDRESS", "Channels", "Equipment", "Memory", "command_line", "forward"]

GUEST_ADDRESS = "10.0.2.15"

# reboot=t panic=-1: with -no-reboot, both the end of an application and a panic end the process.
# cryptomgr.notests alone saves a quarter of a second of self-tests under emulation.
# no5lvl and init_on_alloc=0 save 6 to 10 % of the CPU time up to a first answer under emulation (medians):
# -cpu max would have every page walk go one level deeper, and Debian clears each page it hands out.
# pit, pic and rtc stay on: without them microvm hangs at boot under TCG.
# loglevel=3: a kernel that misses the PCI bus calls that fatal, on every console. The agent raises the
# level once the kernel is up.
_KERNEL_COMMAND_LINE = (
    "console=ttyS0 reboot=t panic=-1 quiet loglevel=3 mitigations=off cryptomgr.notests"
    " random.trust_cpu=on 8250.nr_uarts=1 no5lvl init_on_alloc=0"
)


# Wheels built for x86-64-v2 die on the default model. TCG moves and clears memory byte by byte for a guest
# that is told that `rep movsb` is fast: without, Python starts 5 to 8 % sooner (medians).
_PROCESSOR = {"kvm": "max", "tcg": "max,erms=off,fsrm=off"}


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
    version: str = ""
    """Of QEMU."""
    tsc_khz: int | None = None
    """Frequency of the time stamp counter that emulated guests see."""


@dataclass(frozen=True, slots=True)
class Channels:
    """File descriptors of QEMU's ends of the socket pairs."""

    agent: int
    console: int
    monitor: int


@dataclass(frozen=True, slots=True)
class Memory:
    """A file that holds the guest's memory: of a snapshot layer, or of one that is being made."""

    descriptor: int
    """Which QEMU inherits; the file may have no name."""
    shared: bool
    """Whether the guest writes into the file; otherwise it sees it, and keeps to itself what it writes."""
    restored: bool
    """Whether the guest does not boot, but goes on from a state that comes by the monitor."""


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
    memory: Memory | None = None,
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
        memory: The file that is the guest's RAM; None for memory that is in no file.
        keep: A folder for the console log and monitor socket of a machine that may outlive its
            parent; None for one that dies with it.
    """
    dies_with_parent = equipment.setpriv is not None and keep is None
    network = ",".join(["user,id=net,restrict=on", *(f"hostfwd={forward(port)}" for port in ports)])
    options: dict[str, object] = {
        "-name": "ukrom",
        "-accel": equipment.accelerator,
        "-cpu": _PROCESSOR[equipment.accelerator],
        "-M": "microvm,isa-serial=on" + (",memory-backend=ram" if memory else ""),
        "-m": f"{memory_mb}M",
        "-smp": vcpus,
        "-display": "none",
        "-kernel": equipment.kernel,
        "-initrd": equipment.initramfs,
        "-append": _kernel_command_line(equipment),
        "-netdev": network,
        "-serial": "chardev:console",
        "-mon": "chardev=monitor,mode=control",
    }
    chardevs = [
        f"socket,id=console,fd={channels.console}" + (f",logfile={keep}/console.log" if keep else ""),
        f"socket,id=monitor,fd={channels.monitor}",
        f"socket,id=agent,fd={channels.agent}",
    ]
    return (
        *((str(equipment.setpriv), "--pdeathsig", "KILL", "--") if dies_with_parent else ()),
        *(str(equipment.qemu), "-nodefaults", "-no-user-config", "-no-reboot"),
        *(word for option, value in options.items() for word in (option, str(value))),
        *(word for chardev in chardevs for word in ("-chardev", chardev)),
        *(_memory_arguments(memory, memory_mb) if memory else ()),
        *(("-qmp", f"unix:{keep}/qmp,server=on,wait=off") if keep else ()),
        *device_arguments(disks),
    )


def _memory_arguments(memory: Memory, memory_mb: int) -> tuple[str, ...]:
    path, share = f"/proc/self/fd/{memory.descriptor}", "on" if memory.shared else "off"
    backend = f"memory-backend-file,id=ram,size={memory_mb}M,mem-path={path},share={share}"
    return ("-object", backend, *(("-incoming", "defer") if memory.restored else ()))


def _kernel_command_line(equipment: Equipment) -> str:
    """The kernel's own options.

    Left to itself, an emulated kernel calibrates the time stamp counter against the PIT. On a busy
    host that fails, and microvm then has no timer at all: measured, every second boot hung for ever
    in calibrate_delay on two loaded cores, none of 40 with the frequency given. The counter that
    TCG shows is the host's own.
    """
    if equipment.tsc_khz is None:
        return _KERNEL_COMMAND_LINE
    return f"{_KERNEL_COMMAND_LINE} tsc_early_khz={equipment.tsc_khz} tsc=reliable no_timer_check"
