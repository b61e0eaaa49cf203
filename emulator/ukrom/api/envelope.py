"""The envelope around every answer (specification, Parts A.1 to A.5)."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from .messages import Answer

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ukrom.cloud import Refusal

__all__ = [
    "NoOperation",
    "Outcome",
    "RequestRefused",
    "data_answer",
    "items_answer",
    "refused",
    "refused_answer",
]

ALL_FAILED = "Failed to perform all operations"
SOME_FAILED = "Failed to perform some operations"
TIMED_OUT = "Operation timed out"


class RequestRefused(Exception):
    """The platform refuses a request as a whole.

    Args:
        status: The HTTP status.
        messages: What is wrong with it, each in a sentence.
        headers: Headers of the answer, beside the usual ones.
    """

    def __init__(self, status: int, *messages: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(*messages)
        self.status = status
        self.messages = messages
        self.headers = dict(headers or {})


class NoOperation(RequestRefused):
    """No operation takes the request: no such host, path or method, or none that is emulated."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one item."""

    fields: Mapping[str, Any]
    failed: bool = False
    timed_out: bool = False
    """A wait lapsed; such an item has failed too, but has no error code."""

    @property
    def item(self) -> dict[str, Any]:
        """The item, as answers hold it."""
        return {"status": "error" if self.failed or self.timed_out else "success", **self.fields}


def refused(refusal: Refusal, **identifiers: str) -> Outcome:
    """Make the outcome of a refused item, naming it as the caller did."""
    return Outcome({**identifiers, "message": refusal.message, "error": int(refusal.code)}, failed=True)


def items_answer(
    key: str, outcomes: Sequence[Outcome], warnings: Sequence[str], op_time_us: int
) -> tuple[Answer, str | None]:
    """Answer with items; HTTP 200 whatever became of them.

    Returns:
        The answer, and what went wrong, if anything did.
    """
    failed = [outcome for outcome in outcomes if outcome.failed or outcome.timed_out]
    envelope: dict[str, Any] = {"status": "success"}
    if any(outcome.timed_out for outcome in outcomes):
        # Clients know a lapsed wait by this text alone, and do not look at a partial success.
        envelope = {"status": "error", "message": TIMED_OUT}
    elif failed:
        whole = len(failed) == len(outcomes)
        envelope = {
            "status": "error" if whole else "partial_success",
            "message": ALL_FAILED if whole else SOME_FAILED,
        }
    envelope["data"] = {key: [outcome.item for outcome in outcomes]}
    problem = "; ".join(str(outcome.fields.get("message", TIMED_OUT)) for outcome in failed) or None
    return _answer(200, envelope, warnings, op_time_us), problem


def data_answer(data: Mapping[str, Any], warnings: Sequence[str], op_time_us: int) -> Answer:
    """Answer with data of any shape."""
    return _answer(200, {"status": "success", "data": data}, warnings, op_time_us)


def refused_answer(refusal: RequestRefused, op_time_us: int) -> Answer:
    """Answer a request that is refused as a whole."""
    errors = [{"status": refusal.status, "message": message} for message in refusal.messages]
    envelope = {"status": "error", "message": refusal.messages[0], "errors": errors}
    answer = _answer(refusal.status, envelope, (), op_time_us)
    return replace(answer, more=refusal.headers) if refusal.headers else answer


def _answer(status: int, envelope: dict[str, Any], warnings: Sequence[str], op_time_us: int) -> Answer:
    if warnings:
        envelope["warnings"] = list(warnings)
    envelope["op_time_us"] = op_time_us
    return Answer(status, json.dumps(envelope, separators=(",", ":")).encode())
