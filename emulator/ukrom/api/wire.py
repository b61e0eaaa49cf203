"""Reading request bodies: strict types, nothing unknown, refused in the platform's words."""

from __future__ import annotations

from functools import lru_cache, partial
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, TypeAlias, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic_core import PydanticCustomError

from .envelope import RequestRefused
from .unknown import without

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pydantic_core import ErrorDetails

__all__ = [
    "Flag",
    "Ignored",
    "Int64",
    "Integer",
    "Text",
    "TextMap",
    "Texts",
    "Wire",
    "given",
    "read_list",
    "read_object",
    "type_name",
]

_EXPECTED = {
    "string_type": "string",
    "int_type": "integer",
    "int_from_float": "integer",
    "bool_type": "boolean",
    "list_type": "array",
    "dict_type": "object",
    "model_type": "object",
    "model_attributes_type": "object",
}
_TYPES: tuple[tuple[type | tuple[type, ...], str], ...] = (
    (type(None), "null"),
    (bool, "boolean"),
    (int, "integer"),
    (float, "number"),
    (str, "string"),
    (list, "array"),
)


class Wire(BaseModel):
    """A JSON object of a request."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    called: ClassVar[str] = "request body"
    """What refusals call it."""
    named: ClassVar[bool] = True
    """Whether the resources that it is said of have names by which they can be meant."""

    def check(self) -> None:
        """Check what can be checked without knowing any state.

        Raises:
            RequestRefused: 400; parts that do not go together.
        """

    def warnings(self) -> list[str]:
        """Say what of it is deprecated."""
        return []

    def echoed(self) -> dict[str, str]:
        """Give what the answer to it repeats, whatever becomes of it."""
        return {}


T = TypeVar("T", bound=Wire)
R = TypeVar("R")
Ignored: TypeAlias = "Callable[[list[str]], None]"
"""Is told of fields that are left out, in sentences."""


def type_name(value: object) -> str:
    """Give the JSON type of a value, as the platform calls it."""
    return next((name for kind, name in _TYPES if isinstance(value, kind)), "object")


def given(expected: str) -> BeforeValidator:
    """Refuse an explicit null, which is not the same as an absent field (specification, Part A.12)."""

    def check(value: Any) -> Any:
        if value is None:
            raise PydanticCustomError("null", "null", {"expected": expected})
        return value

    return BeforeValidator(check)


Int64 = Annotated[int, Field(ge=-(1 << 63), le=(1 << 63) - 1)]
"""[choice]: JSON has integers of any size, and the platform surely not."""
Text = Annotated[str | None, given("string")]
Integer = Annotated[Int64 | None, given("integer")]
Flag = Annotated[bool | None, given("boolean")]
Texts = Annotated[list[str] | None, given("array")]
TextMap = Annotated[dict[str, str] | None, given("object")]


def read_object(model: type[T], body: bytes, ignored: Ignored | None = None) -> T:
    """Read a body that is one object.

    Args:
        model: Its fields.
        body: The body.
        ignored: Is told of unknown fields, in sentences; they are left out then. None refuses them.

    Raises:
        RequestRefused: 400; it is not JSON, or not of the model's types.
    """
    return _read(model, model.model_validate_json, body, ignored)


def read_list(model: type[T], body: bytes, ignored: Ignored | None = None) -> list[T]:
    """Read a body that is an array of objects; else as `read_object`.

    Raises:
        RequestRefused: 400; it is not JSON, or not of the model's types.
    """
    return _read(model, partial(_list_of(model).validate_json, strict=True), body, ignored)


def _read(model: type[Wire], validate: Callable[[bytes], R], body: bytes, ignored: Ignored | None) -> R:
    while True:
        try:
            return validate(body)
        except ValidationError as error:
            if ignored is None:
                raise _refusal(model, error) from error
            body, names = _without_unknown(body, error)
            if not names:
                raise _refusal(model, error) from error
            ignored([f"Unknown field '{name}' in {model.called} is ignored" for name in names])


def _without_unknown(body: bytes, error: ValidationError) -> tuple[bytes, list[str]]:
    found = error.errors(include_url=False, include_context=False, include_input=False)
    unknown = [detail["loc"] for detail in found if detail["type"] == "extra_forbidden"]
    if not unknown:
        return body, []
    body, gone = without(body, unknown)
    return body, [_path(location) for location in gone]


@lru_cache(maxsize=64)
def _list_of(model: type[T]) -> TypeAdapter[list[T]]:
    return TypeAdapter(list[model])  # type: ignore[valid-type]  # a type made at run time


def _refusal(model: type[Wire], error: ValidationError) -> RequestRefused:
    details = error.errors(include_url=False)
    return RequestRefused(400, *(_in_words(model.called, detail) for detail in details[:8]))


def _in_words(called: str, detail: ErrorDetails) -> str:
    kind, found, context = detail["type"], detail["input"], detail.get("ctx", {})
    field = _path(detail["loc"])
    if kind == "json_invalid":
        return f"Malformed JSON in the request body: {context.get('error', 'cannot be parsed')}"
    if kind == "extra_forbidden":
        return f"Unknown field '{field}' in {called}"
    if kind == "missing":
        return f"'{field}' is missing in {called}"
    expected = context.get("expected") if kind in {"null", "json_type"} else _EXPECTED.get(kind)
    subject = f"'{field}' in {called}" if field else "The request body"
    if expected is not None:
        return f"{subject} has type '{type_name(found)}', but expected '{expected}'"
    if kind == "literal_error":
        return f"{subject} has value {str(found)[:100]!a}, but expected {context['expected']}"
    return f"{subject} is invalid: {detail['msg']}"


def _path(location: Sequence[str | int]) -> str:
    # The place in an array body is left out: the platform's text names the field alone.
    parts = location[1:] if location and isinstance(location[0], int) else location
    path = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in parts)
    return path.removeprefix(".")
