"""One method of one path, out of the rows that serve it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from .bodies import request_body
from .parameters import parameters
from .refusals import NOT_EMULATED, references
from .row import is_single

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .row import Row
    from .schemas import Schema, Schemas

__all__ = ["described", "identifier", "planned"]

_DONE = "Understood. Items may have failed all the same: each tells it of itself, the envelope of all."


def described(rows: Sequence[Row], path: str, schemas: Schemas) -> dict[str, Any]:
    """Describe a method of a path.

    Args:
        rows: The operations that serve it: one, or one of each API where both have the path and
            are asked under one address.
        path: Without the `/v1`.
        schemas: The document's schemas.
    """
    found = {entry["$ref"]: entry for row in rows for entry in parameters(path, row)}
    bodies = [body for row in rows if (body := request_body(row, path, schemas)) is not None]
    said = [row.simplified for row in rows if row.simplified]
    return {
        "tags": [path.split("/")[1]],
        "summary": ", or ".join(_sentence(row.name) for row in rows),
        **({"description": "Simplified: " + " ".join(said)} if said else {}),
        "parameters": list(found.values()),
        **({"requestBody": bodies[0]} if bodies else {}),
        "responses": {"200": _answer(rows, schemas), **references()},
    }


def planned(path: str) -> dict[str, Any]:
    """Describe a method of a path that is not emulated."""
    return {
        "tags": [path.split("/")[1]],
        "summary": "Not emulated",
        "parameters": parameters(path),
        "responses": references(NOT_EMULATED),
    }


def identifier(text: str, path: str, taken: set[str]) -> str:
    """Give an operation an id that no other has, and note it."""
    name = _slug(text) + ("_by_uuid" if is_single(path) else "")
    if name in taken:
        name = f"{name}_of_{_slug(path)}"
    taken.add(name)
    return name


def _answer(rows: Sequence[Row], schemas: Schemas) -> dict[str, Any]:
    answers: list[Schema] = [schemas.answer(row) for row in rows]
    content = {"application/json": {"schema": answers[0] if len(answers) == 1 else {"anyOf": answers}}}
    content |= {row.media: {"schema": {"type": "string"}} for row in rows if row.media}
    return {"description": _DONE, "content": content}


def _sentence(name: str) -> str:
    return name[:1].upper() + name[1:]


def _slug(text: str) -> str:
    return re.sub(r"\W+", "_", text).strip("_").lower()
