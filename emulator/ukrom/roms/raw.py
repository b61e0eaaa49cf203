"""Raw ROMs: the bytes of one file and nothing else."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, BinaryIO

from ukrom.errors import RomError
from ukrom.roms.entries import Entry, File

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["write"]


def write(entries: Sequence[Entry], stream: BinaryIO) -> None:
    """Write the one file among `entries`; its name and mode are lost (specification, Part E.5).

    Raises:
        RomError: There are several files, or the one cannot be read.
    """
    files = [entry for entry in entries if isinstance(entry, File)]
    if len(files) != 1:
        raise RomError(
            f"A raw ROM is the content of one file, but {len(files)} were given.",
            remedy="Give one file, or choose format 'erofs' or 'cpio'.",
        )
    content = files[0].content
    if isinstance(content, bytes):
        stream.write(content)
        return
    try:
        with content.open("rb") as source:
            shutil.copyfileobj(source, stream)
    except OSError as error:
        raise RomError(f"{str(content)!r} cannot be read: {error.strerror}.") from error
