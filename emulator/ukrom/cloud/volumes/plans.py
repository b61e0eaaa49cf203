"""What a request for a volume may ask for (specification, Parts C.9, D.18, F.1 and F.4)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ukrom.cloud.refusals import ErrorCode, Refusal
from ukrom.cloud.values import check_name, check_range, invalid, plan_tags

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ukrom.cloud.orders import VolumeOrder
    from ukrom.cloud.settings import Limits
    from ukrom.cloud.space import Space

    from .volume import Volume

__all__ = ["VolumePlan", "check_access", "check_room", "check_size", "plan_volume"]

# [choice]: besides `ext4` and `virtiofs` an account may have file systems of its own making.
_FILESYSTEM = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
_HIGHEST_ID = 2**32 - 2


@dataclass(frozen=True, slots=True)
class VolumePlan:
    """A volume of a request that was found to be in order."""

    name: str | None
    size_mb: int
    """In MiB; 0 for a directory of the host."""
    filesystem: str
    access_mode: str
    quota_policy: str
    tags: tuple[str, ...]
    host_path: str | None = None
    uid: int | None = None
    gid: int | None = None
    args: Mapping[str, str] | None = None
    source: Volume | None = None
    """The volume or volume template that it is a copy of."""


def plan_volume(order: VolumeOrder, space: Space) -> VolumePlan:
    """Check a request for a volume, but for its name being free and there being room.

    Raises:
        Refusal: Code 7 for what cannot be, 8 for an unknown template, 17 for parts that exclude each
            other, and those of `check_name` and `plan_tags`.
    """
    limits = space.cloud.settings.limits
    if order.name is not None:
        check_name(order.name)
    _check_origin(order)
    template = None if order.template is None else space.volume_template(order.template)
    filesystem = _filesystem(order, template)
    access_mode = order.access_mode or "rwo"
    check_access(access_mode, filesystem)
    _check_owner(order)
    _check_args(order.args or {}, limits)
    return VolumePlan(
        name=order.name,
        size_mb=_size_mb(order, template, limits),
        filesystem=filesystem,
        access_mode=access_mode,
        quota_policy=order.quota_policy or "static",
        tags=plan_tags(order.tags, limits),
        host_path=order.host_path,
        uid=order.uid,
        gid=order.gid,
        args=order.args,
        source=template,
    )


def check_size(size_mb: int, limits: Limits) -> None:
    """Check the size of a volume, in MiB (Part F.4).

    Raises:
        Refusal: Code 7; it is out of range.
    """
    check_range("size_mb", size_mb, limits.min_volume_mb, limits.max_volume_mb)


def check_access(access_mode: str, filesystem: str) -> None:
    """Check an access mode against a file system.

    Raises:
        Refusal: Code 7; `rwx` without virtiofs.
    """
    if access_mode == "rwx" and filesystem != "virtiofs":
        raise invalid(f"The access mode 'rwx' needs the filesystem 'virtiofs', not '{filesystem}'")


def check_room(space: Space, size_mb: int, count: int) -> None:
    """Check that an account may have more volumes (Part C.15).

    Args:
        space: Where.
        size_mb: How many MiB more.
        count: How many volumes more; 0 where one only grows.

    Raises:
        Refusal: Code 19; it may not.
    """
    # [choice]: both quota policies count all of the size.
    limits = space.cloud.settings.limits
    total_mb = size_mb + sum(volume.size_mb for volume in space.volumes)
    if len(space.volumes) + count > limits.volumes or total_mb > limits.total_volume_mb:
        what = "create" if count else "update"
        raise Refusal(ErrorCode.QUOTA, f"Failed to {what}. Quota exceeded")


def _check_origin(order: VolumeOrder) -> None:
    if order.host_path is not None:
        for field, value in (("size_mb", order.size_mb), ("template", order.template)):
            if value is not None:
                raise Refusal(ErrorCode.NOT_BOTH, f"A volume has either a 'host_path' or a '{field}'")
        parts = order.host_path.split("/")
        if not order.host_path.startswith("/") or ".." in parts or "\0" in order.host_path:
            raise invalid(f"Invalid 'host_path' {ascii(order.host_path)[:300]}: must be absolute")
    elif order.size_mb is None and order.template is None:
        raise invalid("A volume needs a 'size_mb', a 'host_path' or a 'template'")


def _size_mb(order: VolumeOrder, template: Volume | None, limits: Limits) -> int:
    if order.host_path is not None:
        return 0
    least = 0 if template is None else template.size_mb
    if order.size_mb is None:
        return least
    check_size(order.size_mb, limits)
    if order.size_mb < least:
        # [choice]: it may be larger.
        raise invalid(f"Invalid 'size_mb' {order.size_mb}: the template has {least}")
    return order.size_mb


def _filesystem(order: VolumeOrder, template: Volume | None) -> str:
    if template is not None:
        if order.filesystem not in {None, template.filesystem}:
            # [choice]: what is in it was written under the template's.
            raise invalid(f"The template has the filesystem '{template.filesystem}'")
        return template.filesystem
    if order.filesystem is None:
        # [choice]: a directory of the host can be shared in no other way.
        return "ext4" if order.host_path is None else "virtiofs"
    if not _FILESYSTEM.fullmatch(order.filesystem):
        raise invalid(f"Invalid 'filesystem' {ascii(order.filesystem)[:300]}")
    return order.filesystem


def _check_owner(order: VolumeOrder) -> None:
    for field, value in (("uid", order.uid), ("gid", order.gid)):
        if value is not None:
            if order.host_path is None:
                # [choice]: the platform's own client says that they are for this mode only.
                raise invalid(f"'{field}' needs a 'host_path'")
            check_range(field, value, 0, _HIGHEST_ID)


def _check_args(args: Mapping[str, str], limits: Limits) -> None:
    if len(args) > limits.args:
        raise Refusal(ErrorCode.TOO_MANY, f"Too many 'args': {len(args)} given, at most {limits.args}")
    for key, value in args.items():
        if not key or "\0" in key + value:
            raise invalid(f"Invalid 'args': {ascii(key)[:300]}")
