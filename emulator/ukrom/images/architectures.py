"""Names of architectures: the platform says `x86_64` and `arm64`, others say otherwise."""

from __future__ import annotations

import os
from types import MappingProxyType
from typing import Literal, TypeAlias

from ukrom.errors import HostNotSupported, ImageError

__all__ = ["Architecture", "host_architecture", "known_architecture"]

Architecture: TypeAlias = Literal["x86_64", "arm64"]

_SPELLINGS: MappingProxyType[str, Architecture] = MappingProxyType(
    {
        "x86_64": "x86_64",
        "amd64": "x86_64",
        "x86-64": "x86_64",
        "arm64": "arm64",
        "aarch64": "arm64",
    }
)


def known_architecture(text: str) -> Architecture:
    """Fold the spellings of an architecture into the platform's (images and clients, section 1.2).

    Raises:
        ImageError: The platform has no such architecture.
    """
    found = _SPELLINGS.get(text.lower())
    if found is None:
        raise ImageError(
            f"There is no architecture {text!r} on the platform.", remedy="Choose 'x86_64' or 'arm64'."
        )
    return found


def host_architecture() -> Architecture:
    """The architecture of this machine.

    Raises:
        HostNotSupported: The platform has no machines of that kind.
    """
    machine = os.uname().machine
    found = _SPELLINGS.get(machine.lower())
    if found is None:
        raise HostNotSupported(
            f"This machine is of architecture {machine!r}; the platform has x86_64 and arm64 only.",
            remedy="Run on one of those.",
        )
    return found
