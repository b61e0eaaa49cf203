"""Changes as they are asked for by PATCH (specification, Part A.13)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any

__all__ = ["Change", "Op"]


class Op(Enum):
    """What to do to a property."""

    SET = "set"  # replace it, or clear it where there is no value
    ADD = "add"  # merge into a list or map
    DEL = "del"  # remove members


@dataclass(frozen=True, slots=True)
class Change:
    """One triple."""

    prop: str
    op: Op
    value: Any = None
    """In the cloud's own terms: a number, a text, an order, a tuple or mapping of them."""
    given: bool = False
    """Whether there was a value at all: absent is not the same as null."""
    wire: Any = None
    """The value as it was sent, for answers that show what is queued."""
