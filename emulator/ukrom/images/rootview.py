"""Paths of a guest in a folder of this machine that is, or will be, its root."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ukrom.errors import ImageError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["RootView"]

_MOST_LINKS = 40
"""On the way to one path; the kernel's own limit."""


class RootView:
    """A folder seen as a root file system: links lead to where the guest would get, never out of it.

    Args:
        folder: The root.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def at(self, guest: str) -> Path:
        """Where a path of the guest is on this machine; if it is a link itself, the link.

        Raises:
            ImageError: Links go round in circles.
        """
        return self._walk(guest, follow_last=False)

    def follow(self, guest: str) -> Path:
        """Where a path of the guest leads on this machine; whether there is anything is another matter.

        Raises:
            ImageError: Links go round in circles.
        """
        return self._walk(guest, follow_last=True)

    def _walk(self, guest: str, *, follow_last: bool) -> Path:
        left = _names(guest)
        path, hops = self.folder, 0
        while left:
            name = left.pop(0)
            if name == "..":
                path = path if path == self.folder else path.parent
                continue
            step = path / name
            if not step.is_symlink() or not (left or follow_last):
                path = step
                continue
            hops += 1
            if hops > _MOST_LINKS:
                raise ImageError(f"The links on the way to {guest!r} go round in circles.")
            target = os.readlink(step)  # noqa: PTH115  a path of the guest, not of this machine
            path = self.folder if target.startswith("/") else path
            left[:0] = _names(target)
        return path


def _names(path: str) -> list[str]:
    return [name for name in path.split("/") if name not in {"", "."}]
