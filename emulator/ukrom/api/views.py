"""Resources as answers show them (specification, Part C)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datetime import datetime

    from ukrom.cloud import Domain, Image, Instance, Rom, ScaleToZero, ServiceGroup

__all__ = [
    "created_view",
    "group_reference",
    "group_view",
    "image_view",
    "instance_reference",
    "instance_view",
    "rfc3339",
]


def rfc3339(moment: datetime) -> str:
    """Write a moment in UTC, in whole seconds."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def instance_reference(instance: Instance) -> dict[str, Any]:
    """Name an instance."""
    return {"uuid": str(instance.uuid), "name": instance.name}


def created_view(instance: Instance, suffix: str, *, waited: bool) -> dict[str, Any]:
    """Show an instance as the answer to its create does, which is less than a read shows."""
    view: dict[str, Any] = {
        **instance_reference(instance),
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
        **instance_reference(instance),
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
    return {**group_reference(group), "domains": _domains(group.domains, suffix)}


def _domains(domains: tuple[Domain, ...], suffix: str) -> list[dict[str, Any]]:
    return [{"fqdn": domain.fqdn(suffix)} for domain in domains]


def group_reference(group: ServiceGroup) -> dict[str, Any]:
    """Name a service group."""
    return {"uuid": str(group.uuid), "name": group.name}


def group_view(group: ServiceGroup, suffix: str) -> dict[str, Any]:
    """Show all of a service group."""
    return {
        **group_reference(group),
        "created_at": rfc3339(group.created_at),
        "persistent": group.persistent,
        "autoscale": False,
        "soft_limit": group.soft_limit,
        "hard_limit": group.hard_limit,
        "services": [
            {
                "port": service.port,
                "destination_port": service.destination_port,
                "protocol": service.protocol,
                "handlers": list(service.handlers),
            }
            for service in group.services
        ],
        "domains": _domains(group.domains, suffix),
        "instances": [instance_reference(instance) for instance in group.instances.values()],
    }


def image_view(image: Image) -> dict[str, Any]:
    """Show an image of the listing (Part C.11)."""
    view: dict[str, Any] = {
        "url": image.reference,
        "initrd_or_rom": image.root is None,
        "size_in_bytes": image.size,
        "args": list(image.args),
        "env": dict(image.env),
        "tags": list(image.tags),
    }
    if image.created_at is not None:
        view["created_at"] = rfc3339(image.created_at)
    return view
