"""Requests and answers, apart from any way of carrying them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
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


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer; its body is JSON."""

    status: int
    body: bytes

    @property
    def headers(self) -> dict[str, str]:
        """The headers to send it with."""
        return {"content-type": "application/json", "content-length": str(len(self.body))}


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
