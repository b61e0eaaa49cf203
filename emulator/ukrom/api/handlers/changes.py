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
from ukrom.api.models.services import LIMITS, check_limits
from ukrom.api.operation import Form, Operation
from ukrom.api.shapes import Updated
from ukrom.api.views.references import reference_view
from ukrom.cloud import Op, Refusal

from .finding import find_group, find_instance, find_template, find_volume, find_volume_template

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from uuid import UUID

    from ukrom.api.call import Call
    from ukrom.api.models.patches import Patch
    from ukrom.api.views.references import Named
    from ukrom.cloud import Change, Changes, Ref, Space

__all__ = ["OPERATIONS"]


def _changing(how: Callable[[Changes], Callable[[Space, Any, Change], None]]) -> Callable[..., Outcome]:
    """Make the handler of a kind of resource.

    Args:
        how: What changes one of the kind.
    """

    def change(call: Call, resource: Named, said: Patch) -> Outcome:
        how(call.cloud.changes)(call.space, resource, said.change())
        return Outcome({**reference_view(resource), **said.echoed()})

    return change


def _patching(
    what: str,
    path: str,
    key: str,
    find: Callable[[Call, Any], Any],
    handler: Callable[..., Any],
    model: type[Patch],
    simplified: str = "",
    vet: Callable[..., None] | None = None,
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
        vet=vet,
    )


def _vet_groups(call: Call, changes: Iterable[tuple[Ref | Refusal, PatchGroup]]) -> None:
    """Refuse limits of service groups that do not fit one another, as a create does (Part A.4).

    Each triple is held to what those before it make of the limits. [choice]: whoever lowers both gives
    the soft one first.

    Raises:
        RequestRefused: 400; a soft limit would be above the hard one.
    """
    limits: dict[UUID, dict[str, int]] = {}
    for ref, said in changes:
        change = said.change()
        if change.prop not in LIMITS or change.op is not Op.SET or isinstance(ref, Refusal):
            continue
        group = call.space.groups.get(ref)
        if group is None:
            continue
        both = limits.setdefault(group.uuid, {name: getattr(group, name) for name in LIMITS})
        # What is out of range fails as an item, and changes nothing.
        wanted = change.value if change.given else LIMITS[change.prop]
        if LIMITS["soft_limit"] <= wanted <= LIMITS["hard_limit"]:
            both[change.prop] = wanted
            check_limits(**both)


OPERATIONS = (
    _patching(
        "instances",
        "/instances",
        "instances",
        find_instance,
        _changing(lambda changes: changes.instance),
        PatchInstance,
        "Schedules and plugins cannot be added; no account may raise its scheduling priority.",
    ),
    _patching(
        "instance templates",
        "/instances/templates",
        "instances",
        find_template,
        _changing(lambda changes: changes.template),
        PatchTemplate,
    ),
    _patching(
        "services",
        "/services",
        "service_groups",
        find_group,
        _changing(lambda changes: changes.group),
        PatchGroup,
        "Domains have no certificates of their own.",
        _vet_groups,
    ),
    _patching(
        "volumes",
        "/volumes",
        "volumes",
        find_volume,
        _changing(lambda changes: changes.volume),
        PatchVolume,
        "A machine that runs sees a new size at its next start only.",
    ),
    _patching(
        "volume templates",
        "/volumes/templates",
        "volumes",
        find_volume_template,
        _changing(lambda changes: changes.volume_template),
        PatchVolumeTemplate,
    ),
)
