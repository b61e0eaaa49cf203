"""PATCH: what becomes of one triple (specification, Parts A.13 and C.13)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ukrom.api.envelope import Outcome
from ukrom.api.models.patches import (
    PatchGroup,
    PatchInstance,
    PatchTemplate,
    PatchVolume,
    PatchVolumeTemplate,
)
from ukrom.api.operation import Form, Operation
from ukrom.api.shapes import Updated
from ukrom.api.views.references import reference_view

from .finding import find_group, find_instance, find_template, find_volume, find_volume_template

if TYPE_CHECKING:
    from collections.abc import Callable

    from ukrom.api.call import Call
    from ukrom.api.views.references import Named
    from ukrom.api.wire import Wire
    from ukrom.cloud import Instance, ServiceGroup, Volume

__all__ = ["OPERATIONS"]


def change_instance(call: Call, instance: Instance, said: PatchInstance) -> Outcome:
    """Change an instance, or have it changed when it stops."""
    call.cloud.changes.instance(call.space, instance, said.change())
    return _updated(instance, said)


def change_template(call: Call, template: Instance, said: PatchTemplate) -> Outcome:
    """Change an instance template."""
    call.cloud.changes.template(call.space, template, said.change())
    return _updated(template, said)


def change_group(call: Call, group: ServiceGroup, said: PatchGroup) -> Outcome:
    """Change a service group."""
    call.cloud.changes.group(call.space, group, said.change())
    return _updated(group, said)


def change_volume(call: Call, volume: Volume, said: PatchVolume) -> Outcome:
    """Change a volume."""
    call.cloud.changes.volume(call.space, volume, said.change())
    return _updated(volume, said)


def change_volume_template(call: Call, template: Volume, said: PatchVolumeTemplate) -> Outcome:
    """Change a volume template."""
    call.cloud.changes.volume_template(call.space, template, said.change())
    return _updated(template, said)


def _updated(resource: Named, said: Wire) -> Outcome:
    return Outcome({**reference_view(resource), **said.echoed()})


def _patching(
    what: str,
    path: str,
    key: str,
    find: Callable[[Call, Any], Any],
    handler: Callable[..., Any],
    model: type[Wire],
    simplified: str = "",
) -> Operation:
    return Operation(
        f"update {what}",
        "PATCH",
        (path, f"{path}/{{uuid}}"),
        Form.ACT,
        handler,
        model,
        key,
        find,
        answer=Updated,
        simplified=simplified,
    )


OPERATIONS = (
    _patching(
        "instances",
        "/instances",
        "instances",
        find_instance,
        change_instance,
        PatchInstance,
        "Schedules and plugins cannot be added; no account may raise its scheduling priority.",
    ),
    _patching(
        "instance templates",
        "/instances/templates",
        "instances",
        find_template,
        change_template,
        PatchTemplate,
    ),
    _patching(
        "services",
        "/services",
        "service_groups",
        find_group,
        change_group,
        PatchGroup,
        "Domains have no certificates of their own.",
    ),
    _patching(
        "volumes",
        "/volumes",
        "volumes",
        find_volume,
        change_volume,
        PatchVolume,
        "A machine that runs sees a new size at its next start only.",
    ),
    _patching(
        "volume templates",
        "/volumes/templates",
        "volumes",
        find_volume_template,
        change_volume_template,
        PatchVolumeTemplate,
    ),
)
