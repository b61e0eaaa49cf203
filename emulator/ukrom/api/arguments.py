"""What a query says about the resources that it names, where it may (specification, Part B.1, row 16).

A single value is for every resource that the request means, wherever it is named; several are for those
of the query, one each, UUIDs before names. What the body says of a resource itself wins. [choice]
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Generic, TypeVar

from .envelope import RequestRefused
from .wire import Wire, read_object

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .query import Query

__all__ = ["Arguments"]

T = TypeVar("T", bound=Wire)


class Arguments(Generic[T]):
    """The arguments of one query.

    Args:
        model: All that can be said about a resource.
        names: The arguments, all of them integers, that the query may give.
        query: The query.
        count: How many resources it names.

    Raises:
        RequestRefused: 400; a value is no integer, or there are more or fewer than resources.
    """

    def __init__(self, model: type[T], names: Sequence[str], query: Query, count: int) -> None:
        self._model = model
        self._values = {name: found for name in names if (found := query.integers(name))}
        for name, found in self._values.items():
            if len(found) not in {1, count}:
                message = f"The query gives {len(found)} values of '{name}' for {count} resources"
                raise RequestRefused(400, message)

    def at(self, place: int | None) -> T:
        """Give what is said about one of the resources of the query; None is any other.

        Raises:
            RequestRefused: 400; a number that the body could not give either.
        """
        said = {}
        for name, found in self._values.items():
            if len(found) == 1:
                said[name] = found[0]
            elif place is not None:
                said[name] = found[place]
        return read_object(self._model, json.dumps(said).encode())

    def complete(self, said: T, place: int | None = None) -> T:
        """Add to what the body says of a resource what it leaves open."""
        if not self._values:
            return said
        more = self.at(place)
        left_open = more.model_fields_set - said.model_fields_set
        return said.model_copy(update={name: getattr(more, name) for name in left_open})
