"""Quotas as the user gives them: `instances=1000,max_vcpus=4`."""

from __future__ import annotations

import re

import pytest

from ukrom.cloud import HARD_QUOTAS, RANGE_QUOTAS, Limits
from ukrom.errors import SettingsError

__all__ = ["read_quotas"]

_NAMES = (*HARD_QUOTAS, *RANGE_QUOTAS)
# Enough digits for more than any machine has, and few enough for the answers' integers.
_NUMBER = re.compile(r"[0-9]{1,12}")


def read_quotas(text: str, where: str) -> Limits:
    """Read quotas; those that are not named are the platform's.

    Args:
        text: Names and numbers.
        where: Where it stands, for the error.

    Raises:
        pytest.UsageError: A name or number is none, or a range is empty.
    """
    given: dict[str, int] = {}
    for part in text.split(","):
        name, _, number = (word.strip() for word in part.partition("="))
        if name not in _NAMES or name in given or not _NUMBER.fullmatch(number):
            raise pytest.UsageError(
                f"{where} is {text!r}, expected NAME=N,... with each name once, out of {', '.join(_NAMES)}"
            )
        given[name] = int(number)
    try:
        return Limits(**given)
    except SettingsError as error:
        raise pytest.UsageError(f"{where} is {text!r}: {error.message}") from None
