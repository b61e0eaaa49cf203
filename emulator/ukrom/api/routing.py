"""From method and path to an operation (specification, Part B.1: literal parts win over `{uuid}`)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .envelope import NoOperation
from .operations import NOT_EMULATED

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .operations import Operation

__all__ = ["UUID_PART", "Match", "Routes", "segments"]

UUID_PART = "{uuid}"
"""What stands for a UUID in the path of an operation."""
_REST = re.compile(r"\{(?!uuid\})\w+\}")


@dataclass(frozen=True, slots=True)
class Match:
    """An operation, and what stood for the parameters of its path."""

    operation: Operation
    uuid: str | None
    rest: str | None = None
    """What stood for another parameter, which is the rest of the path."""


def segments(path: str) -> tuple[str, ...]:
    """Split a path; `/v1` in front counts for nothing, be it there once, twice or not at all."""
    parts = tuple(part for part in path.split("/") if part)
    return parts[2:] if parts[:2] == ("v1", "v1") else parts[1:] if parts[:1] == ("v1",) else parts


class Routes:
    """The paths of a table of operations."""

    def __init__(self, operations: Iterable[Operation]) -> None:
        self._by_path: dict[tuple[str, ...], dict[str, Operation]] = {}
        for operation in operations:
            for path in operation.paths:
                self._by_path.setdefault(segments(path), {})[operation.method] = operation

    def match(self, method: str, path: str) -> Match:
        """Find the operation of a request.

        Raises:
            NoOperation: 404 for an unknown path, 405 for a method that it has not, 501 for what
                the platform has and the emulator has not.
        """
        parts = segments(path)
        operations, uuid = self._find(parts)
        rest = None
        if operations is None:
            operations, rest = self._find_rest(parts)
        operation = None if operations is None else operations.get(method)
        if operation is not None:
            return Match(operation, uuid, rest)
        if _is_planned(method, parts):
            raise NoOperation(501, f"{method} {path} is not emulated yet")
        if operations is not None:
            raise NoOperation(
                405, f"method {method} is not valid for {path}; it takes {', '.join(operations)}"
            )
        raise NoOperation(404, f"no route for {method} {path}")

    def _find(self, parts: tuple[str, ...]) -> tuple[dict[str, Operation] | None, str | None]:
        operations = self._by_path.get(parts)
        if operations is not None:
            return operations, None
        # From the end, for `/volumes/templates/{uuid}` wins over `/volumes/{uuid}/...`.
        for place in range(len(parts) - 1, 1 if _is_literal(parts) else 0, -1):
            operations = self._by_path.get((*parts[:place], UUID_PART, *parts[place + 1 :]))
            if operations is not None:
                return operations, parts[place]
        return None, None

    def _find_rest(self, parts: tuple[str, ...]) -> tuple[dict[str, Operation] | None, str | None]:
        # Tags of images have slashes, which an HTTP library may or may not have encoded.
        for path, operations in self._by_path.items():
            if _REST.fullmatch(path[-1]) and len(parts) >= len(path) and parts[: len(path) - 1] == path[:-1]:
                return operations, "/".join(parts[len(path) - 1 :])
        return None, None


def _is_literal(parts: tuple[str, ...]) -> bool:
    # `/instances/templates` is never an instance called so.
    return parts[:2] in _PLANNED_HEADS


def _is_planned(method: str, parts: tuple[str, ...]) -> bool:
    return any(method in methods and _fits(pattern, parts) for methods, pattern in _PLANNED)


def _fits(pattern: tuple[str, ...], parts: tuple[str, ...]) -> bool:
    if pattern[-1] == "*":
        pattern, parts = pattern[:-1], parts[: len(pattern) - 1]
    return len(pattern) == len(parts) and all(
        wanted in {UUID_PART, part} for wanted, part in zip(pattern, parts, strict=True)
    )


_PLANNED = tuple((frozenset(methods.split()), segments(path)) for methods, path in NOT_EMULATED)
_PLANNED_HEADS = frozenset(pattern[:2] for _, pattern in _PLANNED)
