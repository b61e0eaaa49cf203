"""Packs a ROM: from a directory, a mapping or a list of files to the bytes of a block device."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from ukrom.errors import RomError
from ukrom.roms import cpio, erofs, raw
from ukrom.roms.entries import Entry, File
from ukrom.roms.formats import PAGE, RomFormat, checked_format, detect
from ukrom.roms.scratch import scratch, total_size
from ukrom.roms.sources import Source, collect

__all__ = ["build", "build_to"]


def build(source: Source, format: RomFormat = "erofs") -> bytes:  # noqa: A002  the platform's own word
    """Pack a ROM and give its bytes: a multiple of 4096, all owned by root, no times.

    Args:
        source: A directory; or a mapping of paths in the ROM to text, bytes or host paths; or files
            with `path` and `data`. A single file is taken as it is if it already has the format.
        format: `erofs` (which the platform can mount), `cpio` (`newc`) or `raw` (one file).

    Raises:
        RomError: There is nothing to pack, something cannot be read, or a path is broken.
        MissingTool: The machine lacks `mkfs.erofs`.

    Follows the specification, Part E.5, and images and clients, section 1.7.
    """
    entries, form = _plan(source, checked_format(format))
    with scratch(total_size(entries)) as folder:
        target = folder / "rom"
        _write(entries, target, form)
        return target.read_bytes()


def build_to(source: Source, target: Path, format: RomFormat = "erofs") -> None:  # noqa: A002
    """Pack a ROM into the file `target`, which appears only when it is whole.

    Args:
        source: As for `build`.
        target: The file to write; its directory must exist.
        format: As for `build`.

    Raises:
        RomError: There is nothing to pack, something cannot be read, or a path is broken.
        MissingTool: The machine lacks `mkfs.erofs`.
    """
    entries, form = _plan(source, checked_format(format))
    try:
        descriptor, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    except OSError as error:
        raise RomError(f"The ROM {str(target)!r} cannot be written: {error.strerror}.") from error
    os.close(descriptor)
    partial = Path(name)
    try:
        _write(entries, partial, form)
        partial.chmod(0o644)
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)


def _plan(source: Source, form: RomFormat) -> tuple[list[Entry], RomFormat]:
    """Settle what goes in and who writes it; a ready-made ROM is taken as the raw file it is."""
    if not isinstance(source, (str, os.PathLike)) or not Path(source).is_file():
        return collect(source), form
    path = Path(source)
    if form not in {detect(path), "raw"}:
        raise RomError(
            f"{str(path)!r} is a file and holds no {form} file system.",
            remedy="Give the directory to pack, or choose format 'raw' to take the file as it is.",
        )
    return [File(path.name, path)], "raw"


def _write(entries: list[Entry], target: Path, form: RomFormat) -> None:
    if form == "erofs":
        erofs.write(entries, target)
    else:
        with target.open("wb") as stream:
            (cpio if form == "cpio" else raw).write(entries, stream)
    size = target.stat().st_size
    os.truncate(target, size + -size % PAGE)
