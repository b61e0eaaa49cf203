"""A ROM that a test built, and how it is attached."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Rom", "RomAttachment"]


@dataclass(frozen=True, slots=True)
class RomAttachment:
    """A ROM as one instance gets it: an entry of `roms` in a create (specification, Part E.2)."""

    image: str
    name: str | None = None
    at: str | None = None

    def request(self) -> dict[str, str]:
        """The wire form; what is not given is left out."""
        fields = {"name": self.name, "image": self.image, "at": self.at}
        return {key: value for key, value in fields.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Rom:
    """A ROM image in the emulator's store."""

    image: str
    """The reference under which instances ask for it, such as `ukrom/my-rom1:latest`."""
    path: Path
    """The block device's bytes; read-only, shared by every run."""
    size: int
    """In bytes; a multiple of 4096."""
    digest: str
    """`sha256:<hex>` of those bytes: the same content has the same digest on every machine."""

    def attach(self, name: str | None = None, at: str | None = None) -> RomAttachment:
        """Say how an instance gets it.

        Args:
            name: Of the device `/dev/ukp_rom_<name>`; the platform generates one if it is left out.
            at: Where the guest mounts it; without, it is a bare device.
        """
        return RomAttachment(self.image, name, at)
