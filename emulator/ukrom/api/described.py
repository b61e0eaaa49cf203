"""Serving the OpenAPI document, to whoever asks: no token is needed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from .messages import Answer
from .operations import CONTROL_PLANE, NOT_EMULATED, PLATFORM
from .places import Realm
from .routing import segments

if TYPE_CHECKING:
    from .places import Place

__all__ = ["Described"]

_PATH = ("openapi.json",)
_TABLES = {
    Realm.PLATFORM: PLATFORM,
    Realm.CONTROL_PLANE: CONTROL_PLANE,
    Realm.LOCAL: (*PLATFORM, *CONTROL_PLANE),
}


class Described:
    """The documents, each made when it is first asked for."""

    def __init__(self) -> None:
        self._documents: dict[Realm, bytes] = {}

    def answer(self, method: str, place: Place) -> Answer | None:
        """Give the document of a place, if it is what is asked for: `/openapi.json`."""
        # Every call comes by here, and nearly none is meant; the end of its path tells soonest.
        if not place.path.endswith(_PATH[0]) or method != "GET" or segments(place.path) != _PATH:
            return None
        if place.realm not in _TABLES:
            return None
        if place.realm not in self._documents:
            self._documents[place.realm] = _made(place.realm)
        return Answer(200, self._documents[place.realm])


def _made(realm: Realm) -> bytes:
    from .openapi import document  # noqa: PLC0415 - only who wants to read it pays for it.

    # All that is not emulated is named in one table. [choice] Each document has all of it.
    return json.dumps(document(_TABLES[realm], NOT_EMULATED)).encode()
