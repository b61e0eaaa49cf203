"""What an operator may change about the cloud."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, fields
from enum import Enum
from typing import Literal

from ukrom.errors import SettingsError

__all__ = ["HARD_QUOTAS", "RANGE_QUOTAS", "SUFFIXES", "Limits", "MissingImage", "Settings"]

SUFFIXES = ("unikraft.app", "kraft.cloud", "kraft.host")
"""Domain suffixes that always resolve (specification, Part F.7)."""

HARD_QUOTAS = (
    "instances",
    "live_vcpus",
    "live_memory_mb",
    "service_groups",
    "services",
    "volumes",
    "total_volume_mb",
)
"""Quotas of which an account uses some, as the platform calls them (specification, Part C.15)."""
RANGE_QUOTAS = (
    "min_memory_mb",
    "max_memory_mb",
    "min_vcpus",
    "max_vcpus",
    "min_volume_mb",
    "max_volume_mb",
)
"""Quotas that each single instance or volume is held to, as the platform calls them."""

# A label of host names; `v1` begins the paths of every API.
_METRO = re.compile(r"(?!v1$)[a-z][a-z0-9]{0,31}(?:-[a-z0-9]{1,31})*")


class MissingImage(Enum):
    """When an image or ROM that does not exist is noticed (specification, Part E.12)."""

    AT_START = "at-start"  # the instance is made, and stops with stop_reason 4
    AT_CREATE = "at-create"  # the create is refused with code 8


@dataclass(frozen=True, slots=True)
class Limits:
    """Sizes and counts beyond which the platform refuses (specification, Parts C.15, E.7 and F.4).

    Quotas are those of the account that the platform's documentation shows, so that a test meets them
    where its author would; every account of the cloud has them, in each metro anew.

    Raises:
        SettingsError: One is below 0, or the least of something is above the most.
    """

    roms: int = 8
    """Per instance, both kinds together."""
    rom_files: int = 16
    """Per inline ROM."""
    rom_bytes: int = 1_048_576
    """Decoded bytes of one inline ROM. [choice]: 1 MB is 1048576 bytes."""
    instances: int = 64
    """Per account and metro; templates and what is stopped count too."""
    live_vcpus: int = 64
    """Of instances that have a machine, per account and metro (Part F.8)."""
    live_memory_mb: int = 32_768
    """The same in MiB."""
    service_groups: int = 253
    services: int = 253
    """Published ports per account and metro."""
    replicas: int = 253
    args: int = 253
    env: int = 253
    tags: int = 16
    tag_length: int = 256
    annotations: int = 256
    interfaces: int = 8
    """Network interfaces per instance. [choice]"""
    min_memory_mb: int = 16
    max_memory_mb: int = 8192
    min_vcpus: int = 1
    max_vcpus: int = 1
    """[choice]: large plans have up to 32 (Part C.2), but the account that all the other figures are of
    has this one, and a refusal that names a quota is sooner seen through than a create that only passes
    here."""
    volumes: int = 253
    """Per account and metro, templates too."""
    total_volume_mb: int = 20_480
    """Over all volumes of an account and metro, in MiB."""
    volumes_per_instance: int = 4
    min_volume_mb: int = 8
    max_volume_mb: int = 20_480
    log_page: int = 16_383
    """Bytes of console in one answer."""

    def __post_init__(self) -> None:
        for name in (one.name for one in fields(self)):
            value, least = getattr(self, name), f"min_{name.removeprefix('max_')}"
            if value < 0:
                raise SettingsError(f"The limit {name} is {value}.", remedy="Give 0 or more.")
            if name.startswith("max_") and value < getattr(self, least):
                raise SettingsError(
                    f"The limit {name} is {value}, and {least} is {getattr(self, least)}.",
                    remedy="Give a range that something is in.",
                )


@dataclass(frozen=True, slots=True)
class Settings:
    """The cloud's settings.

    Raises:
        SettingsError: No metro or one that can be no label of a host name, a suffix that the cloud does
            not serve, or another value that is none of those allowed.
    """

    metros: tuple[str, ...] = ("fra",)
    """Codes of the metros; the first is the one that a loopback address means."""
    suffix: str = "unikraft.app"
    """The suffix that reads report; all of `SUFFIXES` resolve."""
    unknown_fields: Literal["refuse", "warn"] = "refuse"
    """What becomes of a request with fields that the cloud does not know: refused as the platform
    does, or answered without them and with a warning, for clients newer than this project."""
    missing_image: MissingImage = MissingImage.AT_START
    answer_timeout_s: float = 60.0
    """How long a request waits for an application to listen, before the runner's `speed`."""
    wrong_port_grace_s: float = 3.0
    """How long an application may listen elsewhere before a request is told so, before `speed`."""
    longest_wait_s: float = 300.0
    """What a time-out of -1 means, in seconds. [choice]"""
    stop_grace_s: float = 10.0
    """How long an application gets to end when its instance is stopped, before `speed`. [choice]"""
    quick_stop_grace_s: float = 1.0
    """The same for a stop with `quick`. [choice]"""
    volume_settle_s: float = 0.0
    """How long a new volume is `initializing`; 0 is until its create was answered. [choice]"""
    limits: Limits = field(default_factory=Limits)

    def __post_init__(self) -> None:
        if not self.metros:
            raise SettingsError("The cloud was given no metro.", remedy='Name at least one, such as "fra".')
        for metro in self.metros:
            if not _METRO.fullmatch(metro):
                raise SettingsError(
                    f"{metro!r} is no code of a metro.",
                    remedy='Codes are short and in lower case, such as "fra".',
                )
        if len(set(self.metros)) < len(self.metros):
            raise SettingsError(f"A metro is named twice: {', '.join(self.metros)}.")
        if self.unknown_fields not in {"refuse", "warn"}:
            raise SettingsError(
                f"Unknown fields cannot be treated by {self.unknown_fields!r}.",
                remedy='Take "refuse" or "warn".',
            )
        if self.suffix not in SUFFIXES:
            raise SettingsError(
                f"The domain suffix {self.suffix!r} is not one that the cloud serves.",
                remedy=f"Take one of {', '.join(SUFFIXES)}.",
            )
