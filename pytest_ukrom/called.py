"""What a report says about the API calls of a test."""

from __future__ import annotations

from http import HTTPStatus
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
        earlier = len(calls) - _SHOWN
        lines = [f"({earlier} earlier ones are left out)"] if earlier > 0 else []
        lines += [_line(call) for call in calls[-_SHOWN:]]
        sections.append(("ukrom: API calls", "\n".join(lines)))
    missed = [call for call in calls if call.missed]
    if missed:
        # The same call again and again is told once.
        told = dict.fromkeys(_miss(call) for call in missed[-_SHOWN:])
        sections.append(("ukrom: calls that met no operation", "\n".join(told)))
    return sections


def _line(call: LoggedCall) -> str:
    status = str(call.status) if call.status else "no answer"
    line = f"{call.method} {_cut(call.path)} -> {status} ({call.milliseconds:.1f} ms)"
    if call.error:
        line += f": {_cut(call.error)}"
    return f"{line} [{call.fault}]" if call.fault else line


def _miss(call: LoggedCall) -> str:
    what = f"{call.method} {_cut(call.path)}"
    if call.status == HTTPStatus.NOT_IMPLEMENTED:
        return f"{what}\n    the platform has this; it is not emulated yet"
    close = nearest(call.method, urlsplit(call.path).path, (*PLATFORM, *CONTROL_PLANE))
    lines = [f"    did you mean {text}?" for text in close]
    if not call.status:
        lines.insert(0, "    its host is not emulated")
    return "\n".join([what, *(lines or ["    there is nothing like it"])])


def _cut(text: str) -> str:
    plain = text if text.isprintable() else ascii(text)
    return plain if len(plain) <= _LONGEST else f"{plain[:_LONGEST]}…"
