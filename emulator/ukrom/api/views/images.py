"""Images as answers show them (specification, Part C.11)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ukrom.api.references import repository

from .moments import rfc3339

if TYPE_CHECKING:
    from ukrom.cloud import Image, Pin

__all__ = ["image_view", "pin_view", "unpinned_view"]


def image_view(image: Image, pin: Pin | None = None, user: str = "") -> dict[str, Any]:
    """Show an image of the listing.

    Args:
        image: The image.
        pin: The account's pin of it, if there is one.
        user: The account's. [choice]: an image's users are those who have it pinned, as far as the
            caller may know of them.
    """
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
    if pin is not None:
        # Everybody may manage images here, so everybody may see it. [choice]
        view |= {"uuid": str(pin.uuid), "persistent": True, "users": [user]}
    return view


def pin_view(pin: Pin) -> dict[str, Any]:
    """Show an image that was pinned."""
    image = pin.image
    return {
        **unpinned_view(pin),
        "created_at": rfc3339(image.created_at or pin.created_at),
        "state": "ready",
        "url": image.reference,
        "persistent": True,
        "tags": list(image.tags),
    }


def unpinned_view(pin: Pin) -> dict[str, Any]:
    """Name an image that was pinned. [choice]: by its repository."""
    return {"uuid": str(pin.uuid), "name": repository(pin.image.reference)}
