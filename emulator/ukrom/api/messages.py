"""Requests and answers, apart from any way of carrying them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from concurrent.futures import Future

__all__ = ["MAX_BODY", "Answer", "Request", "Waiting"]

MAX_BODY = 8 * 1024 * 1024
"""The largest request body, in bytes (specification, Part E.7). [choice]: 8 MB is 8388608."""


@dataclass(frozen=True, slots=True)
class Request:
    """A request to the API."""

    method: str
    path: str
    """Percent-encoding undone."""
    query: str = ""
    """As it was sent, without the question mark."""
    host: str = ""
    """The `Host` header, with its port."""
    scheme: str = "https"
    authorization: str | None = None
    body: bytes = b""
    accept: str = ""
    """The `Accept` header."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer; its body is JSON unless its headers say otherwise."""

    status: int
    body: bytes
    more: Mapping[str, str] = field(default_factory=dict)
    """Headers beside the usual ones, with names in lower case."""

    @property
    def headers(self) -> dict[str, str]:
        """The headers to send it with."""
        usual = {"content-type": "application/json", "content-length": str(len(self.body))}
        return {**usual, **self.more}


@dataclass(frozen=True, slots=True)
class Waiting:
    """An answer that is still to come.

    Cancelling the future tells that nobody waits any more.
    """

    future: Future[Answer]

    def result(self) -> Answer:
        """Block until the answer is there; every wait has an end."""
        try:
            return self.future.result()
        finally:
            # Whoever is interrupted here waits no more; an answer that is there stays.
            self.future.cancel()
