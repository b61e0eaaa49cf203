"""Images that a metro knows (specification, Parts B.6 and C.11)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ukrom.api.operation import Form, Operation
from ukrom.api.references import same_tag
from ukrom.api.views.images import image_view
from ukrom.api.wire import Text, Wire, read_list

if TYPE_CHECKING:
    from ukrom.api.call import Call
    from ukrom.cloud import Image

__all__ = ["OPERATIONS"]


class _Filter(Wire):
    digest: Text = None
    tag: Text = None


def images(call: Call) -> dict[str, Any]:
    """List the images, in one page; filters are alternatives. [choice]."""
    filters = [_Filter(digest=digest) for digest in call.query.texts("digest")]
    filters += [_Filter(tag=tag) for tag in call.query.texts("tag")]
    if call.request.body:
        filters += read_list(_Filter, call.request.body, call.ignored)
    found = [
        image for image in call.cloud.images.images() if not filters or any(map(_matcher(image), filters))
    ]
    return {"images": [{"status": "success", **image_view(image)} for image in found]}


def _matcher(image: Image) -> Any:
    def matches(wanted: _Filter) -> bool:
        return (wanted.digest is None or wanted.digest == image.digest) and (
            wanted.tag is None or same_tag(wanted.tag, image.reference)
        )

    return matches


OPERATIONS = (Operation("list images", "GET", ("/images", "/image-store"), Form.DATA, images),)
