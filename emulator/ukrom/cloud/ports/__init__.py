"""What the cloud needs of the world, as Protocols: a runner of machines and a store of images.

The cloud does no IO. It calls these ports under its own lock, so every call must return at once;
what takes time is reported later through the callback that was handed over.
"""

from __future__ import annotations

from .events import (
    AppExited,
    Console,
    Ended,
    Listening,
    MachineEvent,
    Running,
    Saved,
    SaveFailed,
    ScaleToZeroDisabled,
    TemplateWritten,
)
from .images import Image, ImageStore, StoredBlob
from .machines import InlineFile, MachineSpec, RomDevice, Snapshot, VolumeDevice
from .runner import Ability, Endpoint, Machine, Runner, Usage

__all__ = [
    "Ability",
    "AppExited",
    "Console",
    "Ended",
    "Endpoint",
    "Image",
    "ImageStore",
    "InlineFile",
    "Listening",
    "Machine",
    "MachineEvent",
    "MachineSpec",
    "RomDevice",
    "Runner",
    "Running",
    "SaveFailed",
    "Saved",
    "ScaleToZeroDisabled",
    "Snapshot",
    "StoredBlob",
    "TemplateWritten",
    "Usage",
    "VolumeDevice",
]
