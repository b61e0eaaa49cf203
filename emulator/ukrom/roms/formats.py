"""The forms a ROM can have, told apart by their first bytes (specification, Part E.5)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias, get_args

from ukrom.errors import RomError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["PAGE", "RomFormat", "checked_format", "detect"]

PAGE = 4096
"""ROMs are whole pages; in bytes."""

RomFormat: TypeAlias = Literal["erofs", "cpio", "raw"]

_EROFS_SUPERBLOCK = 1024
_EROFS_MAGIC = (0xE0F5E1E2).to_bytes(4, "little")
_NEWC_MAGICS = (b"070701", b"070702")


def checked_format(text: str) -> RomFormat:
    """Check the name of a format.

    Raises:
        RomError: There is no such format.
    """
    for known in get_args(RomFormat):
        if text == known:
            return text  # type: ignore[return-value]  # mypy does not narrow by get_args
    raise RomError(
        f"There is no ROM format {text!r}.",
        remedy=f"Choose one of {', '.join(get_args(RomFormat))}.",
    )


def detect(path: Path) -> RomFormat:
    """Tell the format of a file by its magic; whatever is neither EROFS nor `newc` is raw.

    Raises:
        RomError: The file is missing or cannot be read.
    """
    try:
        with path.open("rb") as stream:
            head = stream.read(_EROFS_SUPERBLOCK + len(_EROFS_MAGIC))
    except OSError as error:
        raise RomError(f"The ROM {str(path)!r} cannot be read: {error.strerror}.") from error
    if head[_EROFS_SUPERBLOCK:] == _EROFS_MAGIC:
        return "erofs"
    return "cpio" if head.startswith(_NEWC_MAGICS) else "raw"
