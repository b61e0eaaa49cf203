"""The whole OpenAPI document (specification, Parts A and B)."""

from __future__ import annotations

import re
from copy import deepcopy
from typing import TYPE_CHECKING, Any

from ukrom.cloud import ErrorCode

from .described import described, identifier, planned
from .parameters import PARAMETERS
from .refusals import refusals
from .schemas import Schemas

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from .row import Row

__all__ = ["document"]

_INTRODUCTION = """\
Every answer is an envelope around `data`. An operation on several items answers 200 as soon as the
request is understood; the envelope's `status` is `error` when all items failed, `partial_success`
when some did. An item that failed has `status`, `message` and `error`, which is one of:

"""
_PARAMETER = re.compile(r"\{\w+\}")


def document(
    rows: Iterable[Row],
    not_emulated: Iterable[tuple[str, str]] = (),
    *,
    title: str = "Unikraft Cloud, emulated",
    version: str = "0",
    servers: Sequence[str] = ("/",),
) -> dict[str, Any]:
    """Make an OpenAPI 3.1 document; the same rows give the same document.

    Args:
        rows: The operations. Both tables may be given at once: where they share a path, the
            document describes both.
        not_emulated: Methods, divided by spaces, and path of what answers 501. A last `*` in a path
            stands for any rest.
        title: The title of the API.
        version: The version of the API.
        servers: Base URLs, without `/v1`.

    Returns:
        The document, fit for `json.dumps`.
    """
    table = list(rows)
    schemas = Schemas(table)
    paths = _emulated(table, schemas)
    _add_planned(paths, not_emulated)
    return {
        "openapi": "3.1.0",
        "info": {"title": title, "version": version, "description": _INTRODUCTION + _codes()},
        "servers": [{"url": url} for url in servers],
        "security": [{"token": []}],
        "paths": {f"/v1{path}": dict(sorted(methods.items())) for path, methods in sorted(paths.items())},
        "components": {
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            "parameters": deepcopy(PARAMETERS),
            "responses": refusals(schemas.refused),
            "schemas": dict(sorted(schemas.components.items())),
        },
    }


def _codes() -> str:
    return "\n".join(f"- {code.value}: {code.name.lower().replace('_', ' ')}" for code in ErrorCode)


def _emulated(table: list[Row], schemas: Schemas) -> dict[str, dict[str, Any]]:
    serving: dict[tuple[str, str], list[Row]] = {}
    for row in table:
        for path in row.paths:
            serving.setdefault((path, row.method.lower()), []).append(row)
    paths: dict[str, dict[str, Any]] = {}
    taken: set[str] = set()
    for (path, method), rows in serving.items():
        entry = {"operationId": identifier(rows[0].name, path, taken), **described(rows, path, schemas)}
        paths.setdefault(path, {})[method] = entry
    return paths


def _add_planned(paths: dict[str, dict[str, Any]], not_emulated: Iterable[tuple[str, str]]) -> None:
    # Two paths that differ in nothing but the names of their parameters are the same path.
    known = {_PARAMETER.sub("{}", path): path for path in paths}
    taken: set[str] = set()
    for methods, pattern in not_emulated:
        wanted = pattern.replace("*", "{rest}")
        path = known.setdefault(_PARAMETER.sub("{}", wanted), wanted)
        for method in methods.lower().split():
            if method not in paths.setdefault(path, {}):
                name = identifier(f"not_emulated {method} {path}", path, taken)
                paths[path][method] = {"operationId": name, **planned(path)}
