"""Which API a request means: of a metro, the control plane, the build service (specification, A.8)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from .envelope import NoOperation

if TYPE_CHECKING:
    from ukrom.cloud import Cloud

__all__ = ["Place", "Realm", "local_path", "place_of"]

_PLATFORM = re.compile(r"api\.([a-z0-9-]+)\.(?:unikraft|kraft)\.cloud")
_STRANGER = re.compile(r"(?:.+\.)?unikraft\.cloud")
_CONTROL_PLANE = "controlplane.unikraft.cloud"
_BUILDS = "build.unikraft.cloud"


class Realm(Enum):
    """What is asked."""

    PLATFORM = "platform"
    CONTROL_PLANE = "control plane"
    BUILDS = "build service"
    LOCAL = "local"  # an address of the emulator's own, where all are to be had


@dataclass(frozen=True, slots=True)
class Place:
    """What is asked, and which metro."""

    realm: Realm
    metro: str
    path: str
    """What is asked there."""


def place_of(host: str, path: str, cloud: Cloud) -> Place:
    """Tell from a `Host` header, or under a local address from the path, what is asked.

    An address of the emulator's own cannot name a metro, so the path does, before all else:
    `/dal/v1/instances`. Without it the first metro is meant.

    Raises:
        NoOperation: 404; the host name of a metro that the cloud does not have, or of what is not emulated.
    """
    name = host.lower().partition(":")[0].rstrip(".")
    default = cloud.settings.metros[0]
    if name == _CONTROL_PLANE:
        return Place(Realm.CONTROL_PLANE, default, path)
    if name == _BUILDS:
        return Place(Realm.BUILDS, default, path)
    match = _PLATFORM.fullmatch(name)
    if match is None and _STRANGER.fullmatch(name):
        raise NoOperation(404, f"the emulator does not answer for {name}")
    if match is None:
        return _local(path, default, cloud)
    metro = cloud.metro(match[1])
    if metro is None:
        known = ", ".join(cloud.settings.metros)
        raise NoOperation(404, f"no metro '{match[1]}' here; the emulator has: {known}")
    return Place(Realm.PLATFORM, metro, path)


def local_path(metro: str, cloud: Cloud) -> str:
    """Give the path under which a local address has the API of a metro; ends in `/v1`."""
    return "/v1" if metro == cloud.settings.metros[0] else f"/{metro}/v1"


def _local(path: str, default: str, cloud: Cloud) -> Place:
    first, slash, rest = path.lstrip("/").partition("/")
    metro = cloud.metro(first) if slash else None
    if metro is None:
        return Place(Realm.LOCAL, default, path)
    return Place(Realm.LOCAL, metro, f"/{rest}")
