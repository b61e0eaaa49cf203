"""Parameters of paths and queries (specification, Parts A.10 and A.11)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from ukrom.api.operation import Form

from .row import is_single

if TYPE_CHECKING:
    from .row import Row

__all__ = ["PARAMETERS", "parameters"]

_UUID = {"type": "string", "format": "uuid"}
_TEXT = {"type": "string"}
_INTEGER = {"type": "integer"}
_NAMED_IN = re.compile(r"\{(\w+)\}")


def _query(name: str, schema: dict[str, Any], said: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "in": "query", "description": said, "schema": schema, **more}


def _list(name: str, items: dict[str, Any], said: str, **more: Any) -> dict[str, Any]:
    return _query(name, {"type": "array", "items": items}, said, style="form", explode=True, **more)


def _modelled(name: str, items: dict[str, Any]) -> dict[str, Any]:
    # Clients' descriptions have these; the platform reads the body (Part B.1, row 14).
    return _list(name, items, "Has no effect: the body says it.", deprecated=True)


_SPOKEN = "One value for all, or one for each resource of the query, UUIDs first; what the body says wins."
_QUERY = (
    _list("uuid", _UUID, "UUIDs of resources; the union with `name` is meant."),
    _list("name", _TEXT, "Names of resources; the union with `uuid` is meant."),
    _query("details", {"type": "boolean"}, "Whether to show all of each resource."),
    _query("count", {"type": "integer", "minimum": 1, "maximum": 999_999_999}, "The size of a page."),
    _query("from", _UUID, "The UUID of the first item of the page."),
    _query("order", {"type": "string", "enum": ["asc", "desc"]}, "Oldest or newest first."),
    _query("sortby", {"type": "string", "enum": ["create_time"]}, "By what to sort."),
    _query(
        "tags",
        {"type": "array", "items": _TEXT},
        "Tags that a resource must have, all of them; joined by commas that are not encoded.",
        style="form",
        explode=False,
    ),
    _query("digest", _TEXT, "The digest of an image."),
    _query("tag", _TEXT, "The reference of an image."),
    _list("namespace", _TEXT, "Whose repositories to list; by default the account's own."),
    _modelled("state", _TEXT),
    _modelled("timeout_ms", _INTEGER),
    _modelled("timeout_s", _INTEGER),
    _list("offset", _INTEGER, f"Where to begin, in bytes; below 0 from the end. {_SPOKEN}"),
    _list("limit", _INTEGER, f"How many bytes at most. {_SPOKEN}"),
)
_PATH = (
    {
        "name": "uuid",
        "in": "path",
        "required": True,
        "description": "The UUID of the resource.",
        "schema": _UUID,
    },
    {
        "name": "digest",
        "in": "path",
        "required": True,
        "description": "The digest of an image.",
        "schema": _TEXT,
    },
    {
        "name": "tag",
        "in": "path",
        "required": True,
        "description": "The reference of an image, slashes included.",
        "schema": _TEXT,
    },
    {"name": "name", "in": "path", "required": True, "description": "A name.", "schema": _TEXT},
    {
        "name": "rest",
        "in": "path",
        "required": True,
        "description": "Any rest of the path, slashes included.",
        "schema": _TEXT,
    },
)

PARAMETERS: dict[str, dict[str, Any]] = {f"{part['in']}_{part['name']}": part for part in (*_QUERY, *_PATH)}
"""All parameters, as components of the document."""

_LISTING = ("uuid", "name", "details", "count", "from", "order", "sortby")


def parameters(path: str, row: Row | None = None) -> list[dict[str, str]]:
    """Give references to the parameters that an operation takes under a path.

    Args:
        path: Parts in braces are parameters.
        row: The operation; None for what is not emulated.
    """
    keys = [f"path_{name}" for name in _NAMED_IN.findall(path)]
    keys += [] if row is None else [f"query_{name}" for name in _query_names(path, row)]
    return [{"$ref": f"#/components/parameters/{key}"} for key in keys]


def _query_names(path: str, row: Row) -> tuple[str, ...]:
    if row.form in {Form.DATA, Form.CREATE}:
        return row.query
    if is_single(path):
        return ("details",) if row.form is Form.READ else row.arguments
    if row.form is Form.READ:
        return (*_LISTING, *(("tags",) if row.tagged else ()), *row.query)
    return ("uuid", "name", *row.arguments, *row.query)
