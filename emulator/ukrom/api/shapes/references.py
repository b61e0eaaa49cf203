"""Answers that say which resource, and little more (specification, Parts A.2, A.13 and B)."""

from typing import Required

from typing_extensions import TypedDict

from .scalars import Uuid, closed

__all__ = ["Reference", "Updated"]


@closed
class Reference(TypedDict, total=False):
    """Which resource it was; a listing without details and most deletes say no more (Part A.11)."""

    uuid: Required[Uuid]
    name: Required[str]


@closed
class Updated(TypedDict, total=False):
    """What became of one PATCH triple (Part A.13)."""

    uuid: Required[Uuid]
    name: Required[str]
    id: str
    """As the caller tagged the triple."""
