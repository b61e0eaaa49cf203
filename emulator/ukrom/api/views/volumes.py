"""Volumes and volume templates as answers show them (specification, Part C.9)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ukrom.cloud import VolumeState

from .moments import rfc3339
from .references import reference_view

if TYPE_CHECKING:
    from ukrom.cloud import Volume

__all__ = ["seen_view", "volume_view"]


def seen_view(volume: Volume) -> dict[str, Any]:
    """Show the state to which a volume came, as creates, clones and conversions do."""
    return {**reference_view(volume), "state": volume.state.value}


def volume_view(volume: Volume) -> dict[str, Any]:
    """Show all of a volume or volume template."""
    view: dict[str, Any] = {
        **seen_view(volume),
        "created_at": rfc3339(volume.created_at),
        "persistent": volume.persistent,
        "attached_to": [reference_view(instance) for instance in volume.attached_to.values()],
        "tags": list(volume.tags),
        "quota_policy": volume.quota_policy,
        "delete_lock": volume.delete_lock,
        "filesystem": volume.filesystem,
        "access_mode": volume.access_mode,
    }
    if volume.state is not VolumeState.TEMPLATE:
        view["mounted_by"] = [
            {**reference_view(instance), "readonly": mount.readonly}
            for instance, mount in volume.mounted_by()
        ]
    return {**view, **_backing(volume)}


def _backing(volume: Volume) -> dict[str, Any]:
    # A directory of the host has no size of its own. [choice]
    sizes = {} if volume.host_path else {"size_mb": volume.size_mb, "free_mb": volume.free_mb}
    told = {"host_path": volume.host_path, "uid": volume.uid, "gid": volume.gid}
    facts = {**sizes, **{name: value for name, value in told.items() if value is not None}}
    return {**facts, "args": dict(volume.args)} if volume.args else facts
