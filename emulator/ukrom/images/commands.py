"""Checks that the command of an image can start in its root file system."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from ukrom.errors import ImageError
from ukrom.images.elf import read_elf

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from ukrom.images.rootview import RootView

__all__ = ["DEFAULT_PATH", "check_command"]

DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def check_command(root: RootView, command: Sequence[str], env: Mapping[str, str], architecture: str) -> None:
    """Check that a command's program, and what starts it, are there.

    Raises:
        ImageError: The program is missing, cannot be executed, is for another machine, or its loader
            or script interpreter is missing.
    """
    if not command:
        return
    program = _find(root, command[0], env.get("PATH", DEFAULT_PATH))
    if program is None:
        raise ImageError(
            f"The command's program {command[0]!r} is not in the image.",
            remedy="Name it by its path in the image, or put it there.",
        )
    path = root.follow(program)
    if not path.stat().st_mode & 0o111:
        raise ImageError(f"The command's program {program!r} cannot be executed.", remedy=f"chmod +x {path}")
    elf = read_elf(path)
    if elf is not None and elf.architecture != architecture:
        raise ImageError(
            f"The command's program {program!r} is for {elf.architecture or 'another machine'}, "
            f"but the image is for {architecture}.",
            remedy="Build it for the architecture of the image.",
        )
    starter = elf.interpreter if elf is not None else _script_interpreter(path)
    if starter is not None and not root.follow(starter).is_file():
        raise ImageError(
            f"The command's program {program!r} needs {starter!r} to start, which is not in the image.",
            remedy="Put it there.",
        )


def _find(root: RootView, name: str, search: str) -> str | None:
    places = [name] if "/" in name else [posixpath.join(folder, name) for folder in search.split(":")]
    return next((place for place in places if root.follow(place).is_file()), None)


def _script_interpreter(path: Path) -> str | None:
    with path.open("rb") as stream:
        line = stream.readline(256)
    words = line[2:].decode(errors="replace").split() if line.startswith(b"#!") else []
    return words[0] if words else None
