"""Images that a metro knows, and those that are pinned there (specification, Parts B.6 and C.11)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ukrom.api.envelope import Outcome
from ukrom.api.models.images import FindImage, PinImage, UnpinImage
from ukrom.api.operation import Form, Operation
from ukrom.api.references import repository, tag_of
from ukrom.api.shapes import ImageList, PinnedImage, UnpinnedImage
from ukrom.api.views.images import image_view, pin_view, unpinned_view
from ukrom.api.wire import read_list

from .finding import find_pin

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ukrom.api.call import Call
    from ukrom.cloud import Image, Pin, PinOrder

__all__ = ["OPERATIONS"]


def images(call: Call) -> dict[str, Any]:
    """List the images, in one page; filters are alternatives. [choice]."""
    filters = [FindImage(digest=digest) for digest in call.query.texts("digest")]
    filters += [FindImage(tag=tag) for tag in call.query.texts("tag")]
    if call.request.body:
        filters += read_list(FindImage, call.request.body, call.ignored)
    return _listed(call, filters)


def by_digest(call: Call) -> dict[str, Any]:
    """List the images with a digest, as older clients ask for them."""
    return _listed(call, [FindImage(digest=call.path_rest)])


def by_tag(call: Call) -> dict[str, Any]:
    """List the images with a tag, as older clients ask for them."""
    return _listed(call, [FindImage(tag=call.path_rest)])


def pin(call: Call, order: PinOrder) -> Outcome:
    """Pull an image and pin it."""
    return Outcome(pin_view(call.cloud.pins.pin(call.space, order)))


def unpin(call: Call, pinned: Pin, said: UnpinImage) -> Outcome:  # noqa: ARG001 - nothing can be said.
    """Let go of an image."""
    call.cloud.pins.unpin(call.space, pinned)
    return Outcome(unpinned_view(pinned))


def _listed(call: Call, filters: Iterable[FindImage]) -> dict[str, Any]:
    wanted = list(filters)
    for one in wanted:
        one.check()
    pins = {pinned.name: pinned for pinned in call.space.pins}
    found = [
        image_view(image, pins.get(image.untagged), call.account.user)
        for image in call.cloud.images.images()
        if not wanted or any(_matches(image, one) for one in wanted)
    ]
    return {"images": [{"status": "success", **view} for view in found]}


def _matches(image: Image, wanted: FindImage) -> bool:
    return (wanted.digest is None or wanted.digest == image.digest) and (
        wanted.tag is None or _has_tag(image, wanted.tag)
    )


def _has_tag(image: Image, wanted: str) -> bool:
    # By all of its tags: its own reference shows only one of them.
    return repository(wanted) == repository(image.reference) and tag_of(wanted) in image.tags


OPERATIONS = (
    Operation(
        "list images",
        "GET",
        ("/images", "/image-store"),
        Form.DATA,
        images,
        FindImage,
        answer=ImageList,
        query=("digest", "tag"),
        simplified="Both lists are of one store, which all nodes of all metros share.",
    ),
    Operation(
        "list images by digest", "GET", ("/images/digest/{digest}",), Form.DATA, by_digest, answer=ImageList
    ),
    Operation("list images by tag", "GET", ("/images/tag/{tag}",), Form.DATA, by_tag, answer=ImageList),
    Operation(
        "pin images",
        "POST",
        ("/images",),
        Form.CREATE,
        pin,
        PinImage,
        "images",
        answer=PinnedImage,
        array=True,
        simplified="Images are found in the emulator's own store, at once, and are never evicted from it.",
    ),
    Operation(
        "unpin images",
        "DELETE",
        ("/images",),
        Form.ACT,
        unpin,
        UnpinImage,
        "images",
        find_pin,
        answer=UnpinnedImage,
    ),
)
