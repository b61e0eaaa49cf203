"""The lines of pytest's header under --ukrom."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_ukrom.options import Options

__all__ = ["header"]


def header(options: Options) -> list[str]:
    """What VMs run on, or why there are none, and where options came from."""
    origins = ", ".join(f"{name} from {origin}" for name, origin in options.origins.items())
    return [f"ukrom: {_machines(options)}", *([f"ukrom: {origins}"] if origins else [])]


def _machines(options: Options) -> str:
    if options.runner == "stub":
        return "stub runner, no VMs"
    from ukrom.emulator import find_vm  # noqa: PLC0415 - not for the stub
    from ukrom.errors import UkromError  # noqa: PLC0415

    try:
        vm = find_vm()
    except UkromError as error:
        return f"no VMs: {' '.join(str(error).split())}"
    accelerator = vm.accelerator
    return f"QEMU {vm.qemu.version}, {accelerator.name} ({accelerator.why}), kernel {vm.kernel.release}"
