"""What an ELF file says it needs: its loader, its shared libraries and where to look for them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

from ukrom.errors import ImageError

if TYPE_CHECKING:
    from pathlib import Path

    from ukrom.images.architectures import Architecture

__all__ = ["Elf", "is_elf", "read_elf"]

_MAGIC = b"\x7fELF"
_CLASS_64 = 2
_MACHINES: dict[int, Architecture] = {62: "x86_64", 183: "arm64"}
"""By `e_machine`."""


@dataclass(frozen=True, slots=True)
class Elf:
    """The dynamic section of an ELF file, as far as a loader of libraries reads it."""

    architecture: Architecture | None
    """None if it is for no machine of the platform, a 32-bit one for example."""
    interpreter: str | None
    """The loader that the kernel starts (`PT_INTERP`); None in libraries and static programs."""
    needed: tuple[str, ...] = ()
    """Names of shared libraries (`DT_NEEDED`)."""
    rpath: tuple[str, ...] = ()
    """Folders to search first, for this file and all it loads (`DT_RPATH`)."""
    runpath: tuple[str, ...] = ()
    """Folders to search for this file's own libraries (`DT_RUNPATH`); if any, `rpath` is ignored."""


def is_elf(path: Path) -> bool:
    """Whether a file begins as ELF files do.

    Raises:
        ImageError: It cannot be read.
    """
    try:
        with path.open("rb") as stream:
            return stream.read(len(_MAGIC)) == _MAGIC
    except OSError as error:
        raise ImageError(f"{str(path)!r} cannot be read: {error.strerror}.") from error


def read_elf(path: Path) -> Elf | None:
    """Read an ELF file; None if it is something else.

    Raises:
        ImageError: It cannot be read, or is a damaged ELF file.
    """
    if not is_elf(path):
        return None
    # Costs 60 ms once, and only builders need it.
    from elftools.common.exceptions import ELFError  # noqa: PLC0415

    with path.open("rb") as stream:
        try:
            return _read(stream)
        except (ELFError, ValueError, LookupError, UnicodeDecodeError) as error:
            raise ImageError(f"{str(path)!r} is a damaged ELF file: {error}.") from error


def _read(stream: BinaryIO) -> Elf:
    from elftools.elf.dynamic import DynamicSegment  # noqa: PLC0415
    from elftools.elf.elffile import ELFFile  # noqa: PLC0415
    from elftools.elf.segments import InterpSegment  # noqa: PLC0415

    head = stream.read(20)
    machine = int.from_bytes(head[18:20], "little")
    architecture = _MACHINES.get(machine) if head[4] == _CLASS_64 else None
    if architecture is None:
        return Elf(None, None)
    interpreter = None
    values: dict[str, list[str]] = {"DT_NEEDED": [], "DT_RPATH": [], "DT_RUNPATH": []}
    for segment in ELFFile(stream).iter_segments():
        if isinstance(segment, InterpSegment):
            interpreter = segment.get_interp_name()
        elif isinstance(segment, DynamicSegment):
            for tag in segment.iter_tags():
                if tag.entry.d_tag in values:
                    name = tag.entry.d_tag.removeprefix("DT_").lower()
                    values[tag.entry.d_tag].append(getattr(tag, name))
    return Elf(
        architecture,
        interpreter,
        tuple(values["DT_NEEDED"]),
        _folders(values["DT_RPATH"]),
        _folders(values["DT_RUNPATH"]),
    )


def _folders(values: list[str]) -> tuple[str, ...]:
    return tuple(folder for value in values for folder in value.split(":") if folder)
