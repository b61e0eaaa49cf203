"""Answers to requests that are refused as a whole (specification, Part A.4)."""

from __future__ import annotations

from typing import Any

__all__ = ["NOT_EMULATED", "references", "refusals"]

NOT_EMULATED = "501"

_REFUSALS = {
    "400": "The request is malformed: no JSON, wrong types, unknown fields, a UUID that is none.",
    "401": "The token is missing or not accepted.",
    "403": "The token may not do this.",
    "404": "There is no such route, or no such metro.",
    "405": "The path does not take this method.",
    "413": "The request body is larger than 8 MB.",
    "500": "The emulator failed.",
    NOT_EMULATED: "The platform has this; it is not emulated yet.",
}


def refusals(envelope: dict[str, Any]) -> dict[str, Any]:
    """Describe all refusals, as components of the document.

    Args:
        envelope: The schema of their body.
    """
    content = {"application/json": {"schema": envelope}}
    return {
        f"Refused{status}": {"description": said, "content": content} for status, said in _REFUSALS.items()
    }


def references(*statuses: str) -> dict[str, dict[str, str]]:
    """Give references to refusals, by default to all."""
    return {status: {"$ref": f"#/components/responses/Refused{status}"} for status in statuses or _REFUSALS}
