"""What single properties may be, at a create and at a change alike (specification, Parts C, F.1 to F.4)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ukrom.cloud.refusals import ErrorCode, Refusal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ukrom.cloud.orders import Autokill, ScaleToZero
    from ukrom.cloud.settings import Limits

__all__ = [
    "check_annotations",
    "check_args",
    "check_autokill",
    "check_env",
    "check_hostname",
    "check_name",
    "check_range",
    "check_scale_to_zero",
    "check_sched_priority",
    "invalid",
    "plan_tags",
]

# [choice]: what the specification recommends (Part F.1).
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,254}")
_TAG = re.compile(r"[A-Za-z0-9+_.:=-]+")
_HOSTNAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?")
_ANNOTATION = re.compile(
    r"([a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?/)?[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?",
)
_LONGEST_COOLDOWN_MS = 86_400_000


def invalid(message: str) -> Refusal:
    """Make a refusal of a value, code 7."""
    return Refusal(ErrorCode.INVALID, message)


def check_name(name: str) -> None:
    """Check the name of a resource.

    Raises:
        Refusal: Code 22 when it is too long, 7 when it has letters that are not allowed.
    """
    if len(name) > 255:
        raise Refusal(ErrorCode.TOO_LONG, "A name has at most 255 characters")
    if not _NAME.fullmatch(name):
        raise invalid(f"Invalid name {name!a}")


def check_hostname(hostname: str) -> None:
    """Check a host name (Part F.1).

    Raises:
        Refusal: Code 7; it is no DNS label.
    """
    if not _HOSTNAME.fullmatch(hostname):
        raise invalid(f"Invalid 'hostname' {ascii(hostname)[:300]}: must be a DNS label")


def check_range(field: str, value: int, least: int, most: int) -> None:
    """Check a number (Part F.4).

    Raises:
        Refusal: Code 7; it is out of range.
    """
    if not least <= value <= most:
        raise invalid(f"Invalid '{field}' {value}: must be from {least} to {most}")


def check_args(args: Sequence[str], limits: Limits) -> None:
    """Check a command line.

    Raises:
        Refusal: Code 5 for too many, 7 for a NUL.
    """
    _check_count("args", len(args), limits.args)
    _check_texts(args)


def check_env(env: Mapping[str, str], limits: Limits) -> None:
    """Check an environment.

    Raises:
        Refusal: Code 5 for too many, 7 for a NUL, or for what is no name.
    """
    _check_count("env", len(env), limits.env)
    _check_texts(tuple(env.values()))
    for key in env:
        if not key or "=" in key or "\0" in key:
            raise invalid(f"Invalid name in 'env': {ascii(key)[:300]}")


def check_annotations(annotations: Mapping[str, str], limits: Limits) -> None:
    """Check annotations (Part F.3); their values are the API's business.

    Raises:
        Refusal: Code 5 for too many, 7 for what is no key.
    """
    if len(annotations) > limits.annotations:
        raise Refusal(ErrorCode.TOO_MANY, f"Too many annotations: at most {limits.annotations}")
    for key in annotations:
        if not _ANNOTATION.fullmatch(key):
            raise invalid(f"Invalid annotation {ascii(key)[:300]}")


def check_autokill(policy: Autokill) -> None:
    """Check an autokill policy (Part D.16).

    Raises:
        Refusal: Code 7; a part is negative.
    """
    for field, value in (("time_ms", policy.time_ms), ("num_requests", policy.num_requests)):
        if value < 0:
            raise invalid(f"Invalid '{field}' {value} in 'autokill': must be 0 or more")


def check_scale_to_zero(policy: ScaleToZero, *, has_service: bool, features: frozenset[str]) -> None:
    """Check a scale-to-zero policy against the instance that is to have it (Parts C.2 and C.4).

    Raises:
        Refusal: Code 7 for a number out of range, or without a service group; 17 beside
            `delete-on-stop`.
    """
    if not 0 <= policy.cooldown_time_ms <= _LONGEST_COOLDOWN_MS:
        raise invalid(f"Invalid 'cooldown_time_ms': must be from 0 to {_LONGEST_COOLDOWN_MS}")
    if policy.notify_time_ms and not 0 <= policy.notify_time_ms < policy.cooldown_time_ms:
        raise invalid("'notify_time_ms' must be less than 'cooldown_time_ms'")
    if policy.policy != "off":
        if not has_service:
            raise invalid("'scale_to_zero' needs a 'service_group'")
        if "delete-on-stop" in features:
            raise Refusal(ErrorCode.NOT_BOTH, "'delete-on-stop' excludes 'scale_to_zero'")


def check_sched_priority(priority: str) -> None:
    """Check a scheduling priority (Part C.2).

    Raises:
        Refusal: Code 14; it needs a permission. [choice]: nobody has it.
    """
    if priority != "normal":
        raise Refusal(ErrorCode.NOT_ALLOWED, f"Not allowed to set 'sched_priority' to '{priority}'")


def plan_tags(tags: Sequence[str], limits: Limits) -> tuple[str, ...]:
    """Check tags, and let duplicates collapse (Part F.2).

    Raises:
        Refusal: Code 5 for too many, 22 for a long one, 7 for letters that are not allowed.
    """
    unique = tuple(dict.fromkeys(tags))
    if len(unique) > limits.tags:
        raise Refusal(ErrorCode.TOO_MANY, f"Too many tags: {len(unique)} given, at most {limits.tags}")
    for tag in unique:
        if len(tag) > limits.tag_length:
            raise Refusal(ErrorCode.TOO_LONG, f"A tag has at most {limits.tag_length} characters")
        if not _TAG.fullmatch(tag):
            raise invalid(f"Invalid tag {ascii(tag)[:300]}")
    return unique


def _check_count(field: str, count: int, most: int) -> None:
    if count > most:
        raise Refusal(ErrorCode.TOO_MANY, f"Too many '{field}': {count} given, at most {most}")


def _check_texts(texts: Sequence[str]) -> None:
    if any("\0" in text for text in texts):
        raise invalid("'args' and 'env' must not contain NUL")
