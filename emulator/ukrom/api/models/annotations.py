"""Annotations in requests (specification, Parts A.4 and F.3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ukrom.api.envelope import RequestRefused

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["check_annotations"]


def check_annotations(annotations: Mapping[str, str]) -> None:
    """Check the values of annotations.

    Raises:
        RequestRefused: 400; one has an ASCII control character.
    """
    for key, value in annotations.items():
        if any(ord(letter) < 0x20 or ord(letter) == 0x7F for letter in value):
            raise RequestRefused(400, f"The annotation {key[:300]!a} has a control character in its value")
