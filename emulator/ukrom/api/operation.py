"""One row of the table of operations: all that routing, validation, answers and documents need of it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

from .selection import Bare

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from .wire import Wire

__all__ = ["Form", "Operation"]


class Form(Enum):
    """How an operation takes its items."""

    CREATE = "create"  # the body is one object to make, or an array of them
    READ = "read"  # items that are named, or else a listing
    ACT = "act"  # items that are named, with what to do to each
    SHOW = "show"  # items that are named, or else all: each shown in full
    DATA = "data"  # no items: the handler gives all of the data


@dataclass(frozen=True, slots=True)
class Operation:
    """One row of the table.

    An operation on items has a collection path and, where one item can be named in the path, a
    `{uuid}` path; both lead to the same handler (specification, Parts A.12 and B).
    """

    name: str
    method: str
    paths: tuple[str, ...]
    """Without the `/v1`."""
    form: Form
    handler: Callable[..., Any]
    """CREATE: (call, order); ACT: (call, resource, said); READ and SHOW: (call, resource) -> what is
    shown; DATA: (call) -> the data."""
    model: type[Wire] = Bare
    """What the body holds for each item."""
    key: str = ""
    """Under which `data` holds the items."""
    find: Callable[..., Any] | None = None
    """ACT, READ and SHOW: the resource that a reference means."""
    listed: Callable[..., Any] | None = None
    """READ and SHOW: all resources, filtered."""
    brief: Callable[..., Any] | None = None
    """READ: how a listing shows a resource unless details are asked for."""
    answer: Any = None
    """The shape of one item of the answer, of all data where there are no items: a TypedDict."""
    tagged: bool = False
    """READ: whether the listing takes `tags`."""
    lone: bool = False
    """ACT: whether the body under the collection's path may be one object instead of an array."""
    vet: Callable[..., None] | None = None
    """ACT: (call, pairs of reference and what is said) -> refuses a request as a whole, in view of the
    state, before any of it is done."""
    arguments: tuple[str, ...] = ()
    """ACT: arguments, all of them integers, that the query may give too."""
    array: bool = False
    """CREATE: whether the body is an array even where there is one thing to make."""
    simplified: str = ""
    """What the emulator does more simply than the platform, and why; for the coverage page."""
    query: tuple[str, ...] = ()
    """Further parameters of the query, by name, for the OpenAPI document."""
    media: str = ""
    """A media type that it answers with where JSON is not asked for."""
    written: Callable[[Sequence[Mapping[str, Any]]], str] | None = None
    """Writes items in that media type, given as JSON would have them."""
