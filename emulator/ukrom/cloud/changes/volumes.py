"""What can be changed of a volume and of a volume template (specification, Part C.13)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ukrom.cloud.values import invalid
from ukrom.cloud.volumes.plans import check_room, check_size

from .labels import delete_lock, tags
from .properties import Property, scalar

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ukrom.cloud.space import Space
    from ukrom.cloud.volumes.volume import Volume

__all__ = ["VOLUME", "VOLUME_TEMPLATE"]


def _size_mb(space: Space, volume: Volume, value: int) -> int:
    if volume.host_path is not None:
        raise invalid("A volume with a 'host_path' has no 'size_mb'")
    check_size(value, space.cloud.settings.limits)
    if value < volume.size_mb:
        # [choice]: what is in it might not fit any more.
        raise invalid(f"Invalid 'size_mb' {value}: a volume cannot shrink, and this one has {volume.size_mb}")
    check_room(space, value - volume.size_mb, 0)
    return value


def _put_size_mb(_: Space, volume: Volume, value: int) -> None:
    # [choice]: a machine that runs sees the new size at its next start.
    volume.size_mb = value


def _put_quota_policy(_: Space, volume: Volume, value: str) -> None:
    volume.quota_policy = value


VOLUME: Mapping[str, Property[Volume]] = {
    "size_mb": scalar(lambda volume: volume.size_mb, _put_size_mb, _size_mb),
    "tags": tags(),
    "quota_policy": scalar(
        lambda volume: volume.quota_policy,
        _put_quota_policy,
        lambda _space, _volume, value: value,
        default=lambda _: "static",
    ),
    "delete_lock": delete_lock(),
}

VOLUME_TEMPLATE: Mapping[str, Property[Volume]] = {"tags": tags(), "delete_lock": delete_lock()}
