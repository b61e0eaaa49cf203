"""What a kernel module says of itself: its `.modinfo` section, compressed or not."""

from __future__ import annotations

import gzip
import lzma
import struct
import sys
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ukrom.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

__all__ = ["ModuleDescription", "describe", "module_name", "read_module"]

_ELF64 = b"\x7fELF\2\1"  # 64 bits, little-endian, as both architectures of guests are
_SECTION_TABLE = 0x28
_SECTION_COUNTS = 0x3A
_SECTION = struct.Struct("<IIQQQQ")
"""Name, type, flags, address, offset, size."""


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
    """Find the section by hand: every start looks at all modules, for which pyelftools takes 0.15 s."""
    try:
        if not module.startswith(_ELF64):
            raise SettingsError(f"{name} is no kernel module: it is no 64-bit ELF file.")
        (table,) = struct.unpack_from("<Q", module, _SECTION_TABLE)
        size, count, names = struct.unpack_from("<HHH", module, _SECTION_COUNTS)
        sections = [_SECTION.unpack_from(module, table + size * number) for number in range(count)]
        *_, names_at, names_size = sections[names]
        texts = module[names_at : names_at + names_size]
        for text, _, _, _, offset, length in sections:
            if texts[text : texts.find(b"\0", text)] == b".modinfo":
                return module[offset : offset + length]
    except (struct.error, IndexError) as error:
        raise SettingsError(f"{name} is no kernel module: it is damaged.") from error
    raise SettingsError(f"{name} is no kernel module: it has no section .modinfo.")


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
