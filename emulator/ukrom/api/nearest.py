"""Which operation a call may have meant that no operation takes."""

from __future__ import annotations

from difflib import SequenceMatcher
from typing import TYPE_CHECKING

from .identifiers import is_uuid
from .routing import UUID_PART, segments

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .operation import Operation

__all__ = ["nearest"]

_METHOD = 0.6
"""What the right method counts, where a literal part of the path counts 1."""
_UUID = 0.8
_OTHER_FOR_UUID = 0.3
_LEAST = 0.4
"""Of what can be reached; below, a guess would only mislead."""


def nearest(method: str, path: str, operations: Iterable[Operation], most: int = 3) -> list[str]:
    """Name the operations that come closest to a call, the closest first.

    Args:
        method: Of the call.
        path: Of the call, with or without `/v1`.
        operations: What there is.
        most: How many to name.

    Returns:
        Method, path and name of each; empty where nothing is similar.
    """
    asked = segments(path)
    if "v1" in asked:
        # A local address has the metro before it.
        asked = asked[asked.index("v1") + 1 :]
    found = []
    known = tuple(operations)
    # Where the path is right, nobody meant another one.
    same = [one for one in known if any(_fits(asked, segments(pattern)) for pattern in one.paths)]
    for operation in same or known:
        score, closest = max((_likeness(asked, segments(pattern)), pattern) for pattern in operation.paths)
        score += _METHOD * (operation.method == method)
        if score >= _LEAST * (_METHOD + len(asked)):
            found.append((-score, f"{operation.method} /v1{closest} ({operation.name})"))
    return [text for _, text in sorted(found)[:most]]


def _fits(asked: tuple[str, ...], pattern: tuple[str, ...]) -> bool:
    return len(asked) == len(pattern) and all(
        part == given or (part == UUID_PART and is_uuid(given))
        for given, part in zip(asked, pattern, strict=True)
    )


def _likeness(asked: tuple[str, ...], pattern: tuple[str, ...]) -> float:
    alike = sum(_part_likeness(*pair) for pair in zip(asked, pattern, strict=False))
    return alike - 0.5 * abs(len(asked) - len(pattern))


def _part_likeness(asked: str, part: str) -> float:
    if part == UUID_PART:
        return _UUID if is_uuid(asked) else _OTHER_FOR_UUID
    if asked == part:
        return 1.0
    # Long enough for every part there is, and short enough for a hostile one.
    ratio = SequenceMatcher(None, asked[:64].lower(), part).ratio()
    return ratio if ratio > 0.6 else 0.0
