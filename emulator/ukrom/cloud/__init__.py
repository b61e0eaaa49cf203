"""The platform itself, without IO: accounts, instances, ROMs, service groups, and how they behave.

Everything hangs off a `Cloud`. What it needs of the world are the protocols in `ports`; what it
refuses, it refuses with `Refusal`. The API room speaks to it in `orders`, the ingress through
`Cloud.gateway`.
"""

from __future__ import annotations

from .accounts import Account, user_of
from .cloud import Cloud, InstanceSnapshot
from .gateway import Gateway, Lease, NoAnswer, Route
from .groups.domains import RESERVED, Domain
from .groups.group import ServiceGroup
from .groups.services import Service
from .instances.instance import Instance, Interface, Run
from .instances.logs import LogWindow, log_window
from .instances.states import TRANSITIONS, PlatformCode, State, StopReason, Trigger, after
from .orders import (
    DomainOrder,
    FileOrder,
    GroupOrder,
    ImageOrder,
    InstanceOrder,
    Ref,
    RomOrder,
    ScaleToZero,
    ServiceOrder,
    StopOrder,
)
from .ports import (
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
    StoredBlob,
)
from .refusals import ErrorCode, Refusal, not_found
from .roms.rom import Rom
from .roms.sources import ImageSource, InlineImage
from .settings import SUFFIXES, Limits, MissingImage, Settings
from .space import Space
from .stub.answers import StubRequest
from .stub.runner import StubMachine, StubRunner
from .waits import Steps, Wait, Waits

__all__ = [
    "RESERVED",
    "SUFFIXES",
    "TRANSITIONS",
    "Account",
    "AppExited",
    "Cloud",
    "Console",
    "Domain",
    "DomainOrder",
    "Ended",
    "Endpoint",
    "ErrorCode",
    "FileOrder",
    "Gateway",
    "GroupOrder",
    "Image",
    "ImageOrder",
    "ImageSource",
    "ImageStore",
    "InlineFile",
    "InlineImage",
    "Instance",
    "InstanceOrder",
    "InstanceSnapshot",
    "Interface",
    "Lease",
    "Limits",
    "Listening",
    "LogWindow",
    "Machine",
    "MachineEvent",
    "MachineSpec",
    "MissingImage",
    "NoAnswer",
    "PlatformCode",
    "Ref",
    "Refusal",
    "Rom",
    "RomDevice",
    "RomOrder",
    "Route",
    "Run",
    "Runner",
    "Running",
    "ScaleToZero",
    "Service",
    "ServiceGroup",
    "ServiceOrder",
    "Settings",
    "Space",
    "State",
    "Steps",
    "StopOrder",
    "StopReason",
    "StoredBlob",
    "StubMachine",
    "StubRequest",
    "StubRunner",
    "Trigger",
    "Wait",
    "Waits",
    "after",
    "log_window",
    "not_found",
    "user_of",
]
