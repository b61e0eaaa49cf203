"""What a report says about the API calls of a test."""

from __future__ import annotations

from http import HTTPStatus
from itertools import groupby
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from ukrom.api import CONTROL_PLANE, PLATFORM, nearest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ukrom.api import LoggedCall

__all__ = ["call_sections"]

_SHOWN = 20
_LONGEST = 300


def call_sections(calls: Sequence[LoggedCall]) -> list[tuple[str, str]]:
    """Make the sections about a test's calls; none where it made none.

    Args:
        calls: The calls, oldest first.
    """
    sections = []
    if calls:
        lines = _lines(calls)
        earlier = len(lines) - _SHOWN
        if earlier > 0:
            lines[:earlier] = [f"({earlier} earlier ones are left out)"]
        sections.append(("ukrom: API calls", "\n".join(lines)))
    missed = [call for call in calls if call.missed]
    if missed:
        # The same call again and again is told once.
        told = dict.fromkeys(_miss(call) for call in missed[-_SHOWN:])
        sections.append(("ukrom: calls that met no operation", "\n".join(told)))
    return sections


def _lines(calls: Sequence[LoggedCall]) -> list[str]:
    """Tell the calls, one line each; a poll that goes the same way again and again is one line."""
    lines = []
    for (before, after), alike in groupby(calls, _told):
        times = [call.milliseconds for call in alike]
        took = (
            f"{times[-1]:.1f} ms" if len(times) == 1 else f"{len(times)} times, the last {times[-1]:.1f} ms"
        )
        lines.append(f"{before} ({took}){after}")
    return lines


def _told(call: LoggedCall) -> tuple[str, str]:
    status = str(call.status) if call.status else "no answer"
    after = f": {_cut(call.error)}" if call.error else ""
    if call.fault:
        after += f" [{call.fault}]"
    return f"{call.method} {_cut(call.path)} -> {status}", after


def _miss(call: LoggedCall) -> str:
    what = f"{call.method} {_cut(call.path)}"
    if call.status == HTTPStatus.NOT_IMPLEMENTED:
        return f"{what}\n    the platform has this; it is not emulated yet"
    close = nearest(call.method, urlsplit(call.path).path, (*PLATFORM, *CONTROL_PLANE))
    if call.status == HTTPStatus.BAD_REQUEST:
        # An operation took it, with a word for a UUID; more than one guess would be noise.
        close = close[:1]
    if not call.status:
        lines = [
            "    its host is not emulated",
            *(f"    on another one there is {text}" for text in close[:1]),
        ]
    else:
        lines = [f"    did you mean {text}?" for text in close] or ["    there is nothing like it"]
    return "\n".join([what, *lines])


def _cut(text: str) -> str:
    plain = text if text.isprintable() else ascii(text)
    return plain if len(plain) <= _LONGEST else f"{plain[:_LONGEST]}…"
