"""Windows of a console log (specification, Part D.8)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ukrom.cloud.refusals import ErrorCode, Refusal

if TYPE_CHECKING:
    from ukrom.cloud.settings import Limits

__all__ = ["DEFAULT_PAGE", "LogWindow", "log_window"]

DEFAULT_PAGE = 4096
"""Bytes that are given when no limit is asked for."""


@dataclass(frozen=True, slots=True)
class LogWindow:
    """Part of a log; offsets in bytes."""

    output: bytes
    available: tuple[int, int]
    """Where the log begins and ends; (0, 0) for a window outside of it."""
    range: tuple[int, int]
    """Where the window begins and ends."""


def log_window(
    log: bytes | bytearray, offset: int | None, limit: int | None, limits: Limits, *, dropped: int = 0
) -> LogWindow:
    """Cut a window out of a log.

    Args:
        log: All of it that is left.
        offset: Where to begin; negative counts from the end, None is the start.
        limit: How many bytes at most; None takes `DEFAULT_PAGE`.
        limits: How many bytes may be asked for.
        dropped: How many bytes there were before; offsets count them.

    Raises:
        Refusal: Code 7; a limit below 0 or above the page size. [choice]
    """
    count = DEFAULT_PAGE if limit is None else limit
    if not 0 <= count <= limits.log_page:
        raise Refusal(ErrorCode.INVALID, f"Invalid 'limit' {count}: must be from 0 to {limits.log_page}")
    end = dropped + len(log)
    # [choice]: more bytes back than there are, or a place that is gone, means the start.
    start = offset or 0
    start = max(dropped, end + start if start < 0 else start)
    if start > end or not log:
        return LogWindow(b"", (0, 0), (0, 0))
    output = bytes(log[start - dropped : start - dropped + count])
    return LogWindow(output, (dropped, end), (start, start + len(output)))
