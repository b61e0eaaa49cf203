"""The one device list of all machines.

A snapshot can only be restored into a machine with identical devices, so every machine has all of
them, used or not: microvm offers 24 virtio-mmio slots, and 8 stay free for later.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["ROM_SLOTS", "ROOT_SLOT", "VOLUME_SLOTS", "device_arguments", "disk_node"]

ROOT_SLOT = 0
ROM_SLOTS = range(1, 9)
VOLUME_SLOTS = range(9, 13)

_EMPTY_SIZE = 4096


def disk_node(slot: int) -> str:
    """The name of a slot's block node."""
    return f"slot{slot}"


def device_arguments(disks: Mapping[int, Path]) -> list[str]:
    """QEMU's arguments for the agent's port, the disks, the network card and the random source.

    Args:
        disks: Read-only content by slot; a slot without any is an empty disk, which the guest never
            binds.

    The order matters: the kernel numbers virtio devices in it, and the agent finds a disk by that
    number. Its serial is the slot, so that the agent can check (a serial holds 20 bytes, too few
    for a ROM's name).
    """
    arguments = [
        "-device",
        "virtio-serial-device",
        "-device",
        "virtserialport,chardev=agent,name=ukrom.agent",
    ]
    for slot in (ROOT_SLOT, *ROM_SLOTS, *VOLUME_SLOTS):
        arguments += [
            "-blockdev",
            json.dumps(_disk(slot, disks.get(slot))),
            "-device",
            f"virtio-blk-device,drive={disk_node(slot)},serial={slot}",
        ]
    return [*arguments, "-device", "virtio-net-device,netdev=net", "-device", "virtio-rng-device"]


def _disk(slot: int, content: Path | None) -> dict[str, Any]:
    node: dict[str, Any] = {"node-name": disk_node(slot), "read-only": True}
    if content is None:
        # Under a raw node, so that the content can be put in its place later.
        return {**node, "driver": "raw", "file": {"driver": "null-co", "size": _EMPTY_SIZE}}
    return {**node, "driver": "raw", "file": {"driver": "file", "filename": str(content), "read-only": True}}
