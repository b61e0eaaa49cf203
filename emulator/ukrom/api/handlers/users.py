"""Quotas of an account (specification, Parts B.7 and C.15)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ukrom.api.envelope import RequestRefused
from ukrom.api.identifiers import read_path_uuid
from ukrom.api.operation import Form, Operation
from ukrom.api.shapes import QuotaList
from ukrom.cloud import HARD_QUOTAS, LIVE, RANGE_QUOTAS

if TYPE_CHECKING:
    from ukrom.api.call import Call
    from ukrom.cloud import Limits, Space

__all__ = ["OPERATIONS"]

# Nothing scales by itself yet; the sample of the specification.
_AUTOSCALE = {"min_autoscale_size": 0, "max_autoscale_size": 16}


def quotas(call: Call) -> dict[str, Any]:
    """Give the quotas of the account and how much of them is used.

    Raises:
        RequestRefused: 403; the account is another one. [choice]
    """
    if call.path_uuid is not None and read_path_uuid(call.path_uuid) != call.account.uuid:
        raise RequestRefused(403, "Only the quotas of the token's own account can be read")
    limits = call.cloud.settings.limits
    quota = {
        "status": "success",
        "uuid": str(call.account.uuid),
        "used": _used(call.space),
        # There is no such limit: it is another name of the next (Part C.15).
        "hard": _picked(limits, HARD_QUOTAS) | {"live_instances": limits.live_vcpus},
        "limits": _picked(limits, RANGE_QUOTAS) | _AUTOSCALE,
    }
    return {"quotas": [quota]}


def _picked(limits: Limits, names: tuple[str, ...]) -> dict[str, int]:
    return {name: getattr(limits, name) for name in names}


def _used(space: Space) -> dict[str, int]:
    # Templates and what is stopped count as instances; only what has a machine is live (Part F.8).
    live = [instance for instance in space.instances if instance.state in LIVE]
    return {
        "instances": len(space.instances),
        "live_instances": len(live),
        "live_vcpus": sum(instance.vcpus for instance in live),
        "live_memory_mb": sum(instance.memory_mb for instance in live),
        "service_groups": len(space.groups),
        "services": space.published,
        "volumes": len(space.volumes),
        "total_volume_mb": sum(volume.size_mb for volume in space.volumes),
    }


OPERATIONS = (
    Operation(
        "read quotas",
        "GET",
        ("/users/quotas", "/users/{uuid}/quotas"),
        Form.DATA,
        quotas,
        answer=QuotaList,
        simplified="An account has the documented quotas or those of the settings, in each metro anew.",
    ),
)
