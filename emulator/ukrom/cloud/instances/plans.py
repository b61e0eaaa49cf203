"""What an instance request may ask for by itself, whatever else there is (specification, Part C.2)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ukrom.cloud.refusals import ErrorCode, Refusal
from ukrom.cloud.roms.rom import RomPlan, plan_roms

from .values import (
    check_annotations,
    check_args,
    check_autokill,
    check_env,
    check_hostname,
    check_name,
    check_range,
    check_scale_to_zero,
    invalid,
    plan_tags,
)

if TYPE_CHECKING:
    from ukrom.cloud.orders import ImageOrder, InstanceOrder
    from ukrom.cloud.settings import Limits

__all__ = ["InstancePlan", "check_name", "plan_instance"]


@dataclass(frozen=True, slots=True)
class InstancePlan:
    """An instance request that is in order by itself."""

    image: ImageOrder
    roms: tuple[RomPlan, ...]
    tags: tuple[str, ...]


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
        raise invalid("An instance needs an 'image'")
    if order.hostname is not None:
        check_hostname(order.hostname)
    if order.timeout_s and not order.autostart:
        raise invalid("'timeout_s' needs 'autostart'")
    _check_numbers(order, limits)
    check_args(order.args or (), limits)
    check_env(order.env or {}, limits)
    check_annotations(order.annotations or {}, limits)
    _check_policies(order)
    return InstancePlan(order.image, plan_roms(order.roms, limits), plan_tags(order.tags, limits))


def _check_numbers(order: InstanceOrder, limits: Limits) -> None:
    if order.memory_mb is not None:
        check_range("memory_mb", order.memory_mb, limits.min_memory_mb, limits.max_memory_mb)
    if order.vcpus is not None:
        check_range("vcpus", order.vcpus, limits.min_vcpus, limits.max_vcpus)
    check_range("replicas", order.replicas, 0, limits.replicas)
    if order.timeout_s < -1:
        raise invalid(f"Invalid 'timeout_s' {order.timeout_s}: must be -1, 0 or more")


def _check_policies(order: InstanceOrder) -> None:
    once = "delete-on-stop" in order.features
    if once and order.restart_policy not in {None, "never"}:
        raise Refusal(ErrorCode.NOT_BOTH, "'delete-on-stop' excludes a 'restart_policy' other than 'never'")
    if order.scale_to_zero is not None:
        check_scale_to_zero(
            order.scale_to_zero, has_service=order.service_group is not None, features=order.features
        )
    if order.autokill is not None:
        check_autokill(order.autokill)
