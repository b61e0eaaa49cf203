"""Images, quotas and health of a metro (specification, Parts B.6, B.7, C.11, C.15 and C.16)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ukrom.cloud import State

from .envelope import RequestRefused
from .identifiers import read_uuid
from .references import same_tag
from .views import image_view
from .wire import Text, Wire, read_list

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ukrom.cloud import Image, Instance

    from .call import Call

__all__ = ["healthz", "images", "quotas"]

_LIVE = {State.STARTING, State.RUNNING, State.DRAINING, State.STOPPING}


class _Filter(Wire):
    digest: Text = None
    tag: Text = None


def images(call: Call) -> dict[str, Any]:
    """List the images, in one page; filters are alternatives. [choice]."""
    filters = [_Filter(digest=digest) for digest in call.query.texts("digest")]
    filters += [_Filter(tag=tag) for tag in call.query.texts("tag")]
    if call.request.body:
        filters += read_list(_Filter, call.request.body)
    found = [
        image for image in call.cloud.images.images() if not filters or any(map(_matcher(image), filters))
    ]
    return {"images": [{"status": "success", **image_view(image)} for image in found]}


def _matcher(image: Image) -> Any:
    def matches(wanted: _Filter) -> bool:
        return (wanted.digest is None or wanted.digest == image.digest) and (
            wanted.tag is None or same_tag(wanted.tag, image.reference)
        )

    return matches


def quotas(call: Call) -> dict[str, Any]:
    """Give the quotas of the account and how much of them is used."""
    if call.path_uuid is not None and read_uuid(call.path_uuid) != call.account.uuid:
        raise RequestRefused(403, "Only the quotas of the token's own account can be read")
    limits = call.cloud.settings.limits
    used = _used(call.space.instances.values())
    groups = call.space.groups.values()
    used |= {
        "service_groups": len(groups),
        "services": sum(len(group.services) for group in groups),
        "volumes": 0,
    }
    hard = {
        "instances": limits.instances,
        "live_instances": limits.instances,
        "live_vcpus": limits.instances * limits.max_vcpus,
        "live_memory_mb": limits.instances * limits.max_memory_mb,
        "service_groups": limits.service_groups,
        "services": limits.services,
        "volumes": 0,
    }
    ranges = {
        name: getattr(limits, name) for name in ("min_memory_mb", "max_memory_mb", "min_vcpus", "max_vcpus")
    }
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


def healthz(call: Call) -> dict[str, Any]:  # noqa: ARG001 - it is always well.
    """Say that all is well. [choice]: the names of the versions."""
    return {"checks": {"images": "healthy"}, "versions": {"platform": "ukrom"}}
