"""The lines of pytest's header."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_ukrom.options import Options

__all__ = ["header"]


def header(options: Options) -> list[str]:
    """What instances run on, or why there are no VMs, and how options were given; nothing by default."""
    if not options.origins:
        return []
    return [f"ukrom: {_machines(options)}", f"ukrom: {', '.join(options.origins.values())}"]


def _machines(options: Options) -> str:
    if options.stub:
        return "stub runner, no VMs"
    if not options.vm:
        return "no VMs without --ukrom"
    from ukrom.emulator import find_vm  # noqa: PLC0415 - only for VMs
    from ukrom.errors import UkromError  # noqa: PLC0415

    try:
        vm = find_vm()
    except UkromError as error:
        return f"no VMs: {' '.join(str(error).split())}"
    accelerator = vm.accelerator
    return f"QEMU {vm.qemu.version}, {accelerator.name} ({accelerator.why}), kernel {vm.kernel.release}"
