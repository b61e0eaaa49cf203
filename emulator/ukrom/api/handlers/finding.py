"""The resource that an item means, for each kind of resource; code 8 where there is none."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ukrom.api.call import Call
    from ukrom.cloud import Instance, Pin, Ref, ServiceGroup, Volume

__all__ = [
    "find_any_volume",
    "find_group",
    "find_instance",
    "find_pin",
    "find_template",
    "find_volume",
    "find_volume_template",
]


def find_instance(call: Call, ref: Ref) -> Instance:
    """Find an instance."""
    return call.space.instance(ref)


def find_template(call: Call, ref: Ref) -> Instance:
    """Find an instance template."""
    return call.space.template(ref)


def find_group(call: Call, ref: Ref) -> ServiceGroup:
    """Find a service group."""
    return call.space.group(ref)


def find_volume(call: Call, ref: Ref) -> Volume:
    """Find a volume."""
    return call.space.volume(ref)


def find_volume_template(call: Call, ref: Ref) -> Volume:
    """Find a volume template."""
    return call.space.volume_template(ref)


def find_any_volume(call: Call, ref: Ref) -> Volume:
    """Find a volume or a volume template."""
    return call.space.volumes.find(ref)


def find_pin(call: Call, ref: Ref) -> Pin:
    """Find a pinned image."""
    return call.cloud.pins.find(call.space, ref)
