"""Images as answers show them (specification, Part C.11)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .moments import rfc3339

if TYPE_CHECKING:
    from ukrom.cloud import Image

__all__ = ["image_view"]


def image_view(image: Image) -> dict[str, Any]:
    """Show an image of the listing (Part C.11)."""
    view: dict[str, Any] = {
        "url": image.reference,
        "initrd_or_rom": image.root is None,
        "size_in_bytes": image.size,
        "args": list(image.args),
        "env": dict(image.env),
        "tags": list(image.tags),
    }
    if image.created_at is not None:
        view["created_at"] = rfc3339(image.created_at)
    return view
