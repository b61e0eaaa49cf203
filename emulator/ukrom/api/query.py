"""Query strings: filters, paging and switches (specification, Parts A.10 and A.11)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING
from urllib.parse import unquote_plus

from .envelope import RequestRefused
from .identifiers import read_uuid

if TYPE_CHECKING:
    from uuid import UUID

__all__ = ["Query"]

# A few digits more than any number that is taken has; no parameter makes anybody read a million.
_INTEGER = re.compile(r"-?[0-9]{1,24}")


@dataclass(frozen=True)
class Query:
    """A query string. Parameters that nobody asks for are passed over. [choice].

    Args:
        text: As it was sent, without the question mark.
    """

    text: str

    @cached_property
    def _pairs(self) -> list[tuple[str, str]]:
        parts = (part.partition("=") for part in self.text.split("&") if part)
        return [(unquote_plus(name), value) for name, _, value in parts]

    def texts(self, name: str) -> list[str]:
        """Give all values of a repeated parameter."""
        return [unquote_plus(value) for key, value in self._pairs if key == name]

    def uuids(self) -> list[UUID]:
        """Give the values of `uuid`, repeated or joined by commas.

        Raises:
            RequestRefused: 400; one is no UUID.
        """
        return [read_uuid(part) for value in self.texts("uuid") for part in value.split(",")]

    def tags(self) -> frozenset[str]:
        """Give the tags, all of which must be there; joined by commas that are not encoded."""
        values = [value for key, value in self._pairs if key == "tags"]
        return frozenset(unquote_plus(part) for value in values for part in value.split(",") if part)

    def text_of(self, name: str) -> str | None:
        """Give the last value of a parameter."""
        values = self.texts(name)
        return values[-1] if values else None

    def flag(self, name: str) -> bool | None:
        """Give a switch.

        Raises:
            RequestRefused: 400; neither `true` nor `false`.
        """
        value = self.choice(name, "true", "false")
        return None if value is None else value == "true"

    def choice(self, name: str, *allowed: str) -> str | None:
        """Give one of the allowed values.

        Raises:
            RequestRefused: 400; another value.
        """
        value = self.text_of(name)
        if value is not None and value not in allowed:
            raise RequestRefused(400, f"Invalid '{name}' '{value[:100]}': must be {' or '.join(allowed)}")
        return value

    def integers(self, name: str) -> list[int]:
        """Give all values of a repeated parameter that are integers.

        Raises:
            RequestRefused: 400; one is none.
        """
        values = self.texts(name)
        for value in values:
            if not _INTEGER.fullmatch(value):
                raise RequestRefused(400, f"Invalid '{name}' {value[:100]!a}: must be an integer")
        return [int(value) for value in values]

    def count(self) -> int | None:
        """Give the page size.

        Raises:
            RequestRefused: 400; no positive number.
        """
        value = self.text_of("count")
        if value is None:
            return None
        if not (value.isascii() and value.isdigit() and len(value) < 10 and int(value)):
            raise RequestRefused(400, f"Invalid 'count' '{value[:100]}': must be a positive number")
        return int(value)

    def cursor(self) -> UUID | None:
        """Give the UUID of the item at which the page begins.

        Raises:
            RequestRefused: 400; no UUID.
        """
        value = self.text_of("from")
        return None if value is None else read_uuid(value)
