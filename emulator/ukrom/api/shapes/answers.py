"""Whole answers, made out of the shapes of their items (specification, Parts A.1 to A.3)."""

from functools import lru_cache
from typing import Annotated, Any, Literal, Required

from pydantic import Field
from typing_extensions import TypedDict, get_type_hints

from .envelope import EnvelopeStatus, EnvelopeWarning, Failure, RequestError
from .scalars import Amount, closed

__all__ = ["answer_shape", "item_shape"]

# Made at run time, which type checkers do not follow.
_typed_dict: Any = TypedDict
_list: Any = list


@lru_cache(maxsize=256)
def item_shape(shape: Any) -> Any:
    """Make the shape of an item that succeeded: what a view shows, and its outcome.

    Args:
        shape: What the view shows, a TypedDict.
    """
    shown = get_type_hints(shape, include_extras=True)
    fields = {"status": Required[Literal["success"]], **shown, "message": str}
    return _made(f"{shape.__name__}Item", shape.__doc__, fields)


@lru_cache(maxsize=256)
def answer_shape(shape: Any, key: str = "") -> Any:
    """Make the shape of an answer with HTTP status 200.

    Args:
        shape: One item of the data; without a key, all of the data. A TypedDict.
        key: Under which the data holds the items.

    Returns:
        A TypedDict that a `pydantic.TypeAdapter` reads; nothing unknown passes.
    """
    data = shape
    if key:
        held = {key: Required[_list[_either(shape)]]}
        data = _made(f"{shape.__name__}Data", "The items, in the order of the request.", held)
    fields = {
        "status": Required[EnvelopeStatus],
        "message": str,
        "data": Required[data],
        "errors": list[RequestError],
        "warnings": list[str | EnvelopeWarning],
        "op_time_us": Required[Amount],
    }
    return _made(f"{shape.__name__}Answer", "The envelope around the data.", fields)


def _either(shape: Any) -> Any:
    return Annotated[item_shape(shape) | Failure, Field(discriminator="status")]


def _made(name: str, said: str | None, fields: dict[str, Any]) -> Any:
    shape = _typed_dict(name, fields, total=False)
    shape.__doc__ = said
    return closed(shape)
