"""Short runs of QEMU that time an accelerator: a counting firmware, and the guest kernel itself."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ukrom.host.firmware import EXIT_STATUS, LOOPS, firmware

if TYPE_CHECKING:
    from ukrom.host.kernel import GuestKernel
    from ukrom.host.qemu import Qemu

__all__ = ["Trial", "try_firmware", "try_kernel"]

# An emulated kernel that measures its time stamp counter itself hangs at every fifth boot on a busy
# host; for a boot that is thrown away any frequency will do. Under KVM the host tells it.
_GIVEN_CLOCK = {"tcg": "tsc_early_khz=2000000 tsc=reliable no_timer_check"}
_LOOP = f"a loop of {LOOPS // 1_000_000} million turns"


@dataclass(frozen=True, slots=True)
class Trial:
    """What came of one accelerator.

    Attributes:
        name: `kvm` or `tcg`, as QEMU's `-accel` takes it.
        seconds: How long the firmware took, QEMU's start included; None if it never came to its end.
        verdict: What was found, in a few words.
        passed: Whether guests can run with it.
    """

    name: str
    seconds: float | None
    verdict: str
    passed: bool


def try_firmware(qemu: Qemu, name: str, deadline_s: float) -> Trial:
    """Run the counting firmware under an accelerator, for `deadline_s` seconds at most."""
    with tempfile.TemporaryDirectory(prefix="ukrom-trial-") as folder:
        image = Path(folder, "firmware.bin")
        image.write_bytes(firmware())
        options = ["-M", "microvm", "-m", "16", "-bios", str(image)]
        options += ["-device", "isa-debug-exit,iobase=0xf4,iosize=1"]
        return _run(qemu, name, options, deadline_s=deadline_s, status=EXIT_STATUS, what=_LOOP)


def try_kernel(qemu: Qemu, name: str, kernel: GuestKernel, deadline_s: float) -> Trial:
    """Boot the guest kernel until it finds no root file system, panics and leaves: all of it ran then."""
    options = ["-M", "microvm", "-m", "128", "-no-reboot", "-kernel", str(kernel.image)]
    options += ["-append", f"panic=-1 reboot=t quiet {_GIVEN_CLOCK.get(name, '')}"]
    return _run(qemu, name, options, deadline_s=deadline_s, status=0, what=f"the kernel {kernel.release}")


def _run(qemu: Qemu, name: str, options: list[str], *, deadline_s: float, status: int, what: str) -> Trial:
    quiet = ["-nodefaults", "-no-user-config", "-display", "none", "-serial", "none"]
    command = [*_guard(), str(qemu.path), "-accel", name, "-cpu", "max", *quiet, *options]
    start = time.monotonic()
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=deadline_s, check=False)
    except subprocess.TimeoutExpired:
        return Trial(name, None, f"{what} did not end within {deadline_s:g} s", passed=False)
    except OSError as error:
        return Trial(name, None, f"{qemu.path} does not start: {error}", passed=False)
    seconds = time.monotonic() - start
    if done.returncode != status:
        words = done.stderr.strip().rpartition("\n")[2] or f"status {done.returncode}"
        return Trial(name, None, f"{what} did not run: {words}", passed=False)
    return Trial(name, seconds, f"{what} ran in {seconds:.2f} s", passed=True)


def _guard() -> list[str]:
    """A hung trial must not outlive a test run that was killed."""
    path = shutil.which("setpriv")
    return [path, "--pdeathsig", "KILL", "--"] if path else []
