"""What has to be done to make this machine boot guests, step by step."""

from __future__ import annotations

import platform
import shutil
import tempfile
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from ukrom.errors import MissingTool
from ukrom.host import apt
from ukrom.host.kernel import find_kernel, kernel_release, kernel_remedy, store_kernel
from ukrom.host.packages import PackageManager, package_manager
from ukrom.host.qemu import find_qemu
from ukrom.host.tools import QEMU, TOOLS, Tool, locate

if TYPE_CHECKING:
    from collections.abc import Callable

    from ukrom.host.cache import Cache
    from ukrom.host.settings import Choices

__all__ = ["Step", "steps"]


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to do.

    Attributes:
        what: What it does, to be read before it is agreed to.
        do: Does it.
    """

    what: str
    do: Callable[[], object]


def steps(cache: Cache, chosen: Choices) -> list[Step]:
    """What is left to do; nothing on a machine that has all.

    Args:
        cache: Where the guest kernel goes.
        chosen: What the user named; it is checked, never replaced.

    Raises:
        MissingTool: Something is missing that cannot be got here; tells what to do by hand.
        SettingsError: What the user named cannot be used.
    """
    manager = package_manager()
    absent = [tool for tool in TOOLS if _absent(tool, chosen, manager)]
    kernel_absent = _kernel_absent(cache, chosen)
    if QEMU not in absent:
        find_qemu(cache, chosen.qemu)
    if not absent and not kernel_absent:
        return []
    if manager is not PackageManager.APT or not shutil.which("apt-get"):
        raise _by_hand(absent, manager, kernel_absent=kernel_absent)
    if kernel_absent and platform.machine() != "x86_64":
        message = "The packages of this machine hold no kernel for x86_64."
        raise MissingTool("guest kernel", message, remedy=kernel_remedy(None))
    return _apt_steps(cache, [tool.packages[manager] for tool in absent], kernel_absent=kernel_absent)


def _absent(tool: Tool, chosen: Choices, manager: PackageManager | None) -> bool:
    if manager is not None and manager not in tool.packages:
        return False  # it exists for no system of this kind, and is not needed there
    if tool is QEMU and chosen.qemu is not None:
        locate(tool, chosen.qemu)
        return False
    try:
        locate(tool)
    except MissingTool:
        return True
    return False


def _kernel_absent(cache: Cache, chosen: Choices) -> bool:
    try:
        find_kernel(cache, chosen)
    except MissingTool:
        if chosen.kernel is not None:
            raise
        return True
    return False


def _by_hand(absent: list[Tool], manager: PackageManager | None, *, kernel_absent: bool) -> MissingTool:
    lines = [f"  {tool.program}: {tool.remedy(manager)}" for tool in absent]
    lines += [f"  guest kernel: {kernel_remedy(manager)}"] if kernel_absent else []
    message = "Packages can be got on systems with apt-get only. Missing here, and to be got by hand:"
    return MissingTool("apt-get", "\n".join([message, *lines]), remedy="Then run `ukrom setup` again.")


def _apt_steps(cache: Cache, packages: list[str], *, kernel_absent: bool) -> list[Step]:
    found: list[Step] = []
    kernel = apt.kernel_packages() if kernel_absent else []
    if kernel_absent and not kernel:
        found.append(Step(f"refresh the package lists ({_sudo('apt-get update')})", apt.update))
    if packages:
        command = _sudo(f"apt-get install --no-install-recommends {' '.join(packages)}")
        found.append(Step(f"install {', '.join(packages)} ({command})", partial(apt.install, packages)))
    if kernel_absent:
        size = f" ({apt.download_size(kernel) / 1e6:.0f} MB)" if kernel else ""
        name = " and ".join(kernel) or "the newest kernel package"
        what = f"download {name}{size} and unpack the guest kernel into {cache.root / 'kernel'}"
        found.append(Step(f"{what}; nothing of it is installed", partial(_get_kernel, cache)))
    return found


def _sudo(command: str) -> str:
    return " ".join([*apt.become_root(), command])


def _get_kernel(cache: Cache) -> None:
    packages = apt.kernel_packages()
    if not packages:
        remedy = "Name a kernel with `ukrom setup --kernel FILE --modules DIR`."
        raise MissingTool("guest kernel", "No package source of this system has a kernel.", remedy=remedy)
    with tempfile.TemporaryDirectory(prefix=".download-", dir=cache.folder("kernel")) as scratch:
        tree = Path(scratch)
        _fetch(packages, tree)
        try:
            store_kernel(cache, tree)
        except MissingTool:
            # Ubuntu keeps rarer modules in a package apart; 24.04 has all that is needed in the first one.
            extra = f"linux-modules-extra-{kernel_release(next(tree.glob('boot/vmlinuz-*')))}"
            if not apt.download_size([extra]):
                raise
            _fetch([extra], tree)
            store_kernel(cache, tree)


def _fetch(packages: list[str], tree: Path) -> None:
    for package in apt.download(packages, tree):
        apt.unpack(package, tree)
        package.unlink()
