"""What the SDK knows of an operation and a document lacks: parameters, fields, values of enums, types."""

from __future__ import annotations

import re

from pydantic import TypeAdapter


class Schema:
    """A schema among its definitions; unions are taken apart, and null counts for nothing."""

    def __init__(self, schema, definitions):
        self.definitions = definitions
        self.options = list(self._options(schema))

    def _options(self, schema):
        if "$ref" in schema:
            yield from self._options(self.definitions[schema["$ref"].rsplit("/", 1)[1]])
            return
        unions = [schema[word] for word in ("anyOf", "oneOf", "allOf") if word in schema]
        if unions and "properties" not in schema:
            for union in unions:
                for option in union:
                    yield from self._options(option)
        elif schema.get("type") != "null":
            yield schema

    def inner(self, choose):
        found = [part for option in self.options if isinstance(part := choose(option), dict)]
        return Schema({"anyOf": found}, self.definitions) if found else None

    def words(self):
        """The values of all enums, or None if any text will do."""
        words = set()
        for option in self.options:
            if option.get("type", "string") == "string":
                if "enum" not in option and "const" not in option:
                    return None
                words |= set(option.get("enum", [option.get("const")]))
        return words


def gaps(theirs, ours, place, above=frozenset()):
    """Tell what `ours` lacks, each with its place."""
    here = frozenset(option["title"] for option in theirs.options if "properties" in option)
    if here & above:
        return
    for option in theirs.options:
        yield from _type_gaps(option, ours, place)
        for name, field in option.get("properties", {}).items():
            mine = ours.inner(lambda other, name=name: other.get("properties", {}).get(name))
            yield from _within(Schema(field, theirs.definitions), mine, f"{place}.{name}", above | here)
        for word in ("items", "additionalProperties"):
            if isinstance(option.get(word), dict):
                mine = ours.inner(lambda other, word=word: other.get(word))
                yield from _within(Schema(option[word], theirs.definitions), mine, f"{place}[]", above | here)


def _within(theirs, ours, place, above):
    if ours is None:
        yield place
    else:
        yield from gaps(theirs, ours, place, above)


def _type_gaps(option, ours, place):
    kind = option.get("type")
    if kind is not None and all(other.get("type", kind) != kind for other in ours.options):
        yield f"{place}: {kind}"
    known = ours.words()
    for word in option.get("enum", [option["const"]] if "const" in option else []):
        if known is not None and word not in known:
            yield f"{place} = {word!r}"


def entry(described, operation):
    """Find what a document says of an operation of the SDK, be it under a path of another name."""
    paths = {re.sub(r"\{\w+\}", "{}", path): methods for path, methods in described["paths"].items()}
    methods = paths.get(re.sub(r"\{\w+\}", "{}", operation.path), {})
    return methods.get(operation.method.lower())


def schema_of(kind):
    schema = TypeAdapter(kind).json_schema()
    return Schema(schema, schema.get("$defs", {}))


def missing(described, operation):
    """Tell what a document lacks of an operation."""
    found = entry(described, operation)
    if found is None or "200" not in found["responses"]:
        return [str(operation)]
    components = described["components"]
    named = [components["parameters"][part["$ref"].rsplit("/", 1)[1]] for part in found["parameters"]]
    known = {part["name"] for part in named if part["in"] == "query"}
    lacks = [f"?{name}" for name in operation.query if name not in known]
    answer = found["responses"]["200"]["content"]["application/json"]["schema"]
    lacks += gaps(schema_of(operation.answer), Schema(answer, components["schemas"]), "answer")
    if operation.body not in {None, type(None)}:
        body = found.get("requestBody", {"content": {"application/json": {"schema": {"not": {}}}}})
        mine = Schema(body["content"]["application/json"]["schema"], components["schemas"])
        lacks += gaps(schema_of(operation.body), mine, "body")
    return lacks
