"""Which API a host name means: a metro's platform, or the control plane (specification, Part A.8)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from .envelope import RequestRefused

if TYPE_CHECKING:
    from ukrom.cloud import Cloud

__all__ = ["Place", "Realm", "place_of"]

_PLATFORM = re.compile(r"api\.([a-z0-9-]+)\.(?:unikraft|kraft)\.cloud")
_CONTROL_PLANE = "controlplane.unikraft.cloud"


class Realm(Enum):
    """What is asked."""

    PLATFORM = "platform"
    CONTROL_PLANE = "control plane"
    LOCAL = "local"  # an address of the emulator's own, where both are to be had


@dataclass(frozen=True, slots=True)
class Place:
    """What is asked, and which metro."""

    realm: Realm
    metro: str


def place_of(host: str, cloud: Cloud) -> Place:
    """Tell from a `Host` header what is asked.

    Raises:
        RequestRefused: 404; the host name of a metro that the cloud does not have.
    """
    name = host.lower().partition(":")[0].rstrip(".")
    default = cloud.settings.metros[0]
    if name == _CONTROL_PLANE:
        return Place(Realm.CONTROL_PLANE, default)
    match = _PLATFORM.fullmatch(name)
    if match is None:
        return Place(Realm.LOCAL, default)
    metro = cloud.metro(match[1])
    if metro is None:
        known = ", ".join(cloud.settings.metros)
        raise RequestRefused(404, f"no metro '{match[1]}' here; the emulator has: {known}")
    return Place(Realm.PLATFORM, metro)
