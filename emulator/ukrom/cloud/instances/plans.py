"""What an instance request may ask for by itself, whatever else there is (specification, Part C.2)."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address
from typing import TYPE_CHECKING

from ukrom.cloud.refusals import ErrorCode, Refusal
from ukrom.cloud.roms.rom import RomPlan, plan_roms
from ukrom.cloud.values import (
    check_annotations,
    check_args,
    check_autokill,
    check_env,
    check_hostname,
    check_name,
    check_range,
    check_scale_to_zero,
    check_sched_priority,
    invalid,
    plan_tags,
)

if TYPE_CHECKING:
    from ukrom.cloud.orders import InstanceOrder, InterfaceOrder
    from ukrom.cloud.settings import Limits

__all__ = ["InstancePlan", "plan_instance"]

# What an origin that exists has settled. [choice]: the size of its memory too, which a snapshot cannot
# change; the specification names it for branches, and does not list it among what clones may have.
_SETTLED = ("args", "env", "memory_mb", "vcpus")


@dataclass(frozen=True, slots=True)
class InstancePlan:
    """An instance request that is in order by itself."""

    roms: tuple[RomPlan, ...]
    tags: tuple[str, ...]


def plan_instance(order: InstanceOrder, limits: Limits, *, as_template: bool = False) -> InstancePlan:
    """Check an instance request.

    Args:
        order: The request.
        limits: The cloud's limits.
        as_template: Whether the instance is made only to become a template, which needs no service.

    Raises:
        Refusal: With the codes of the specification, Parts A.6 and E.12.
    """
    if order.not_emulated:
        fields = ", ".join(f"'{field}'" for field in order.not_emulated)
        raise Refusal(ErrorCode.NOT_SUPPORTED, f"Not emulated yet in an instance: {fields}")
    if order.name is not None:
        check_name(order.name)
    _check_origin(order)
    if order.hostname is not None:
        check_hostname(order.hostname)
    if order.timeout_s and not order.autostart:
        raise invalid("'timeout_s' needs 'autostart'")
    _check_numbers(order, limits)
    check_args(order.args or (), limits)
    check_env(order.env or {}, limits)
    check_annotations(order.annotations or {}, limits)
    _check_policies(order, has_service=as_template or order.service_group is not None)
    _check_network(order, limits)
    return InstancePlan(plan_roms(order.roms, limits), plan_tags(order.tags, limits))


def _check_origin(order: InstanceOrder) -> None:
    """Check that there is exactly one origin, with nothing that it settles (Parts C.2 and D.11)."""
    if order.branch_from is not None:
        if order.template is not None:
            raise _both("Cannot specify 'branch_from' when creating an instance from a template")
        if order.image is not None:
            raise _both("Cannot specify 'image' when 'branch_from' is set")
        _check_settled(order, "when branching from an existing instance")
    elif order.template is not None:
        if order.image is not None:
            raise _both("Cannot specify 'image' when 'template' is set")
        _check_settled(order, "when creating an instance from a template")
        if order.name is not None and order.name == order.template.ref.name:
            # Whether the template is there already or not: the two share a name space (Part F.1).
            message = f"An instance cannot have the name of its own template, '{order.name}'"
            raise Refusal(ErrorCode.ALREADY_EXISTS, message)
    elif order.image is None or not order.image.reference:
        raise invalid("An instance needs one of 'image', 'template' and 'branch_from'")


def _check_settled(order: InstanceOrder, when: str) -> None:
    for field in _SETTLED:
        if getattr(order, field) is not None:
            raise _both(f"Cannot specify '{field}' {when}")


def _both(message: str) -> Refusal:
    # [choice]: the texts of branching are documented (Part D.11), their code is not.
    return Refusal(ErrorCode.NOT_BOTH, message)


def _check_numbers(order: InstanceOrder, limits: Limits) -> None:
    if order.memory_mb is not None:
        check_range("memory_mb", order.memory_mb, limits.min_memory_mb, limits.max_memory_mb)
    if order.vcpus is not None:
        check_range("vcpus", order.vcpus, limits.min_vcpus, limits.max_vcpus)
    check_range("replicas", order.replicas, 0, limits.replicas)
    if order.timeout_s < -1:
        raise invalid(f"Invalid 'timeout_s' {order.timeout_s}: must be -1, 0 or more")


def _check_policies(order: InstanceOrder, *, has_service: bool) -> None:
    once = "delete-on-stop" in order.features
    if once and order.restart_policy not in {None, "never"}:
        raise Refusal(ErrorCode.NOT_BOTH, "'delete-on-stop' excludes a 'restart_policy' other than 'never'")
    if order.scale_to_zero is not None:
        check_scale_to_zero(order.scale_to_zero, has_service=has_service, features=order.features)
    if order.autokill is not None:
        check_autokill(order.autokill)
    if order.template is not None and order.template.autokill is not None:
        check_autokill(order.template.autokill)
    if order.sched_priority is not None:
        check_sched_priority(order.sched_priority)


def _check_network(order: InstanceOrder, limits: Limits) -> None:
    _check_interfaces(order.interfaces, limits)
    for field in ("gateway", "nameserver"):
        address = getattr(order, field)
        if address is not None and not _is_address(address):
            # [choice]: what a guest can be configured with.
            raise invalid(f"Invalid '{field}' {ascii(address)[:300]}: must be an IP address")


def _check_interfaces(interfaces: tuple[InterfaceOrder, ...], limits: Limits) -> None:
    if len(interfaces) > limits.interfaces:
        message = f"Too many network interfaces: {len(interfaces)} given, at most {limits.interfaces}"
        raise Refusal(ErrorCode.TOO_MANY, message)
    names = [interface.name for interface in interfaces if interface.name is not None]
    for name in names:
        check_name(name)
        if names.count(name) > 1:
            raise Refusal(
                ErrorCode.ALREADY_EXISTS, f"A network interface with the name '{name}' already exists"
            )


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
