"""The kernel modules a guest needs, in the order in which they can be loaded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ukrom.errors import MissingTool, SettingsError
from ukrom.host.modinfo import describe, module_name, read_module

if TYPE_CHECKING:
    from pathlib import Path

    from ukrom.host.modinfo import ModuleDescription

__all__ = ["OPTIONAL_MODULES", "WANTED_MODULES", "Module", "guest_modules"]

WANTED_MODULES = (
    "virtio_mmio",
    "virtio_blk",
    "virtio_net",
    "virtio_console",
    "erofs",
    "overlay",
)
"""What every guest loads, unless the kernel has it built in."""

OPTIONAL_MODULES = (
    "virtio_rng",
    "fuse",
    "vsock_loopback",
)
"""What a guest loads if the kernel has it; without them some functions are missing, the boot works."""

# A soft dependency names what a module asks the crypto API for; these are the modules that answer.
_ANSWERED_BY = {"crc32c": "crc32c_generic"}


@dataclass(frozen=True, slots=True)
class Module:
    """A kernel module for the guest.

    Attributes:
        name: With underscores, as `/proc/modules` spells it.
        path: Its file on this machine; `.ko`, or compressed by gzip, xz or zstd.
    """

    name: str
    path: Path

    def read(self) -> bytes:
        """Its bytes as the guest's kernel wants them, decompressed.

        Raises:
            SettingsError: The file cannot be read, or is damaged.
        """
        return read_module(self.path)


def guest_modules(folder: Path, release: str) -> tuple[Module, ...]:
    """Find the modules that a guest needs, each after those it depends on.

    Dependencies are read from the modules themselves: `modules.dep` is made when a kernel package is
    installed, and one that was only unpacked has none.

    Args:
        folder: A module tree as in `/lib/modules/<release>`.
        release: The release of the kernel they will be loaded into.

    Raises:
        MissingTool: A module is neither there nor built into the kernel.
        SettingsError: The modules were built for another kernel, or cannot be read.
    """
    search = _Search(folder, release)
    for name in WANTED_MODULES:
        search.add(name)
    for name in OPTIONAL_MODULES:
        if search.has(name):
            search.add(name)
    return tuple(search.found.values())


class _Search:
    """One walk over a module tree, depth first."""

    def __init__(self, folder: Path, release: str) -> None:
        self.folder = folder
        self.release = release
        self.found: dict[str, Module] = {}
        """In load order."""
        self.files = {module_name(path.name): path for path in sorted(folder.rglob("*.ko*"))}
        self.built_in = _built_in(folder)

    def has(self, name: str) -> bool:
        return name in self.files

    def add(self, name: str) -> None:
        if name in self.found or name in self.built_in:
            return
        if name not in self.files:
            raise self._missing(name)
        module = Module(name, self.files[name])
        description = describe(module.read(), str(module.path))
        self._check(module, description)
        for soft in description.softly_before:
            if self.has(answer := _ANSWERED_BY.get(soft, soft)):
                self.add(answer)
        for needed in description.depends:
            self.add(needed)
        self.found[name] = module

    def _check(self, module: Module, description: ModuleDescription) -> None:
        if description.release != self.release:
            message = (
                f"The kernel is {self.release}, but the module {module.path}"
                f" was built for {description.release or 'none'}."
            )
            remedy = "Give --modules the folder that belongs to the kernel, /lib/modules/<release>."
            raise SettingsError(message, remedy=remedy)

    def _missing(self, name: str) -> MissingTool:
        message = (
            f"The guest kernel {self.release} has no module {name}:"
            f" it is neither under {self.folder} nor in its modules.builtin."
        )
        remedy = "Run `ukrom setup`, or give it another --kernel and --modules."
        return MissingTool("guest kernel", message, remedy=remedy)


def _built_in(folder: Path) -> frozenset[str]:
    try:
        lines = (folder / "modules.builtin").read_text().splitlines()
    except FileNotFoundError:
        return frozenset()
    except OSError as error:
        raise SettingsError(f"The list of built-in modules cannot be read: {error}.") from error
    return frozenset(module_name(line) for line in lines)
