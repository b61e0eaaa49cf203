"""Where image references lead."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime
    from pathlib import Path

__all__ = ["Image", "ImageStore", "StoredBlob"]

BlobFormat: TypeAlias = Literal["erofs", "cpio", "raw"]


@dataclass(frozen=True, slots=True)
class StoredBlob:
    """Bytes that a guest sees as one block device: a root file system or a ROM."""

    path: Path
    size: int
    """In bytes."""
    digest: str
    """`sha256:<64 hex>` of the content."""
    format: BlobFormat


@dataclass(frozen=True, slots=True)
class Image:
    """An image that a reference was resolved to."""

    reference: str
    """As reads give it back, pinned: `oci://unikraft.io/<org>/<name>:<tag>@sha256:<hex>`."""
    digest: str
    architecture: str
    """In the platform's spelling: `x86_64` or `arm64`."""
    root: StoredBlob | None
    """The root file system; None in a ROM-only image."""
    roms: tuple[StoredBlob, ...] = ()
    args: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    created_at: datetime | None = None
    size: int = 0
    """In bytes, over all layers."""
    tags: tuple[str, ...] = ()
    warm: tuple[tuple[str, ...], ...] = ()
    """Commands that a runner with snapshot layers runs aside before it saves one of this image, so that
    what the application reads first is in memory. No instance ever sees anything else of them."""

    @property
    def untagged(self) -> str:
        """The pinned reference without a tag, for one image may have several."""
        name = self.reference.partition("@")[0]
        folder, slash, last = name.rpartition("/")
        return f"{folder}{slash}{last.partition(':')[0]}@{self.digest}"

    @property
    def rom(self) -> StoredBlob | None:
        """The blob to attach when this image is used as a ROM (images and clients, section 1.6)."""
        return self.roms[0] if self.roms else self.root


class ImageStore(Protocol):
    """Where image references lead."""

    def resolve(self, reference: str) -> Image:
        """Find an image.

        Raises:
            BadReference: The text is no reference.
            ImageNotFound: There is no such image.
        """

    def images(self) -> Iterable[Image]:
        """All images that have a tag."""
