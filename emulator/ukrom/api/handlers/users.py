"""Quotas of an account (specification, Parts B.7 and C.15)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ukrom.api.envelope import RequestRefused
from ukrom.api.identifiers import read_uuid
from ukrom.api.operation import Form, Operation
from ukrom.cloud import State

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ukrom.api.call import Call
    from ukrom.cloud import Instance

__all__ = ["OPERATIONS"]

_RANGES = ("min_memory_mb", "max_memory_mb", "min_vcpus", "max_vcpus", "min_volume_mb", "max_volume_mb")
_LIVE = {State.STARTING, State.RUNNING, State.DRAINING, State.STOPPING}


def quotas(call: Call) -> dict[str, Any]:
    """Give the quotas of the account and how much of them is used."""
    if call.path_uuid is not None and read_uuid(call.path_uuid) != call.account.uuid:
        raise RequestRefused(403, "Only the quotas of the token's own account can be read")
    limits = call.cloud.settings.limits
    used = _used(call.space.instances)
    groups = list(call.space.groups)
    used |= {
        "service_groups": len(groups),
        "services": sum(len(group.services) for group in groups),
        "volumes": len(call.space.volumes),
        "total_volume_mb": sum(volume.size_mb for volume in call.space.volumes),
    }
    hard = {
        "instances": limits.instances,
        "live_instances": limits.instances,
        "live_vcpus": limits.instances * limits.max_vcpus,
        "live_memory_mb": limits.instances * limits.max_memory_mb,
        "service_groups": limits.service_groups,
        "services": limits.services,
        "volumes": limits.volumes,
        "total_volume_mb": limits.total_volume_mb,
    }
    ranges = {name: getattr(limits, name) for name in _RANGES}
    quota = {
        "status": "success",
        "uuid": str(call.account.uuid),
        "used": used,
        "hard": hard,
        "limits": ranges,
    }
    return {"quotas": [quota]}


def _used(instances: Iterable[Instance]) -> dict[str, int]:
    everyone = list(instances)
    live = [instance for instance in everyone if instance.state in _LIVE]
    return {
        "instances": len(everyone),
        "live_instances": len(live),
        "live_vcpus": sum(instance.vcpus for instance in live),
        "live_memory_mb": sum(instance.memory_mb for instance in live),
    }


OPERATIONS = (Operation("read quotas", "GET", ("/users/quotas", "/users/{uuid}/quotas"), Form.DATA, quotas),)
