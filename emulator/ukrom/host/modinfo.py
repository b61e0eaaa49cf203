"""What a kernel module says of itself: its `.modinfo` section, compressed or not."""

from __future__ import annotations

import gzip
import io
import lzma
import sys
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ukrom.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

__all__ = ["ModuleDescription", "describe", "module_name", "read_module"]


@dataclass(frozen=True, slots=True)
class ModuleDescription:
    """The facts of one module that its loading depends on."""

    release: str
    """The kernel it was built for, the first word of its `vermagic`."""
    depends: tuple[str, ...]
    """Modules that must be loaded before it, or it cannot be linked."""
    softly_before: tuple[str, ...]
    """Modules that it asks for when it starts, which a guest without `modprobe` cannot answer."""


def module_name(path: str) -> str:
    """The name of a module by its file: `drivers/virtio-rng.ko.xz` is `virtio_rng`."""
    return path.rpartition("/")[2].partition(".ko")[0].replace("-", "_")


def read_module(path: Path) -> bytes:
    """A module's bytes, decompressed by what its name ends in.

    Raises:
        SettingsError: The file cannot be read, or is damaged.
    """
    try:
        return _DECOMPRESS.get(path.suffix, bytes)(path.read_bytes())
    except (OSError, EOFError, lzma.LZMAError, zlib.error, _zstd_error()) as error:
        message = f"The kernel module cannot be read: {path}: {error}."
        raise SettingsError(message, remedy="Run `ukrom setup` again, or give --modules.") from error


def describe(module: bytes, name: str) -> ModuleDescription:
    """Read the `.modinfo` section.

    Raises:
        SettingsError: These bytes are no kernel module.
    """
    facts: dict[str, list[str]] = {}
    for fact in _modinfo(module, name).decode(errors="replace").split("\0"):
        key, _, value = fact.partition("=")
        facts.setdefault(key, []).append(value)
    return ModuleDescription(
        release=" ".join(facts.get("vermagic", [])).partition(" ")[0],
        depends=_names(" ".join(facts.get("depends", [])).replace(",", " ")),
        softly_before=_names(" ".join(map(_pre, facts.get("softdep", [])))),
    )


def _modinfo(module: bytes, name: str) -> bytes:
    from elftools.common.exceptions import ELFError  # noqa: PLC0415 - 40 ms, and seldom needed
    from elftools.elf.elffile import ELFFile  # noqa: PLC0415

    try:
        section = ELFFile(io.BytesIO(module)).get_section_by_name(".modinfo")
    except ELFError as error:
        raise SettingsError(f"{name} is no kernel module: {error}.") from error
    if section is None:
        raise SettingsError(f"{name} is no kernel module: it has no section .modinfo.")
    return bytes(section.data())


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.replace("-", "_") for name in text.split())


def _pre(softdep: str) -> str:
    """The names after `pre:` of a text like `pre: a b post: c`."""
    return softdep.partition("pre:")[2].partition("post:")[0]


def _zstd(content: bytes) -> bytes:
    if sys.version_info >= (3, 14):
        from compression import zstd  # noqa: PLC0415 - few distributions need it
    else:
        from backports import zstd  # noqa: PLC0415
    return zstd.decompress(content)


def _zstd_error() -> type[Exception]:
    if sys.version_info >= (3, 14):
        from compression.zstd import ZstdError  # noqa: PLC0415
    else:
        from backports.zstd import ZstdError  # noqa: PLC0415
    return ZstdError


_DECOMPRESS: dict[str, Callable[[bytes], bytes]] = {
    ".gz": gzip.decompress,
    ".xz": lzma.decompress,
    ".zst": _zstd,
}
