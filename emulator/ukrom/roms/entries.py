"""What a ROM or an initramfs is made of: directories, files, symbolic links, device nodes."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from ukrom.errors import RomError

__all__ = [
    "Content",
    "Device",
    "Directory",
    "Entry",
    "File",
    "Symlink",
    "checked_path",
    "content_mode",
    "file_mode",
]

Content: TypeAlias = bytes | Path
"""The bytes of a file, or the file of this machine that holds them."""

_LONGEST_NAME = 255
"""Bytes in one name; the limit of EROFS and of Linux."""


@dataclass(frozen=True, slots=True)
class Directory:
    """A directory; `path` is relative and has no leading slash."""

    path: str
    mode: int = 0o755


@dataclass(frozen=True, slots=True)
class File:
    """A regular file."""

    path: str
    content: Content
    mode: int = 0o644


@dataclass(frozen=True, slots=True)
class Symlink:
    """A symbolic link; `target` is kept as it is and never followed."""

    path: str
    target: str


@dataclass(frozen=True, slots=True)
class Device:
    """A device node; only CPIO archives hold them."""

    path: str
    major: int
    minor: int
    kind: Literal["character", "block"] = "character"
    mode: int = 0o600


Entry: TypeAlias = Directory | File | Symlink | Device


def checked_path(text: str) -> str:
    """Check a path inside a ROM and give it back without its leading slash.

    The platform takes paths with and without one (specification, Part E.2).

    Raises:
        RomError: The path is empty, climbs out of the ROM or holds a name that no file can have.
    """
    if not isinstance(text, str):
        raise RomError(f"{text!r} cannot be the path of a file: it is no text.", remedy="Give a str.")
    path = text.removeprefix("/")
    for name in path.split("/"):
        reason = _fault(name)
        if reason is not None:
            raise RomError(
                f"{text!r} cannot be the path of a file: {reason}.",
                remedy="Give a path such as 'config/settings.json'.",
            )
    return path


def _fault(name: str) -> str | None:
    """What is wrong with one name of a path, if anything."""
    if name == "":
        return "it has an empty name"
    if name in {".", ".."}:
        return f"it has a {name!r} in it"
    if "\0" in name:
        return "it has a NUL character in it"
    try:
        length = len(os.fsencode(name))
    except UnicodeEncodeError:
        return "it is no text that can name a file"
    return f"a name in it is longer than {_LONGEST_NAME} bytes" if length > _LONGEST_NAME else None


def file_mode(mode: int) -> int:
    """Fold the permission bits of a host's file into the two that a ROM knows.

    Owners, umask and read permissions differ between machines that hold the same content; whether
    a file can be executed does not.
    """
    return 0o755 if mode & 0o111 else 0o644


def content_mode(data: bytes) -> int:
    """Permission bits for content that no file on disk vouches for.

    [choice] Scripts and ELF programs can be executed, as a plugin's `init` must be.
    """
    return 0o755 if data.startswith((b"#!", b"\x7fELF")) else 0o644
