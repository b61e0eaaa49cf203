"""Paths in requests: where ROMs are mounted, and what the files of an inline ROM are called.

Specification, Parts E.2, E.12 and F.5.
"""

from __future__ import annotations

from ukrom.cloud.refusals import ErrorCode, Refusal

__all__ = ["file_path", "mount_path"]

_LONGEST_SEGMENT = 255
_LONGEST_PATH = 4095


def mount_path(path: str) -> str:
    """Check a mount path and give it without superfluous slashes.

    Raises:
        Refusal: Code 7; relative, with `.`, `..` or a colon, the root itself, or no path at all.
    """
    segments = [segment for segment in path.split("/") if segment]
    if not path.startswith("/"):
        raise _invalid("at", path, "must be absolute")
    if ":" in path:
        raise _invalid("at", path, "must not contain ':'")
    _check("at", path, segments)
    if not segments:
        # [choice]: mounting hides what was there, which for "/" would be the whole base image.
        raise _invalid("at", path, "must not be the root")
    return "/" + "/".join(segments)


def file_path(path: str) -> str:
    """Check the path of a file in an inline ROM and give it without a leading slash.

    Raises:
        Refusal: Code 7; empty, with `.` or `..`, with an empty part, or no path at all.
    """
    inner = path.removeprefix("/")
    segments = inner.split("/")
    if "" in segments:
        raise _invalid("path", path, "must name a file")
    _check("path", path, segments)
    return inner


def _check(field: str, path: str, segments: list[str]) -> None:
    if "." in segments or ".." in segments:
        raise _invalid(field, path, "must not contain '.' or '..'")
    if any(ord(letter) < 0x20 or ord(letter) == 0x7F or 0xD800 <= ord(letter) < 0xE000 for letter in path):
        raise _invalid(field, path, "must not contain control characters")
    if len(path.encode()) > _LONGEST_PATH or any(len(part.encode()) > _LONGEST_SEGMENT for part in segments):
        raise _invalid(field, path, "is too long")


def _invalid(field: str, path: str, why: str) -> Refusal:
    return Refusal(ErrorCode.INVALID, f"Invalid '{field}' {ascii(path)[:300]}: {why}")
