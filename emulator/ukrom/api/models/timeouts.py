"""Time-outs in requests, in seconds and in the deprecated milliseconds (specification, Part D.7)."""

from __future__ import annotations

from math import ceil

from ukrom.api.envelope import RequestRefused

__all__ = ["check_timeouts", "deprecated", "seconds"]


def seconds(timeout_s: int | None, timeout_ms: int | None, default: int) -> int:
    """Give a time-out in seconds; the deprecated one in ms is rounded up."""
    if timeout_s is not None:
        return timeout_s
    if timeout_ms is None:
        return default
    return -1 if timeout_ms < 0 else ceil(timeout_ms / 1000)


def check_timeouts(*timeouts: int | None) -> None:
    """Check time-outs.

    Raises:
        RequestRefused: 400; one is below -1.
    """
    for timeout in timeouts:
        if timeout is not None and timeout < -1:
            raise RequestRefused(400, f"Invalid time-out {timeout}: must be -1, 0 or more")


def deprecated(field: str, given_fields: set[str]) -> list[str]:
    """Say that a field in ms is deprecated, if it was given."""
    return [f"'{field}' is deprecated, use 'timeout_s' instead"] if field in given_fields else []
