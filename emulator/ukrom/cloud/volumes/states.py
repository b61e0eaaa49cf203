"""What states volumes and their attachments have, and how they go from one to the other.

Specification, Parts C.9 and D.18.
"""

from __future__ import annotations

from enum import Enum, auto
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "MOUNT_TRANSITIONS",
    "VOLUME_TRANSITIONS",
    "MountPhase",
    "MountTrigger",
    "VolumeState",
    "VolumeTrigger",
    "after_volume",
]


class VolumeState(Enum):
    """The state of a volume (specification, Parts C.9 and D.18).

    [choice]: `idle` is attached and not mounted, which the specification leaves open; nothing makes a
    volume `busy`, and none of ours fails.
    """

    UNINITIALIZED = "uninitialized"  # asked for
    INITIALIZING = "initializing"  # being made, or copied
    AVAILABLE = "available"  # ready, and attached to nothing
    IDLE = "idle"  # attached, but no guest has it
    MOUNTED = "mounted"  # a guest has it; one on standby too
    BUSY = "busy"  # being worked upon
    ERROR = "error"  # could not be made
    TEMPLATE = "template"  # frozen, the source of clones


class VolumeTrigger(Enum):
    """What moves a volume from one state to another."""

    PREPARE = auto()  # its making began
    SETTLE = auto()  # it is ready
    ATTACH = auto()  # attached to an instance, the first or a further one
    MOUNT = auto()  # a guest gets it, the first or a further one
    UNMOUNT = auto()  # the last guest that had it is gone
    DETACH = auto()  # detached from the last instance
    FREEZE = auto()  # converted into a template


VOLUME_TRANSITIONS: Mapping[tuple[VolumeState, VolumeTrigger], VolumeState] = MappingProxyType(
    {
        (VolumeState.UNINITIALIZED, VolumeTrigger.PREPARE): VolumeState.INITIALIZING,
        (VolumeState.INITIALIZING, VolumeTrigger.SETTLE): VolumeState.AVAILABLE,
        (VolumeState.AVAILABLE, VolumeTrigger.ATTACH): VolumeState.IDLE,
        (VolumeState.IDLE, VolumeTrigger.ATTACH): VolumeState.IDLE,
        (VolumeState.MOUNTED, VolumeTrigger.ATTACH): VolumeState.MOUNTED,
        (VolumeState.IDLE, VolumeTrigger.MOUNT): VolumeState.MOUNTED,
        (VolumeState.MOUNTED, VolumeTrigger.MOUNT): VolumeState.MOUNTED,
        (VolumeState.MOUNTED, VolumeTrigger.UNMOUNT): VolumeState.IDLE,
        (VolumeState.IDLE, VolumeTrigger.DETACH): VolumeState.AVAILABLE,
        (VolumeState.AVAILABLE, VolumeTrigger.FREEZE): VolumeState.TEMPLATE,
        (VolumeState.IDLE, VolumeTrigger.FREEZE): VolumeState.TEMPLATE,
    }
)
"""Every move of a volume there is; a trigger without an entry for the state changes nothing."""


class MountPhase(Enum):
    """How far an attachment of a volume to an instance has come (specification, Part D.18)."""

    ATTACHED = "attached"  # the guest gets it at the next start, which a wake-up from standby is too
    MOUNTED = "mounted"  # the guest has it
    LEAVING = "leaving"  # detached, but the guest has it until its next full stop


class MountTrigger(Enum):
    """What moves an attachment from one phase to another."""

    START = auto()  # a run of the instance began
    DETACH = auto()  # it was asked to go
    STOP = auto()  # the instance came to a full stop; standby is none


MOUNT_TRANSITIONS: Mapping[tuple[MountPhase, MountTrigger], MountPhase | None] = MappingProxyType(
    {
        (MountPhase.ATTACHED, MountTrigger.START): MountPhase.MOUNTED,
        (MountPhase.ATTACHED, MountTrigger.DETACH): None,
        (MountPhase.MOUNTED, MountTrigger.DETACH): MountPhase.LEAVING,
        (MountPhase.MOUNTED, MountTrigger.STOP): MountPhase.ATTACHED,
        (MountPhase.LEAVING, MountTrigger.STOP): None,
    }
)
"""Every move of an attachment; None is its end, and what has no entry changes nothing."""


def after_volume(state: VolumeState, trigger: VolumeTrigger) -> VolumeState:
    """Give the state to which `trigger` leads from `state`, which is `state` where it means nothing."""
    return VOLUME_TRANSITIONS.get((state, trigger), state)
