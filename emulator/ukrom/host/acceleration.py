"""Which accelerator guests run with: measured, not assumed.

That `/dev/kvm` opens says little. Some hosts have a KVM without hardware virtualization behind it
(PVM, nested in a virtual machine): it runs guest kernels made for it and interprets all else, one
instruction at a time. Measured on such a host, QEMU 7.2: 20 million turns of a loop in protected mode
take 7.6 s there against 0.09 s under TCG, both with QEMU's start, and a stock Linux kernel never
comes to its first line, while TCG boots it in 2.2 s. On hardware the loop takes 7 ms.
"""

from __future__ import annotations

import json
import os
import platform
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock

from ukrom.errors import MissingTool, SettingsError
from ukrom.host.cache import find_cache
from ukrom.host.qemu import find_qemu
from ukrom.host.trial import Trial, try_firmware, try_kernel

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ukrom.host.cache import Cache
    from ukrom.host.kernel import GuestKernel
    from ukrom.host.qemu import Qemu

__all__ = ["Accelerator", "accelerator"]

_KVM = Path("/dev/kvm")
_KVM_DEADLINE_S = 2.0  # twenty times what a working one takes, QEMU's start included
_KVM_PATIENCE = 8  # or so many times what TCG takes, on a machine that has much else to do
_TCG_DEADLINE_S = 20.0
_KERNEL_DEADLINE_S = 10.0
_LOCK_TIMEOUT_S = 60.0

_USUAL = {"kvm": (1.0, 0.1), "tcg": (10.0, 0.3)}
"""By accelerator: by how much deadlines stretch, and the seconds of a trial on a machine of usual speed."""
_SLOWEST = 4.0  # A moment of high load must not make deadlines endless.


@dataclass(frozen=True, slots=True)
class Accelerator:
    """How guests are run on this machine.

    Attributes:
        name: `kvm` or `tcg`, as QEMU's `-accel` takes it.
        why: The reason, as it reads after "because".
        speed: The factor by which deadlines stretch; 1.0 with a KVM of usual speed.
        measured: Every trial that led here; empty when the user forced it.
    """

    name: str
    why: str
    speed: float
    measured: tuple[Trial, ...] = ()


def accelerator(
    qemu: Qemu | None = None,
    cache: Cache | None = None,
    kernel: GuestKernel | None = None,
    environ: Mapping[str, str] | None = None,
) -> Accelerator:
    """Choose the accelerator; measured once per boot of this machine, then read from the cache.

    Args:
        qemu: By default the one that `find_qemu` finds.
        cache: Where the verdict is kept; by default that of this user.
        kernel: The kernel that guests run; with it, KVM must also prove that it boots it.
        environ: Where `UKROM_ACCELERATOR` may force one.

    Raises:
        MissingTool: There is no QEMU, or not even its own emulation runs.
        SettingsError: `UKROM_ACCELERATOR` names no accelerator, or the cache cannot be written.
    """
    cache = cache or find_cache()
    forced = (os.environ if environ is None else environ).get("UKROM_ACCELERATOR")
    if forced:
        return _forced(forced)
    qemu = qemu or find_qemu(cache)
    key = _key(qemu, kernel)
    # Looked up without the lock too: a cache that can only be read has no room for one.
    if (known := _recall(cache, key)) is not None:
        return known
    if not os.access(cache.folder("accelerator"), os.W_OK):
        return _measure(qemu, kernel)
    with FileLock(cache.folder("accelerator") / "lock", timeout=_LOCK_TIMEOUT_S):
        known = _recall(cache, key)
        if known is None:
            known = _measure(qemu, kernel)
            record = {"key": key, "accelerator": asdict(known)}
            cache.write("accelerator", "verdict.json", json.dumps(record, indent=2).encode())
    return known


def _forced(name: str) -> Accelerator:
    if name not in _USUAL:
        raise SettingsError(
            f"UKROM_ACCELERATOR is {name!r}, which is no accelerator.", remedy="Set it to kvm or tcg."
        )
    return Accelerator(name, "UKROM_ACCELERATOR forces it", _USUAL[name][0])


def _measure(qemu: Qemu, kernel: GuestKernel | None) -> Accelerator:
    tcg = try_firmware(qemu, "tcg", _TCG_DEADLINE_S)
    kvm = _try_kvm(qemu, kernel, max(_KVM_DEADLINE_S, _KVM_PATIENCE * (tcg.seconds or 0)))
    measured = (kvm, tcg)
    if kvm.passed:
        return Accelerator("kvm", kvm.verdict, _speed(kvm), measured)
    if tcg.passed:
        why = f"kvm is of no use here: {kvm.verdict}; under tcg {tcg.verdict}"
        return Accelerator("tcg", why, _speed(tcg), measured)
    message = f"{qemu.path} runs no guest at all: {tcg.verdict}."
    raise MissingTool("qemu-system-x86_64", message, remedy="Install the QEMU of the distribution again.")


def _try_kvm(qemu: Qemu, kernel: GuestKernel | None, deadline_s: float) -> Trial:
    if not _KVM.exists():
        return Trial("kvm", None, f"there is no {_KVM}", passed=False)
    if not os.access(_KVM, os.R_OK | os.W_OK):
        return Trial("kvm", None, f"{_KVM} may not be opened (is the user in the group kvm?)", passed=False)
    trial = try_firmware(qemu, "kvm", deadline_s)
    if not trial.passed or kernel is None:
        return trial
    boot = try_kernel(qemu, "kvm", kernel, _KERNEL_DEADLINE_S)
    return Trial("kvm", trial.seconds, f"{trial.verdict}, {boot.verdict}", passed=boot.passed)


def _speed(trial: Trial) -> float:
    factor, usual_s = _USUAL[trial.name]
    return round(factor * min(max(1.0, (trial.seconds or 0) / usual_s), _SLOWEST), 1)


def _key(qemu: Qemu, kernel: GuestKernel | None) -> list[object]:
    """All that a verdict depends on; another boot may come with another host below this machine."""
    return [
        [str(qemu.path), qemu.version],
        platform.release(),
        _boot_id(),
        _device(),
        [str(kernel.image), kernel.release] if kernel else None,
    ]


def _boot_id() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:  # other systems have no such file
        return ""


def _device() -> list[object] | None:
    try:
        status = _KVM.stat()
    except OSError:
        return None
    return [status.st_rdev, status.st_mode, os.access(_KVM, os.R_OK | os.W_OK)]


def _recall(cache: Cache, key: list[object]) -> Accelerator | None:
    try:
        record = json.loads((cache.root / "accelerator" / "verdict.json").read_bytes())
        if record["key"] != key:
            return None
        facts = record["accelerator"]
        facts["measured"] = tuple(Trial(**trial) for trial in facts["measured"])
        return Accelerator(**facts)
    except (OSError, ValueError, TypeError, KeyError):
        return None
