"""The envelope around every answer (specification, Parts A.1 to A.5)."""

from __future__ import annotations

import json
from dataclasses import InitVar, dataclass, field, replace
from typing import TYPE_CHECKING, Any

from .messages import Answer

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ukrom.cloud import Refusal

__all__ = [
    "NoBuildService",
    "NoOperation",
    "NoUuidInPath",
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

_JSON = json.JSONEncoder(separators=(",", ":"))


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


class NoBuildService(NoOperation):
    """The build service is asked, which is not emulated; it has no envelope, but a form of its own."""

    def __init__(self, method: str, path: str) -> None:
        super().__init__(501, f"the build service is not emulated: {method} {path}")


class NoUuidInPath(RequestRefused):
    """What stands for a UUID in the path is none: perhaps another path was meant."""


@dataclass(eq=False, slots=True)
class Outcome:
    """What became of one item.

    It is written out at once: the objects of a long listing, all there at the same time, would keep
    Python's garbage collector busy for longer than it takes to make them.

    Args:
        fields: What the item shows, beside its status.
    """

    fields: InitVar[Mapping[str, Any]]
    failed: bool = False
    timed_out: bool = False
    """A wait lapsed; such an item has failed too, but has no error code."""
    problem: str | None = field(init=False)
    """What went wrong, if anything did."""
    written: str = field(init=False)
    """The item as JSON, as answers hold it."""

    def __post_init__(self, fields: Mapping[str, Any]) -> None:
        bad = self.failed or self.timed_out
        self.problem = str(fields.get("message", TIMED_OUT)) if bad else None
        self.written = _JSON.encode({"status": "error" if bad else "success", **fields})


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
    problems = [outcome.problem for outcome in outcomes if outcome.problem is not None]
    envelope = {"status": "success"}
    if any(outcome.timed_out for outcome in outcomes):
        # Clients know a lapsed wait by this text alone, and do not look at a partial success.
        envelope = {"status": "error", "message": TIMED_OUT}
    elif problems:
        whole = len(problems) == len(outcomes)
        envelope = {
            "status": "error" if whole else "partial_success",
            "message": ALL_FAILED if whole else SOME_FAILED,
        }
    items = ",".join(outcome.written for outcome in outcomes)
    head, tail = _JSON.encode(envelope), _JSON.encode(_ending(warnings, op_time_us))
    body = f'{head[:-1]},"data":{{"{key}":[{items}]}},{tail[1:]}'
    return Answer(200, body.encode()), "; ".join(problems) or None


def data_answer(data: Mapping[str, Any], warnings: Sequence[str], op_time_us: int) -> Answer:
    """Answer with data of any shape."""
    return _answer(200, {"status": "success", "data": data}, warnings, op_time_us)


def refused_answer(refusal: RequestRefused, op_time_us: int) -> Answer:
    """Answer a request that is refused as a whole."""
    if isinstance(refusal, NoBuildService):
        # [choice]: of the service's own words (Part B.9) the one for what it does not do, under the
        # HTTP status of everything that is not emulated.
        error = {"code": "unsupported", "message": refusal.messages[0]}
        return Answer(refusal.status, _JSON.encode({"error": error}).encode())
    errors = [{"status": refusal.status, "message": message} for message in refusal.messages]
    envelope = {"status": "error", "message": refusal.messages[0], "errors": errors}
    answer = _answer(refusal.status, envelope, (), op_time_us)
    return replace(answer, more=refusal.headers) if refusal.headers else answer


def _answer(status: int, envelope: dict[str, Any], warnings: Sequence[str], op_time_us: int) -> Answer:
    return Answer(status, _JSON.encode({**envelope, **_ending(warnings, op_time_us)}).encode())


def _ending(warnings: Sequence[str], op_time_us: int) -> dict[str, Any]:
    return {**({"warnings": list(warnings)} if warnings else {}), "op_time_us": op_time_us}
