"""Instances and templates as answers show them (specification, Part C.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ukrom.cloud import FROZEN, State

from .moments import rfc3339
from .references import reference_view
from .services import domains_view

if TYPE_CHECKING:
    from ukrom.cloud import Instance, Interface, Mount, Rom, ScaleToZero, ServiceGroup, Update

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
    """Show all of an instance or template.

    Args:
        instance: The instance.
        suffix: The domain suffix to report.
        now: By the cloud's clock, `monotonic`.
    """
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
        "restart_policy": instance.restart_policy,
        "volumes": [_volume(mount) for mount in instance.volumes],
        "private_ip": instance.interface.private_ip,
        "delete_lock": instance.delete_lock,
        "features": sorted(instance.features),
        "tags": list(instance.tags),
        "type": "micro",
    }
    if instance.state not in FROZEN:
        view["start_count"] = instance.start_count
        view["uptime_ms"] = instance.uptime_ms(now)
        view["network_interfaces"] = [_interface(interface) for interface in instance.interfaces]
    view.update(_given(instance, suffix))
    view.update(_history(instance))
    return view


def _given(instance: Instance, suffix: str) -> dict[str, Any]:
    """Show what an instance may have or not have."""
    group = instance.group
    facts: dict[str, Any] = {
        "annotations": dict(instance.annotations or {}),
        "scale_to_zero": instance.scale_to_zero and _scale_to_zero(instance.scale_to_zero),
        "service_group": group and _group_in_instance(group, suffix),
        "services": group and [f"{service.protocol}:{service.port}" for service in group.services],
        "roms": [_rom(rom) for rom in instance.roms],
        "snapshot": instance.snapshot and {"uuid": str(instance.snapshot.uuid)},
        "gateway": instance.gateway,
        "nameserver": instance.nameserver,
        "updates": [_update(update) for update in instance.updates],
        **_autokill(instance),
    }
    if instance.sched_priority != "normal":
        facts["sched_priority"] = instance.sched_priority
    return {name: value for name, value in facts.items() if value}


def _history(instance: Instance) -> dict[str, Any]:
    restart = instance.restart
    facts: dict[str, Any] = {
        "started_at": instance.started_at and rfc3339(instance.started_at),
        "stopped_at": instance.stopped_at and rfc3339(instance.stopped_at),
        "boot_time_us": instance.boot_time_us,
        "net_time_us": instance.net_time_us,
        "template_time_us": instance.template_time_us,
        "stop_reason": None if instance.stop_reason is None else int(instance.stop_reason),
        "exit_code": instance.exit_code,
        "stop_code": None if instance.stop_code is None else int(instance.stop_code),
        "restart_count": instance.restart_count or None,
    }
    if restart is not None:
        facts["restart"] = {"attempt": restart.attempt}
        if restart.next_at is not None:
            facts["restart"]["next_at"] = rfc3339(restart.next_at)
    return {name: value for name, value in facts.items() if value is not None}


def _autokill(instance: Instance) -> dict[str, Any]:
    if instance.state is State.TEMPLATE:
        time_ms = instance.template_autokill.time_ms
        return {"template_autokill": {"time_ms": time_ms}} if time_ms else {}
    policy = instance.autokill
    if not (policy.time_ms or policy.num_requests):
        return {}
    return {"autokill": {"time_ms": policy.time_ms, "num_requests": policy.num_requests}}


def _args(instance: Instance) -> list[str]:
    image = instance.source.image
    args = image.args if instance.args is None and image is not None else instance.args
    return list(args or ())


def _env(instance: Instance) -> dict[str, str]:
    image = instance.source.image
    return {**(image.env if image is not None else {}), **(instance.env or {})}


def _scale_to_zero(policy: ScaleToZero) -> dict[str, Any]:
    return {
        "enabled": policy.policy != "off",
        "policy": policy.policy,
        "stateful": policy.stateful,
        "cooldown_time_ms": policy.cooldown_time_ms,
        "notify_time_ms": policy.notify_time_ms,
    }


def _interface(interface: Interface) -> dict[str, Any]:
    view: dict[str, Any] = {
        "uuid": str(interface.uuid),
        "private_ip": interface.private_ip,
        "mac": interface.mac,
    }
    if interface.name is not None:
        view["name"] = interface.name
    # Absent where it is true (Part C.6).
    return view if interface.autoconfig else {**view, "autoconfig": False}


def _rom(rom: Rom) -> dict[str, Any]:
    view = {"name": rom.name, "image": rom.source.shown}
    return view if rom.at is None else {**view, "at": rom.at}


def _volume(mount: Mount) -> dict[str, Any]:
    return {**reference_view(mount.volume), "at": mount.at, "readonly": mount.readonly}


def _update(update: Update) -> dict[str, Any]:
    change = update.change
    view: dict[str, Any] = {"prop": change.prop, "op": change.op.value}
    if change.given:
        view["value"] = change.wire
    if update.error is None:
        return {**view, "status": "pending"}
    return {**view, "status": "failed", "error": update.error}


def _group_in_instance(group: ServiceGroup, suffix: str) -> dict[str, Any]:
    return {**reference_view(group), "domains": domains_view(group.domains, suffix)}
