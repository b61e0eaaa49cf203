"""Instances as answers show them (specification, Part C.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .moments import rfc3339
from .references import reference_view
from .services import domains_view

if TYPE_CHECKING:
    from ukrom.cloud import Instance, Rom, ScaleToZero, ServiceGroup

__all__ = ["created_view", "instance_view"]


def created_view(instance: Instance, suffix: str, *, waited: bool) -> dict[str, Any]:
    """Show an instance as the answer to its create does, which is less than a read shows."""
    view: dict[str, Any] = {
        **reference_view(instance),
        "state": instance.state.value,
        "private_fqdn": instance.private_fqdn,
        "private_ip": instance.interface.private_ip,
    }
    if instance.group is not None:
        view["service_group"] = _group_in_instance(instance.group, suffix)
    if waited and instance.boot_time_us is not None:
        view["boot_time_us"] = instance.boot_time_us
    return view


def instance_view(instance: Instance, suffix: str, now: float) -> dict[str, Any]:
    """Show all of an instance.

    Args:
        instance: The instance.
        suffix: The domain suffix to report.
        now: By the cloud's clock, `monotonic`.
    """
    interface = instance.interface
    view: dict[str, Any] = {
        **reference_view(instance),
        "created_at": rfc3339(instance.created_at),
        "state": instance.state.value,
        "private_fqdn": instance.private_fqdn,
        "image": instance.source.shown,
        "memory_mb": instance.memory_mb,
        "vcpus": instance.vcpus,
        "args": _args(instance),
        "env": _env(instance),
        "start_count": instance.start_count,
        "uptime_ms": instance.uptime_ms(now),
        "restart_policy": instance.restart_policy,
        "volumes": [],
        "network_interfaces": [
            {"uuid": str(interface.uuid), "private_ip": interface.private_ip, "mac": interface.mac}
        ],
        "private_ip": interface.private_ip,
        "delete_lock": instance.delete_lock,
        "features": sorted(instance.features),
        "tags": list(instance.tags),
        "type": "micro",
    }
    if instance.annotations:
        view["annotations"] = dict(instance.annotations)
    if instance.scale_to_zero is not None:
        view["scale_to_zero"] = _scale_to_zero(instance.scale_to_zero)
    if instance.group is not None:
        view["service_group"] = _group_in_instance(instance.group, suffix)
        view["services"] = [f"{service.protocol}:{service.port}" for service in instance.group.services]
    if instance.roms:
        view["roms"] = [_rom(rom) for rom in instance.roms]
    view.update(_history(instance))
    return view


def _args(instance: Instance) -> list[str]:
    image = instance.source.image
    args = image.args if instance.args is None and image is not None else instance.args
    return list(args or ())


def _env(instance: Instance) -> dict[str, str]:
    image = instance.source.image
    return {**(image.env if image is not None else {}), **(instance.env or {})}


def _history(instance: Instance) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "started_at": instance.started_at and rfc3339(instance.started_at),
        "stopped_at": instance.stopped_at and rfc3339(instance.stopped_at),
        "boot_time_us": instance.boot_time_us,
        "net_time_us": instance.net_time_us,
        "stop_reason": None if instance.stop_reason is None else int(instance.stop_reason),
        "exit_code": instance.exit_code,
        "stop_code": None if instance.stop_code is None else int(instance.stop_code),
    }
    return {name: value for name, value in facts.items() if value is not None}


def _scale_to_zero(policy: ScaleToZero) -> dict[str, Any]:
    return {
        "enabled": policy.policy != "off",
        "policy": policy.policy,
        "stateful": policy.stateful,
        "cooldown_time_ms": policy.cooldown_time_ms,
        "notify_time_ms": policy.notify_time_ms,
    }


def _rom(rom: Rom) -> dict[str, Any]:
    view = {"name": rom.name, "image": rom.source.shown}
    return view if rom.at is None else {**view, "at": rom.at}


def _group_in_instance(group: ServiceGroup, suffix: str) -> dict[str, Any]:
    return {**reference_view(group), "domains": domains_view(group.domains, suffix)}
