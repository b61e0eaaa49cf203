"""Whom a request means: by path, by query, by body, or all of these together.

Specification, Parts A.10 to A.12. The same reference given twice in query and body is meant once, with
what the body says about it. What name and UUID lead to is not looked at here; see `forms`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import dropwhile, islice
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from pydantic import create_model

from ukrom.cloud import ErrorCode, Ref, Refusal

from .arguments import Arguments
from .envelope import Outcome, RequestRefused, refused
from .identifiers import read_path_uuid, read_uuid
from .wire import Text, Wire, read_list, read_object

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from uuid import UUID

    from .query import Query
    from .wire import Ignored

__all__ = ["Bare", "Target", "page", "required", "targets"]

# Read like any other body, for there are operations that must be told something.
_NOTHING_SAID = b"{}"

T = TypeVar("T", bound=Wire)
R = TypeVar("R", bound="HasUuid")


class HasUuid(Protocol):
    """An item of a listing."""

    @property
    def uuid(self) -> UUID:
        """By which a cursor names it."""


class Bare(Wire):
    """An item that is a reference and nothing else."""


@dataclass(frozen=True, slots=True)
class Target(Generic[T]):
    """One resource that is meant, and what is said about it."""

    ref: Ref | Refusal
    """How to find it, or why that cannot be."""
    said: T
    identifiers: dict[str, str]
    """As the caller named it, to be echoed on failure."""
    is_filter: bool = False
    """Whether the query named it."""

    def failed(self, refusal: Refusal) -> Outcome:
        """Make the outcome of a refusal."""
        return refused(refusal, **self.identifiers)


def targets(
    model: type[T],
    path_uuid: str | None,
    query: Query,
    body: bytes,
    *,
    arguments: Sequence[str] = (),
    ignored: Ignored | None = None,
) -> list[Target[T]]:
    """Collect the resources that a request means.

    Args:
        model: What can be said about each; the arguments of the `{uuid}` form.
        path_uuid: The UUID in the path, if it has one; the body is then one bare object.
        query: `uuid` and `name` filters.
        body: Else an array of references with arguments.
        arguments: What the query may say about each; see `Arguments`.
        ignored: Is told of unknown fields, which are left out then; None refuses them.

    Raises:
        RequestRefused: 400; the body has wrong types, or a UUID is none, or so is an argument.
    """
    if path_uuid is not None:
        uuid = read_path_uuid(path_uuid)
        said = read_object(model, body or _NOTHING_SAID, ignored)
        said = Arguments(model, arguments, query, 1).complete(said, 0)
        return [Target(Ref(uuid=uuid), said, {"uuid": str(uuid), **said.echoed()})]
    filters = [Ref(uuid=uuid) for uuid in query.uuids()]
    filters += [Ref(name=name) for name in query.texts("name")]
    spoken = Arguments(model, arguments, query, len(filters))
    items = read_list(_bulk(model), body, ignored) if body else []
    found = [_from_item(model, item, spoken) for item in items]
    named = {(key, value) for target in found for key, value in target.identifiers.items()}
    for place, ref in enumerate(filters):
        identifier = ("name", str(ref.name)) if ref.uuid is None else ("uuid", str(ref.uuid))
        if identifier not in named:
            named.add(identifier)
            found.append(Target(ref, spoken.at(place), dict((identifier,)), is_filter=True))
    return found


def page(items: Sequence[R], query: Query) -> Iterable[R]:
    """Cut a page out of a listing; its cursor names the first item of the page.

    Args:
        items: All of the listing, oldest first. [choice]
        query: `count`, `from`, `order` and `sortby`.

    Raises:
        RequestRefused: 400; a value that is not allowed.
    """
    query.choice("sortby", "create_time")
    ordered = reversed(items) if query.choice("order", "asc", "desc") == "desc" else iter(items)
    cursor = query.cursor()
    if cursor is not None:
        # A cursor that is gone gives an empty page, after which clients take an earlier one.
        # Numbers are compared, not UUIDs: that is what a page far down a long listing takes.
        number = cursor.int
        ordered = dropwhile(lambda item: item.uuid.int != number, ordered)
    return islice(ordered, query.count())


@lru_cache(maxsize=64)
def _bulk(model: type[Wire]) -> type[Wire]:
    keys = ("uuid", "name") if model.named else ("uuid",)
    fields: dict[str, Any] = dict.fromkeys(keys, (Text, None))
    bulk: type[Wire] = create_model(f"{model.__name__}Item", __base__=model, **fields)
    return bulk


def _from_item(model: type[T], item: Any, spoken: Arguments[T]) -> Target[T]:
    arguments = {field: getattr(item, field) for field in item.model_fields_set - {"uuid", "name"}}
    said = spoken.complete(model.model_construct(_fields_set=set(arguments), **arguments))
    echoed = said.echoed()
    identifiers = {key: value for key in ("uuid", "name") if (value := getattr(item, key, None)) is not None}
    if len(identifiers) == 2:
        refusal = Refusal(ErrorCode.NOT_BOTH, "A reference has either a 'uuid' or a 'name', not both")
        return Target(refusal, said, identifiers | echoed)
    if not identifiers:
        return Target(Refusal(ErrorCode.MISSING_ID, "A reference needs a 'uuid' or a 'name'"), said, echoed)
    if item.uuid is None:
        return Target(Ref(name=item.name), said, identifiers | echoed)
    uuid = read_uuid(item.uuid)
    return Target(Ref(uuid=uuid), said, {"uuid": str(uuid), **echoed})


def required(found: Sequence[Target[T]], body: bytes) -> None:
    """Refuse a request that names nothing at all.

    Raises:
        RequestRefused: 400; neither the path, nor the query, nor the body names a resource.
    """
    if not found and not body:
        raise RequestRefused(400, "The request names no resource: give a list of references as its body")
