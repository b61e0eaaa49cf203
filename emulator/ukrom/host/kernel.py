"""The Linux kernel that guests run: a stock one of a distribution, with the modules it needs."""

from __future__ import annotations

import platform
import re
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ukrom.errors import MissingTool, SettingsError
from ukrom.host.modules import Module, guest_modules
from ukrom.host.packages import PackageManager, package_manager
from ukrom.host.settings import choices

if TYPE_CHECKING:
    from ukrom.host.cache import Cache
    from ukrom.host.settings import Choices

__all__ = ["GuestKernel", "find_kernel", "kernel_release", "kernel_remedy", "store_kernel"]

# The Linux/x86 boot protocol: "HdrS" at 0x202, and at 0x20e where the version text is, less 0x200.
_MAGIC = slice(0x202, 0x206)
_VERSION_POINTER = slice(0x20E, 0x210)
_HEADER_SIZE = 0x210
_SETUP_LIMIT = 0x10000


@dataclass(frozen=True, slots=True)
class GuestKernel:
    """A kernel to boot guests with.

    Attributes:
        image: The bzImage.
        release: As `uname -r` in the guest says.
        modules: What the guest must load, in this order; empty if all is built in.
    """

    image: Path
    release: str
    modules: tuple[Module, ...]


def kernel_release(image: Path) -> str:
    """Read the release of a kernel out of its image.

    Raises:
        SettingsError: The file cannot be read, or is no x86 bzImage.
    """
    remedy = "Give --kernel a bzImage for x86_64, such as /boot/vmlinuz-<release>."
    try:
        with image.open("rb") as file:
            setup = file.read(_SETUP_LIMIT)
    except OSError as error:
        raise SettingsError(f"The guest kernel cannot be read: {error}.", remedy=remedy) from error
    if len(setup) < _HEADER_SIZE or setup[_MAGIC] != b"HdrS":
        raise SettingsError(f"{image} is no Linux kernel image (bzImage) for x86_64.", remedy=remedy)
    start = int.from_bytes(setup[_VERSION_POINTER], "little") + 0x200
    release = setup[start:].partition(b"\0")[0].partition(b" ")[0].decode("ascii", "replace")
    if start == 0x200 or not release:
        raise SettingsError(f"{image} does not say which kernel it is.", remedy=remedy)
    return release


def kernel_remedy(manager: PackageManager | None) -> str:
    """How to get a guest kernel on a system, in a sentence."""
    if manager is PackageManager.APT:
        return "Run `ukrom setup`."
    release = platform.release() if platform.system() == "Linux" else "<release>"
    source = "this system's own" if platform.system() == "Linux" else "one copied from a Linux machine"
    return (
        f"Use an x86_64 Linux kernel and its modules, such as {source}:"
        f" `ukrom setup --kernel /boot/vmlinuz-{release} --modules /lib/modules/{release}`."
    )


def find_kernel(cache: Cache, chosen: Choices | None = None) -> GuestKernel:
    """The kernel to boot guests with: the chosen one, else the newest that setup unpacked.

    Args:
        cache: Where `ukrom setup` stores kernels.
        chosen: What to use instead of `UKROM_KERNEL`, `UKROM_MODULES` and what setup remembered.

    Raises:
        MissingTool: There is none, or it lacks a module.
        SettingsError: The chosen kernel and modules do not fit together or cannot be read.
    """
    chosen = choices(cache) if chosen is None else chosen
    if chosen.kernel is not None:
        return _chosen_kernel(chosen.kernel, chosen.modules)
    stored = sorted(cache.root.glob("kernel/*/vmlinuz"), key=_age_of_release)
    if not stored:
        message = f"No guest kernel was set up in {cache.root / 'kernel'}."
        raise MissingTool("guest kernel", message, remedy=kernel_remedy(package_manager()))
    return _stored_kernel(stored[-1], chosen.modules)


def store_kernel(cache: Cache, tree: Path) -> GuestKernel:
    """Keep what guests need of an unpacked kernel package: image and modules, decompressed.

    Args:
        cache: Where to keep it; a kernel of the same release is replaced.
        tree: The root of the unpacked package, with `boot/vmlinuz-*` and `lib/modules/*`.

    Raises:
        MissingTool: The package has no kernel, or lacks a module.
        SettingsError: The cache folder cannot be written.
    """
    images = sorted(tree.glob("boot/vmlinuz-*")) + sorted(tree.glob("**/lib/modules/*/vmlinuz"))
    if not images:
        raise MissingTool("guest kernel", f"The kernel package holds no boot/vmlinuz-*: {tree}.")
    release = kernel_release(images[0])
    source = next(iter(sorted(tree.glob(f"**/lib/modules/{release}"))), tree)
    modules = guest_modules(source, release)
    folder = cache.folder("kernel")
    with tempfile.TemporaryDirectory(prefix=".unpacked-", dir=folder) as scratch:
        new = Path(scratch, release)
        new.mkdir()
        try:
            shutil.copyfile(images[0], new / "vmlinuz")
            for module in modules:
                (new / f"{module.name}.ko").write_bytes(module.read())
            built_in = source / "modules.builtin"
            (new / "modules.builtin").write_bytes(built_in.read_bytes() if built_in.exists() else b"")
            if (folder / release).exists():
                (folder / release).rename(Path(scratch, "replaced"))
            new.rename(folder / release)
        except OSError as error:
            remedy = "Make room or give the right to write, or set UKROM_CACHE to another folder."
            raise SettingsError(f"The guest kernel cannot be stored: {error}.", remedy=remedy) from error
    return _stored_kernel(folder / release / "vmlinuz")


def _stored_kernel(image: Path, modules: Path | None = None) -> GuestKernel:
    release = kernel_release(image)
    return GuestKernel(image, release, guest_modules(modules or image.parent, release))


def _chosen_kernel(image: Path, modules: Path | None) -> GuestKernel:
    release = kernel_release(image)
    # A distribution's kernel in /boot has its modules here; [choice] one without any has all built in.
    folder = modules or Path("/lib/modules", release)
    if modules is not None and not modules.is_dir():
        remedy = f"Give --modules the folder that belongs to the kernel, such as /lib/modules/{release}."
        raise SettingsError(f"There is no folder of kernel modules at {modules}.", remedy=remedy)
    return GuestKernel(image, release, guest_modules(folder, release) if folder.is_dir() else ())


def _age_of_release(image: Path) -> list[tuple[int, str]]:
    """Sorts `6.1.0-9` before `6.1.0-56`."""
    return [(int(number or -1), text) for number, text in re.findall(r"(\d+)|(\D+)", image.parent.name)]
