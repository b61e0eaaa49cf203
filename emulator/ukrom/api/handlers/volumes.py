"""What each operation on volumes and volume templates does with one item (specification, Part B.4)."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from ukrom.api.envelope import Outcome
from ukrom.api.models.volumes import AttachVolume, CloneVolume, CreateVolume, DetachVolume
from ukrom.api.operation import Form, Operation
from ukrom.api.shapes import Reference, SeenVolume
from ukrom.api.shapes import Volume as VolumeShape
from ukrom.api.views.references import brief, reference_view
from ukrom.api.views.volumes import seen_view, volume_view
from ukrom.cloud import VolumeState

from .finding import find_any_volume, find_volume, find_volume_template

if TYPE_CHECKING:
    from ukrom.api.call import Call
    from ukrom.api.selection import Bare
    from ukrom.cloud import Volume, VolumeOrder

__all__ = ["OPERATIONS"]


def listed(call: Call) -> list[Volume]:
    """Give the volumes of a listing, oldest first, filtered by tags."""
    return _listed(call, frozen=False)


def listed_templates(call: Call) -> list[Volume]:
    """Give the volume templates of a listing, oldest first, filtered by tags."""
    return _listed(call, frozen=True)


def _listed(call: Call, *, frozen: bool) -> list[Volume]:
    tags = call.query.tags()
    return [
        volume
        for volume in call.space.volumes
        if (volume.state is VolumeState.TEMPLATE) is frozen and tags.issubset(volume.tags)
    ]


def read(call: Call, volume: Volume) -> dict[str, Any]:  # noqa: ARG001 - handlers have one shape
    """Show a volume or volume template."""
    return volume_view(volume)


def create(call: Call, order: VolumeOrder) -> Outcome:
    """Make a volume."""
    return Outcome(seen_view(call.cloud.volumes.create(call.space, order)))


def delete(call: Call, volume: Volume, said: Bare) -> Outcome:  # noqa: ARG001 - nothing can be said.
    """Delete a volume or volume template."""
    call.cloud.volumes.delete(call.space, volume)
    return Outcome(reference_view(volume))


def attach(call: Call, volume: Volume, said: AttachVolume) -> Outcome:
    """Attach a volume to an instance."""
    call.cloud.volumes.attach(call.space, volume, said.order())
    return Outcome(reference_view(volume))


def detach(call: Call, volume: Volume, said: DetachVolume) -> Outcome:
    """Detach a volume from one instance, or from all."""
    ref = said.ref()
    call.cloud.volumes.detach(volume, None if ref is None else call.space.instance(ref))
    return Outcome(reference_view(volume))


def clone(call: Call, volume: Volume, said: CloneVolume) -> Outcome:
    """Begin to copy a volume."""
    return Outcome(seen_view(call.cloud.volumes.clone(call.space, volume, said.order())))


def convert(call: Call, volume: Volume, said: Bare) -> Outcome:  # noqa: ARG001 - nothing can be said.
    """Convert a volume into a template, in place."""
    call.cloud.volumes.freeze(volume)
    return Outcome(seen_view(volume))


_acting = partial(Operation, form=Form.ACT, key="volumes", find=find_volume, answer=Reference)
_reading = partial(
    Operation,
    method="GET",
    form=Form.READ,
    handler=read,
    key="volumes",
    brief=brief,
    answer=VolumeShape,
    tagged=True,
    simplified="`free_mb` is the size, for nobody looks into a volume",
)

OPERATIONS = (
    Operation(
        "create volumes",
        "POST",
        ("/volumes",),
        Form.CREATE,
        create,
        CreateVolume,
        "volumes",
        answer=SeenVolume,
        simplified="`host_path` and `quota_policy` are kept and shown, and nothing else comes of them",
    ),
    _reading("read volumes", paths=("/volumes", "/volumes/{uuid}"), find=find_volume, listed=listed),
    _acting("delete volumes", "DELETE", ("/volumes", "/volumes/{uuid}"), handler=delete),
    _acting(
        "attach volumes",
        "PUT",
        ("/volumes/attach", "/volumes/{uuid}/attach"),
        handler=attach,
        model=AttachVolume,
        simplified="real machines have no volumes yet; attaching one to theirs is refused with code 1",
    ),
    _acting(
        "detach volumes",
        "PUT",
        ("/volumes/detach", "/volumes/{uuid}/detach"),
        handler=detach,
        model=DetachVolume,
    ),
    _acting(
        "clone volumes",
        "POST",
        ("/volumes/clone", "/volumes/{uuid}/clone"),
        handler=clone,
        model=CloneVolume,
        find=find_any_volume,
        answer=SeenVolume,
        simplified="a copy is ready as soon as its request is answered, unless the settings say otherwise",
    ),
    _acting(
        "convert volumes to templates", "POST", ("/volumes/templates",), handler=convert, answer=SeenVolume
    ),
    _reading(
        "read volume templates",
        paths=("/volumes/templates", "/volumes/templates/{uuid}"),
        find=find_volume_template,
        listed=listed_templates,
    ),
    _acting(
        "delete volume templates",
        "DELETE",
        ("/volumes/templates", "/volumes/templates/{uuid}"),
        handler=delete,
        find=find_volume_template,
    ),
)
