"""Bodies of requests (specification, Part A.12)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ukrom.api.operation import Form

from .row import is_single
from .schemas import has_fields

if TYPE_CHECKING:
    from .row import Row
    from .schemas import Schema, Schemas

__all__ = ["request_body"]


def request_body(row: Row, path: str, schemas: Schemas) -> dict[str, Any] | None:
    """Describe the body that an operation takes under a path, if it takes any."""
    if row.form is Form.CREATE:
        one = schemas.request(row.model)
        either = _array(one) if row.array else {"oneOf": [one, _array(one)]}
        return _body(either, "What to make, one or several.", required=True)
    if row.form is Form.DATA:
        if not has_fields(row.model):
            return None
        return _body(_array(schemas.request(row.model)), "What to look for; any of it.")
    if not is_single(path):
        said = "Which resources; they may be named by the query instead."
        item = schemas.reference(row.model)
        return _body({"oneOf": [_array(item), item]} if row.lone else _array(item), said)
    if row.form is Form.ACT and has_fields(row.model):
        return _body(schemas.request(row.model), "What to do to the resource.")
    return None


def _array(items: Schema) -> Schema:
    return {"type": "array", "items": items}


def _body(schema: Schema, said: str, *, required: bool = False) -> dict[str, Any]:
    return {"description": said, "required": required, "content": {"application/json": {"schema": schema}}}
