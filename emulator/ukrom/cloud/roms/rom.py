"""ROMs of an instance: what a request may ask for, and what is kept of it (specification, Part E)."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from ukrom.cloud.ports import InlineFile
from ukrom.cloud.refusals import ErrorCode, Refusal

from .mounts import file_path, mount_path

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ukrom.cloud.orders import FileOrder, ImageOrder, RomOrder
    from ukrom.cloud.settings import Limits

    from .sources import ImageSource, InlineImage

__all__ = ["Rom", "RomPlan", "plan_roms"]

_LONGEST_NAME = 247
"""[choice] 255, which is the longest name of a file, less the `ukp_rom_` of the device."""


@dataclass(frozen=True, slots=True)
class Rom:
    """A ROM as an instance has it attached."""

    name: str
    at: str | None
    source: ImageSource | InlineImage


@dataclass(frozen=True, slots=True)
class RomPlan:
    """A ROM of a request that was found to be in order; nothing is made yet."""

    name: str
    at: str | None
    content: ImageOrder | tuple[InlineFile, ...]


def plan_roms(
    orders: Sequence[RomOrder], limits: Limits, present: Sequence[Rom | RomPlan] = ()
) -> tuple[RomPlan, ...]:
    """Check the ROMs of a request, one against the other too, and decode what is inline.

    Args:
        orders: The ROMs.
        limits: The cloud's limits.
        present: ROMs that the instance has already, or inherits; they count too (Parts E.7 and E.10).

    Raises:
        Refusal: With the codes of the specification, Part E.12.
    """
    _check_count(orders, limits, present)
    names: set[str | None] = {*(order.name for order in orders), *(rom.name for rom in present)}
    plans: list[RomPlan] = []
    taken = {rom.name for rom in present}
    mounts = {rom.at for rom in present if rom.at is not None}
    for index, order in enumerate(orders, len(present)):
        name = _generated(index, names) if order.name is None else _checked(order.name)
        if name in taken:
            raise Refusal(ErrorCode.ALREADY_EXISTS, f"A ROM with the name '{name}' already exists")
        taken.add(name)
        at = None if order.at is None else mount_path(order.at)
        if at in mounts:
            raise Refusal(ErrorCode.INVALID, f"Two ROMs have the mount path '{at}'")
        if at is not None:
            mounts.add(at)
        plans.append(RomPlan(name, at, _content(order, name, limits)))
    return tuple(plans)


def _check_count(orders: Sequence[RomOrder], limits: Limits, present: Sequence[Rom | RomPlan]) -> None:
    if len(orders) + len(present) > limits.roms:
        more = f" beside {len(present)} that are there already" if present else ""
        message = f"Too many ROMs: {len(orders)} given{more}, at most {limits.roms} per instance"
        raise Refusal(ErrorCode.TOO_MANY, message)


def _generated(index: int, names: set[str | None]) -> str:
    # [choice]: `rom<i>`, its place in the list, unless the request uses that name itself.
    while f"rom{index}" in names:
        index += 1
    names.add(f"rom{index}")
    return f"rom{index}"


def _checked(name: str) -> str:
    # The name becomes part of a device path, /dev/ukp_rom_<name>.
    bad = not name or "/" in name or len(name.encode("utf-8", "replace")) > _LONGEST_NAME
    if bad or not name.isprintable() or " " in name:
        raise Refusal(ErrorCode.INVALID, f"Invalid ROM name {ascii(name)[:300]}")
    return name


def _content(order: RomOrder, name: str, limits: Limits) -> ImageOrder | tuple[InlineFile, ...]:
    if order.image is not None and order.files is not None:
        raise Refusal(ErrorCode.NOT_BOTH, f"ROM '{name}' has both 'image' and 'files'; give one of them")
    if order.image is not None:
        if not order.image.reference:
            raise Refusal(ErrorCode.INVALID, f"ROM '{name}' has an empty 'image'")
        return order.image
    if not order.files:
        what = "neither 'image' nor 'files'" if order.files is None else "an empty 'files'"
        raise Refusal(ErrorCode.INVALID, f"ROM '{name}' has {what}")
    if len(order.files) > limits.rom_files:
        raise Refusal(
            ErrorCode.TOO_MANY,
            f"ROM '{name}' has too many files: {len(order.files)} given, at most {limits.rom_files} per ROM",
        )
    return _files(order.files, name, limits)


def _files(orders: tuple[FileOrder, ...], name: str, limits: Limits) -> tuple[InlineFile, ...]:
    files: dict[str, InlineFile] = {}
    size = 0
    for order in orders:
        path = file_path(order.path)
        if path in files:
            raise Refusal(ErrorCode.INVALID, f"ROM '{name}' has the file '{path}' twice")
        files[path] = InlineFile(path, _decoded(order, name))
        size += len(files[path].data)
    for path in files:
        for folder in PurePosixPath(path).parents:
            if str(folder) in files:
                raise Refusal(
                    ErrorCode.INVALID, f"ROM '{name}' has '{folder}' both as a file and as a directory"
                )
    if size > limits.rom_bytes:
        raise Refusal(
            ErrorCode.TOO_LONG,
            f"ROM '{name}' is too large: {size} bytes inline, at most {limits.rom_bytes} per ROM",
        )
    return tuple(files.values())


def _decoded(order: FileOrder, name: str) -> bytes:
    try:
        if order.encoding == "base64":
            return base64.b64decode(order.data, validate=True)
        return order.data.encode()
    except (binascii.Error, ValueError) as error:
        what = "base64" if order.encoding == "base64" else "text"
        raise Refusal(
            ErrorCode.INVALID, f"ROM '{name}' has a file '{order.path}' that is no {what}: {error}"
        ) from error
