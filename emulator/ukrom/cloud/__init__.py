"""The platform itself, without IO: accounts, instances, ROMs, service groups, and how they behave.

Everything hangs off a `Cloud`. What it needs of the world are the protocols in `ports`; what it
refuses, it refuses with `Refusal`. The API room speaks to it in `orders`, the ingress through
`Cloud.gateway`.
"""

from __future__ import annotations

from .accounts import Account, user_of
from .agenda import Alarm
from .changes.changes import Changes
from .cloud import Cloud, InstanceSnapshot
from .gateway import Gateway, Kind, Lease, NoAnswer, Route
from .groups.domains import RESERVED, Domain
from .groups.group import ServiceGroup
from .groups.services import Service
from .happenings import Happening
from .images.pin import Pin
from .instances.instance import Instance, Interface, Mount, Run, Traffic, Update
from .instances.logs import log_window
from .instances.preparing import NotPrepared
from .instances.states import FROZEN, LIVE, TRANSITIONS, State, StopReason, Trigger, after
from .instances.templates import Conversion, Templates
from .orders import (
    AttachOrder,
    Autokill,
    Change,
    CloneVolumeOrder,
    DomainOrder,
    FileOrder,
    GroupOrder,
    ImageOrder,
    InstanceOrder,
    InterfaceOrder,
    MountOrder,
    Op,
    PinOrder,
    Ref,
    RomOrder,
    ScaleToZero,
    ServiceOrder,
    StopOrder,
    TemplateOrder,
    VolumeOrder,
)
from .ports import (
    Ability,
    AppExited,
    Console,
    Ended,
    Endpoint,
    Image,
    ImageStore,
    InlineFile,
    Listening,
    Machine,
    MachineEvent,
    MachineSpec,
    RomDevice,
    Runner,
    Running,
    Saved,
    SaveFailed,
    ScaleToZeroDisabled,
    Snapshot,
    StoredBlob,
    TemplateWritten,
    Usage,
    VolumeDevice,
)
from .refusals import ErrorCode, Refusal, not_found
from .roms.rom import Rom
from .roms.sources import InlineImage
from .settings import HARD_QUOTAS, RANGE_QUOTAS, SUFFIXES, Limits, MissingImage, Settings
from .space import Space
from .stub.answers import StubRequest
from .stub.machine import StubMachine
from .stub.runner import StubRunner
from .volumes.states import MountPhase, VolumeState
from .volumes.volume import Volume
from .waits import Steps, Wait, Waits

__all__ = [
    "FROZEN",
    "HARD_QUOTAS",
    "LIVE",
    "RANGE_QUOTAS",
    "RESERVED",
    "SUFFIXES",
    "TRANSITIONS",
    "Ability",
    "Account",
    "Alarm",
    "AppExited",
    "AttachOrder",
    "Autokill",
    "Change",
    "Changes",
    "CloneVolumeOrder",
    "Cloud",
    "Console",
    "Conversion",
    "Domain",
    "DomainOrder",
    "Ended",
    "Endpoint",
    "ErrorCode",
    "FileOrder",
    "Gateway",
    "GroupOrder",
    "Happening",
    "Image",
    "ImageOrder",
    "ImageStore",
    "InlineFile",
    "InlineImage",
    "Instance",
    "InstanceOrder",
    "InstanceSnapshot",
    "Interface",
    "InterfaceOrder",
    "Kind",
    "Lease",
    "Limits",
    "Listening",
    "Machine",
    "MachineEvent",
    "MachineSpec",
    "MissingImage",
    "Mount",
    "MountOrder",
    "MountPhase",
    "NoAnswer",
    "NotPrepared",
    "Op",
    "Pin",
    "PinOrder",
    "Ref",
    "Refusal",
    "Rom",
    "RomDevice",
    "RomOrder",
    "Route",
    "Run",
    "Runner",
    "Running",
    "SaveFailed",
    "Saved",
    "ScaleToZero",
    "ScaleToZeroDisabled",
    "Service",
    "ServiceGroup",
    "ServiceOrder",
    "Settings",
    "Snapshot",
    "Space",
    "State",
    "Steps",
    "StopOrder",
    "StopReason",
    "StoredBlob",
    "StubMachine",
    "StubRequest",
    "StubRunner",
    "TemplateOrder",
    "TemplateWritten",
    "Templates",
    "Traffic",
    "Trigger",
    "Update",
    "Usage",
    "Volume",
    "VolumeDevice",
    "VolumeOrder",
    "VolumeState",
    "Wait",
    "Waits",
    "after",
    "log_window",
    "not_found",
    "user_of",
]
