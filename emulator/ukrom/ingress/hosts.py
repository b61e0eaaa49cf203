"""What a host name stands for: the platform's API, an instance, something not emulated, or nothing of ours.

Follows the specification, A.8 (base URLs) and F.7 (domains). Both generations of domain suffixes are
always known, whichever of them the cloud reports.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from ukrom.cloud import RESERVED, SUFFIXES

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Authority", "Hosts", "Site", "is_api_name", "is_loopback", "split_authority"]

CONTROL_PLANE = "controlplane.unikraft.cloud"
BUILDS = "build.unikraft.cloud"
API_SUFFIXES = ("unikraft.cloud", "kraft.cloud")
CLOUD_SUFFIXES = ("unikraft.cloud", "unikraft.io", *SUFFIXES)


class Site(Enum):
    """What answers for a host name."""

    API = "api"  # the platform's or the control plane's API, which the emulator answers itself
    INSTANCE = "instance"  # a domain of a service, answered by a machine behind the ingress
    NOT_EMULATED = "not emulated"  # a host of the real cloud that must not be reached by accident
    FOREIGN = "foreign"  # none of our business (a custom domain of a service looks like this, too)


@dataclass(frozen=True, slots=True)
class Authority:
    """The host and port that a client asked for."""

    host: str
    """In lower case, without brackets or a final dot; empty if it named none."""
    port: int | None


def split_authority(text: str) -> Authority:
    """Take a `Host` header or the authority of a URL apart; nonsense gives an empty host."""
    text = text.strip().rpartition("@")[2]
    host, port = text, ""
    if text.startswith("["):
        host, _, rest = text[1:].partition("]")
        port = rest.removeprefix(":")
    elif ":" in text:
        host, _, port = text.partition(":")
    if port and not (port.isascii() and port.isdecimal()):
        return Authority("", None)
    return Authority(host.lower().rstrip("."), int(port) if port else None)


def is_api_name(host: str) -> bool:
    """Whether a host name is one of the cloud's APIs, emulated or not, rather than an instance's."""
    return host.endswith("unikraft.cloud") or (host.startswith("api.") and host.endswith(API_SUFFIXES))


def is_loopback(host: str) -> bool:
    """Whether a host name or address means this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class Hosts:
    """Sorts host names.

    Args:
        metros: The metros that are emulated, such as `fra`; `fra0`, as older tools spell it, is the same.
    """

    def __init__(self, metros: Iterable[str]) -> None:
        self.metros = tuple(metros)

    def site(self, host: str) -> Site:
        """What answers for `host`, given in lower case."""
        if host in {CONTROL_PLANE, BUILDS}:
            # Builds are not emulated, which the API says in the words of the build service.
            return Site.API
        suffix = next((s for s in CLOUD_SUFFIXES if host == s or host.endswith("." + s)), None)
        if suffix is None:
            return Site.FOREIGN
        labels = host.removesuffix(suffix).rstrip(".").split(".")
        if len(labels) == 2 and labels[0] == "api" and suffix in API_SUFFIXES:
            return Site.API if self._emulates(labels[1]) else Site.NOT_EMULATED
        if len(labels) >= 2 and suffix in SUFFIXES:
            return Site.INSTANCE
        return Site.NOT_EMULATED

    def reserved(self, host: str) -> bool:
        """Whether `host` looks like a service's domain, but no service may have it."""
        return self.site(host) is Site.INSTANCE and host.partition(".")[0] in RESERVED

    def emulated(self) -> str:
        """The hosts that are answered, for an error text."""
        api = ", ".join(f"api.{metro}.{suffix}" for metro in self.metros for suffix in API_SUFFIXES)
        instances = ", ".join(f"*.<metro>.{suffix}" for suffix in SUFFIXES)
        return f"{api}, {CONTROL_PLANE} and {instances}"

    def _emulates(self, metro: str) -> bool:
        return metro in self.metros or (metro.endswith(("0", "1")) and metro[:-1] in self.metros)
