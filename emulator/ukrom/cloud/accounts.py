"""Accounts: who a bearer token belongs to (specification, Part A.7)."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from uuid import UUID

    from ukrom.names import Names

    from .ports import Runner

__all__ = ["Account", "user_of"]


@dataclass(eq=False, slots=True)
class Account:
    """One customer of the cloud; sees its own resources only."""

    user: str
    """Its name; also its namespace in the registry."""
    token: str
    """A bearer token that leads to it."""
    uuid: UUID
    names: Names
    """Makes the UUIDs and random names of its resources."""
    runner: Runner | None = None
    """Boots its machines; None means the cloud's own runner of the moment."""


def user_of(token: str) -> str:
    """Name the account of a token: base64 of `<user>:<token>` by its user, else by the token itself.

    [choice]: every non-empty token is accepted.
    """
    try:
        text = base64.b64decode(token, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return token
    user, colon, _ = text.partition(":")
    return user if colon and user and user.isprintable() else token
