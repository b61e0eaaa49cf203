"""Random names and UUIDs, from one seeded source.

The shapes are the platform's (specification, Part F.1); the words are our own.
"""

from __future__ import annotations

import random
import re
import string
from typing import TYPE_CHECKING
from uuid import UUID

if TYPE_CHECKING:
    from collections.abc import Callable, Container

__all__ = ["Names", "base_name"]

_SUFFIX_LETTERS = string.ascii_lowercase + string.digits

_ADJECTIVES = (
    "amber", "bold", "brisk", "calm", "cool", "dawn", "eager", "floral", "fresh", "gentle", "golden", "green",
    "happy", "icy", "jolly", "late", "light", "lucky", "mellow", "misty", "nameless", "noble", "polished",
    "proud", "quiet", "rapid", "rosy", "rustic", "silent", "silver", "snowy", "sparkling", "spring", "still",
    "sunny", "tidy", "warm", "wild", "winter", "young",
)  # fmt: skip
_NOUNS = (
    "bay", "bird", "bloom", "breeze", "brook", "bush", "cloud", "dawn", "dew", "dust", "field", "fire",
    "flower", "fog", "forest", "frost", "glade", "grass", "haze", "hill", "lake", "leaf", "meadow",
    "moon", "morning", "mountain", "night", "pond", "rain", "river", "sea", "shadow", "sky", "snow",
    "sound", "star", "sun", "surf", "tree", "wave",
)  # fmt: skip

# Instance names allow less than image names do; whatever else occurs becomes a dash.
_NOT_IN_A_NAME = re.compile(r"[^A-Za-z0-9._-]+")
_NOT_IN_A_LABEL = re.compile(r"[^a-z0-9-]")

# What names and DNS labels may be long at most, suffix and its dash included.
_LONGEST_NAME = 255
_LONGEST_LABEL = 63


def base_name(reference: str) -> str:
    """Give the last part of an image reference, without tag and digest: `org/web:1` is `web`."""
    path = reference.split("://", 1)[-1].split("@", 1)[0]
    last = path.rstrip("/").rsplit("/", 1)[-1].split(":", 1)[0]
    return _NOT_IN_A_NAME.sub("-", last).strip("-._") or "instance"


class Names:
    """Makes names and UUIDs; the same seed gives the same ones in the same order.

    Args:
        seed: Where to begin: a number or any text. None takes the system's randomness.
    """

    def __init__(self, seed: int | str | None = None) -> None:
        # Not a secret anywhere: repeatable on purpose.
        self._random = random.Random(seed)  # noqa: S311

    def uuid(self) -> UUID:
        """Make a version 4 UUID."""
        return UUID(int=self._random.getrandbits(128), version=4)

    def chance(self, rate: float) -> bool:
        """Say yes as often as `rate`, between 0 and 1, tells."""
        return self._random.random() < rate

    def suffix(self, length: int) -> str:
        """Make `length` lower-case letters and digits."""
        return "".join(self._random.choices(_SUFFIX_LETTERS, k=length))

    def instance(self, image: str, taken: Container[str] = ()) -> str:
        """Make an instance's name, `<image base name>-<5>`, that is not `taken`."""
        return self._with_suffix(base_name(image), 5, taken)

    def group(self, taken: Container[str] = ()) -> str:
        """Make a service group's name, `<adjective>-<noun>-<8>`, that is not `taken`."""
        pick = self._random.choice
        return self._free(lambda: f"{pick(_ADJECTIVES)}-{pick(_NOUNS)}-{self.suffix(8)}", taken)

    def domain(self, group: str, taken: Container[str] = ()) -> str:
        """Make the first label of a domain for a named group, `<group>-<8>`, that is not `taken`.

        It is a DNS label: in lower case, what else a group's name may have becomes a dash, and it is cut.
        """
        base = _NOT_IN_A_LABEL.sub("-", group.lower())[: _LONGEST_LABEL - 9].strip("-")
        return self._with_suffix(base or "service", 8, taken)

    def volume(self, taken: Container[str] = ()) -> str:
        """Make a volume's name, `vol-<5>`, that is not `taken`."""
        return self._with_suffix("vol", 5, taken)

    def _with_suffix(self, base: str, length: int, taken: Container[str]) -> str:
        base = base[: _LONGEST_NAME - 1 - length]
        return self._free(lambda: f"{base}-{self.suffix(length)}", taken)

    @staticmethod
    def _free(make: Callable[[], str], taken: Container[str]) -> str:
        name = make()
        while name in taken:
            name = make()
        return name
