"""The schemas of requests and answers, by name (specification, Part C)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema

from ukrom.api.shapes import Refused, answer_shape

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .row import Row

__all__ = ["Schema", "Schemas", "has_fields"]

Schema = dict[str, Any]
_PLACE = "#/components/schemas/"
_REFERENCE: Schema = {
    "uuid": {"type": "string", "format": "uuid"},
    "name": {"type": "string"},
}
_ONE_OF_BOTH: list[Schema] = [{"required": ["uuid"]}, {"required": ["name"]}]


class _Untitled(GenerateJsonSchema):
    """Fields go without titles, which would only repeat their names."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002 - it is the same for all.
        return False


class Schemas:
    """The schemas that a document refers to.

    Args:
        rows: The operations of the document.
    """

    def __init__(self, rows: Iterable[Row]) -> None:
        described = list(rows)
        self.components: dict[str, Schema] = {}
        models = {row.model: None for row in described if has_fields(row.model)}
        self._requests = self._add(models, "Body")
        self.components = {name: _without_null(schema) for name, schema in self.components.items()}
        answers = {answer_shape(row.answer, row.key): None for row in described if row.answer is not None}
        self._answers = self._add({**answers, Refused: None}, "")

    def request(self, model: Any) -> Schema:
        """Give what is said about one item."""
        return self._requests[model]

    def reference(self, model: Any) -> Schema:
        """Give one item of a body: which resource, and what is said about it (Part A.12)."""
        if not has_fields(model):
            return self._named("ReferenceBody", _referring({"type": "object", "additionalProperties": False}))
        schema = self._requests[model]
        name = f"{model.__name__}ItemBody"
        return self._named(name, self._with_reference(schema))

    def answer(self, row: Row) -> Schema:
        """Give the answer to an operation; where its shape is not known, any envelope."""
        return {"type": "object"} if row.answer is None else self._answers[answer_shape(row.answer, row.key)]

    @property
    def refused(self) -> Schema:
        """The answer to a request that is refused as a whole."""
        return self._answers[Refused]

    def _add(self, kinds: Iterable[Any], suffix: str) -> dict[Any, Schema]:
        # Requests and answers have objects of the same name, hence the suffix.
        made, held = TypeAdapter.json_schemas(
            [(kind, "validation", TypeAdapter(kind)) for kind in kinds],
            schema_generator=_Untitled,
            ref_template=f"{_PLACE}{{model}}{suffix}",
        )
        for name, schema in held.get("$defs", {}).items():
            self.components[f"{name}{suffix}"] = schema
        return {kind: schema for (kind, _), schema in made.items()}

    def _named(self, name: str, schema: Schema) -> Schema:
        self.components[name] = schema
        return {"$ref": f"{_PLACE}{name}"}

    def _with_reference(self, schema: Schema) -> Schema:
        found = self.components[schema["$ref"].removeprefix(_PLACE)] if "$ref" in schema else schema
        for union in ("oneOf", "anyOf"):
            if union in found:
                return {"anyOf": [self._with_reference(option) for option in found[union]]}
        return _referring(found)


def has_fields(model: Any) -> bool:
    """Tell whether a model says anything; a mere reference does not."""
    return bool(getattr(model, "model_fields", True))


def _referring(schema: Schema) -> Schema:
    return {**schema, "properties": {**_REFERENCE, **schema.get("properties", {})}, "oneOf": _ONE_OF_BOTH}


def _without_null(schema: Any) -> Any:
    # Requests may leave a field out, but not say null (Part A.12).
    if isinstance(schema, list):
        return [_without_null(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    clean = {key: _without_null(part) for key, part in schema.items()}
    if "default" in clean and clean["default"] is None:
        del clean["default"]
    options = [option for option in clean.get("anyOf", ()) if option != {"type": "null"}]
    if len(options) == 1:
        del clean["anyOf"]
        return {**options[0], **clean}
    return {**clean, "anyOf": options} if options else clean
