"""Images of a metro as answers show them (specification, Parts B.6 and C.11)."""

from typing import Literal, Required

from typing_extensions import TypedDict

from .scalars import Amount, Moment, Uuid, closed

__all__ = ["Image", "ImageList", "PinnedImage", "UnpinnedImage"]


@closed
class Image(TypedDict, total=False):
    """An image of a listing; it may do without an outcome and a UUID of its own."""

    status: Literal["success"]
    uuid: Uuid
    url: Required[str]
    created_at: Moment
    initrd_or_rom: Required[bool]
    size_in_bytes: Required[Amount]
    args: list[str]
    env: dict[str, str]
    tags: list[str]
    users: list[str]
    persistent: Literal[True]


@closed
class ImageList(TypedDict, total=False):
    """The data of a listing of images."""

    images: Required[list[Image]]


@closed
class PinnedImage(TypedDict, total=False):
    """An image that was pulled and pinned; its UUID is what unpins it."""

    uuid: Required[Uuid]
    name: str
    created_at: Moment
    state: str
    url: Required[str]
    persistent: Literal[True]
    tags: list[str]


@closed
class UnpinnedImage(TypedDict, total=False):
    """An image that is pinned no more."""

    uuid: Required[Uuid]
    name: str
