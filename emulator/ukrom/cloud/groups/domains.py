"""Domains: host names of service groups, whatever suffix they are asked under.

Specification, Part F.7. A name without a dot at its end lies under the metro and is reachable
under every suffix of the platform; one with a dot is a host name of the customer's own.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ukrom.cloud.refusals import ErrorCode, Refusal
from ukrom.cloud.settings import SUFFIXES

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from ukrom.cloud.settings import Settings

    from .group import ServiceGroup

__all__ = ["RESERVED", "Domain", "DomainTable", "metro_code"]

RESERVED = frozenset({"api", "index", "www"})
"""First labels that the platform keeps for itself. [choice] but for `www`."""

OWNED = (*SUFFIXES, "unikraft.cloud", "unikraft.io", "internal")
"""Domains that the platform keeps for itself, with all below them: those of services, of its APIs, of its
registries, and of instances among themselves. No host name of a customer's own lies there. [choice]"""

_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_LONGEST_FQDN = 253


@dataclass(frozen=True, slots=True)
class Domain:
    """A host name, apart from the suffix it is written with."""

    metro: str | None
    """The metro's code, or None for a customer's own host name."""
    label: str
    """What stands before the metro, or the whole host name."""

    def fqdn(self, suffix: str) -> str:
        """Write it out, under one of the platform's suffixes if it is one of those names."""
        return self.label if self.metro is None else f"{self.label}.{self.metro}.{suffix}"


def metro_code(code: str, metros: Collection[str]) -> str:
    """Give a metro's code of today: the old `fra0` is `fra` (specification, Part A.8)."""
    lower = code.lower()
    return (
        lower[:-1] if lower not in metros and lower.endswith(("0", "1")) and lower[:-1] in metros else lower
    )


class DomainTable:
    """Which service group has which domain, over all accounts: a host name has one owner."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._owners: dict[Domain, ServiceGroup] = {}

    @property
    def owners(self) -> Mapping[Domain, ServiceGroup]:
        """The groups by domain."""
        return self._owners

    def parse(self, host: str) -> Domain:
        """Take a host name apart, in any case and under any suffix."""
        name = host.lower().rstrip(".")
        for suffix in SUFFIXES:
            rest = name.removesuffix("." + suffix)
            if rest != name and "." in rest:
                label, metro = rest.rsplit(".", 1)
                return Domain(metro_code(metro, self._settings.metros), label)
        return Domain(None, name)

    def check(self, name: str, metro: str) -> Domain:
        """Check a domain of a request, and that it is free.

        Raises:
            Refusal: Code 7 for no host name, 24 for a reserved one, 23 for one in use.
        """
        domain = self.read(name, metro)
        if domain in self._owners:
            fqdn = domain.fqdn(self._settings.suffix)
            raise Refusal(ErrorCode.ALREADY_EXISTS, f"The domain '{fqdn}' is already in use")
        return domain

    def read(self, name: str, metro: str) -> Domain:
        """Check a domain of a request, whoever has it.

        Raises:
            Refusal: Code 7 for no host name, 24 for a reserved one, or for one that is not the customer's.
        """
        domain = self.parse(name) if name.endswith(".") else Domain(metro, name.lower())
        fqdn = domain.fqdn(self._settings.suffix)
        if len(fqdn) > _LONGEST_FQDN or not all(_LABEL.fullmatch(label) for label in fqdn.split(".")):
            raise Refusal(ErrorCode.INVALID, f"Invalid domain {ascii(name)[:300]}")
        if domain.metro is None and "." not in fqdn:
            raise Refusal(
                ErrorCode.INVALID, f"Invalid domain '{name}': a name with a dot at its end is a full one"
            )
        if domain.metro is not None and domain.metro not in self._settings.metros:
            raise Refusal(ErrorCode.INVALID, f"Invalid domain '{name}': no metro '{domain.metro}'")
        if _is_kept(domain, metro):
            raise Refusal(ErrorCode.CANNOT_BE_USED, f"The domain '{fqdn}' is reserved")
        return domain

    def labels(self, metro: str) -> Labels:
        """Give the labels in use in a metro."""
        return Labels(self._owners, metro)

    def claim(self, domain: Domain, group: ServiceGroup) -> None:
        """Give a free domain to a group."""
        self._owners[domain] = group

    def release(self, domain: Domain) -> None:
        """Make a domain free again."""
        self._owners.pop(domain, None)


def _is_kept(domain: Domain, metro: str) -> bool:
    """Tell whether no group of a metro may have a domain. [choice]."""
    if domain.metro is not None:
        # Requests for another metro's names never come here.
        return domain.metro != metro or domain.label in RESERVED
    return any(f".{domain.label}".endswith(f".{owned}") for owned in OWNED)


@dataclass(frozen=True, slots=True)
class Labels:
    """The labels in use in one metro; asked one by one, for there may be many."""

    _owners: Mapping[Domain, ServiceGroup]
    _metro: str

    def __contains__(self, label: object) -> bool:
        return isinstance(label, str) and Domain(self._metro, label) in self._owners
