"""What an instance request may ask for by itself, whatever else there is (specification, Part C.2)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ukrom.cloud.refusals import ErrorCode, Refusal
from ukrom.cloud.roms.rom import RomPlan, plan_roms

if TYPE_CHECKING:
    from ukrom.cloud.orders import ImageOrder, InstanceOrder
    from ukrom.cloud.settings import Limits

__all__ = ["InstancePlan", "check_name", "plan_instance"]

# [choice]: what the specification recommends (Part F.1).
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,254}")
_TAG = re.compile(r"[A-Za-z0-9+_.:=-]+")
_HOSTNAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?")
_ANNOTATION = re.compile(
    r"([a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?/)?[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?",
)
_LONGEST_COOLDOWN_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class InstancePlan:
    """An instance request that is in order by itself."""

    image: ImageOrder
    roms: tuple[RomPlan, ...]
    tags: tuple[str, ...]


def check_name(name: str) -> None:
    """Check the name of a resource.

    Raises:
        Refusal: Code 22 when it is too long, 7 when it has letters that are not allowed.
    """
    if len(name) > 255:
        raise Refusal(ErrorCode.TOO_LONG, "A name has at most 255 characters")
    if not _NAME.fullmatch(name):
        raise Refusal(ErrorCode.INVALID, f"Invalid name {name!a}")


def plan_instance(order: InstanceOrder, limits: Limits) -> InstancePlan:
    """Check an instance request.

    Raises:
        Refusal: With the codes of the specification, Parts A.6 and E.12.
    """
    if order.not_emulated:
        fields = ", ".join(f"'{field}'" for field in order.not_emulated)
        raise Refusal(ErrorCode.NOT_SUPPORTED, f"Not emulated yet in an instance: {fields}")
    if order.name is not None:
        check_name(order.name)
    if order.image is None or not order.image.reference:
        raise _invalid("An instance needs an 'image'")
    if order.hostname is not None and not _HOSTNAME.fullmatch(order.hostname):
        raise _invalid(f"Invalid 'hostname' {ascii(order.hostname)[:300]}: must be a DNS label")
    if order.timeout_s and not order.autostart:
        raise _invalid("'timeout_s' needs 'autostart'")
    _check_numbers(order, limits)
    _check_args_and_env(order, limits)
    _check_annotations(order, limits)
    _check_scale_to_zero(order)
    return InstancePlan(order.image, plan_roms(order.roms, limits), _tags(order.tags, limits))


def _invalid(message: str) -> Refusal:
    return Refusal(ErrorCode.INVALID, message)


def _check_numbers(order: InstanceOrder, limits: Limits) -> None:
    ranges = (
        ("memory_mb", order.memory_mb, limits.min_memory_mb, limits.max_memory_mb),
        ("vcpus", order.vcpus, limits.min_vcpus, limits.max_vcpus),
        ("replicas", order.replicas, 0, limits.replicas),
    )
    for field, value, least, most in ranges:
        if value is not None and not least <= value <= most:
            raise _invalid(f"Invalid '{field}' {value}: must be from {least} to {most}")
    if order.timeout_s < -1:
        raise _invalid(f"Invalid 'timeout_s' {order.timeout_s}: must be -1, 0 or more")


def _check_args_and_env(order: InstanceOrder, limits: Limits) -> None:
    for field, entries, most in (("args", order.args, limits.args), ("env", order.env, limits.env)):
        if entries is not None and len(entries) > most:
            raise Refusal(ErrorCode.TOO_MANY, f"Too many '{field}': {len(entries)} given, at most {most}")
    for text in (*(order.args or ()), *(order.env or {}).values()):
        if "\0" in text:
            raise _invalid("'args' and 'env' must not contain NUL")
    for key in order.env or {}:
        if not key or "=" in key or "\0" in key:
            raise _invalid(f"Invalid name in 'env': {ascii(key)[:300]}")


def _check_annotations(order: InstanceOrder, limits: Limits) -> None:
    annotations = order.annotations or {}
    if len(annotations) > limits.annotations:
        raise Refusal(ErrorCode.TOO_MANY, f"Too many annotations: at most {limits.annotations}")
    for key in annotations:
        if not _ANNOTATION.fullmatch(key):
            raise _invalid(f"Invalid annotation {ascii(key)[:300]}")


def _check_scale_to_zero(order: InstanceOrder) -> None:
    once = "delete-on-stop" in order.features
    if once and order.restart_policy not in {None, "never"}:
        raise Refusal(ErrorCode.NOT_BOTH, "'delete-on-stop' excludes a 'restart_policy' other than 'never'")
    policy = order.scale_to_zero
    if policy is None:
        return
    if not 0 <= policy.cooldown_time_ms <= _LONGEST_COOLDOWN_MS:
        raise _invalid(f"Invalid 'cooldown_time_ms': must be from 0 to {_LONGEST_COOLDOWN_MS}")
    if policy.notify_time_ms and not 0 <= policy.notify_time_ms < policy.cooldown_time_ms:
        raise _invalid("'notify_time_ms' must be less than 'cooldown_time_ms'")
    if policy.policy != "off":
        if order.service_group is None:
            raise _invalid("'scale_to_zero' needs a 'service_group'")
        if once:
            raise Refusal(ErrorCode.NOT_BOTH, "'delete-on-stop' excludes 'scale_to_zero'")


def _tags(tags: tuple[str, ...], limits: Limits) -> tuple[str, ...]:
    unique = tuple(dict.fromkeys(tags))
    if len(unique) > limits.tags:
        raise Refusal(ErrorCode.TOO_MANY, f"Too many tags: {len(unique)} given, at most {limits.tags}")
    for tag in unique:
        if len(tag) > limits.tag_length:
            raise Refusal(ErrorCode.TOO_LONG, f"A tag has at most {limits.tag_length} characters")
        if not _TAG.fullmatch(tag):
            raise _invalid(f"Invalid tag {ascii(tag)[:300]}")
    return unique
