"""The platform itself, without IO: accounts, instances, ROMs, service groups, and how they behave.

Everything hangs off a `Cloud`. What it needs of the world are the protocols in `ports`; what it
refuses, it refuses with `Refusal`. The API room speaks to it in `orders`, the ingress through
`Cloud.gateway`.
"""

from __future__ import annotations

from .accounts import Account, user_of
from .answers import StubRequest
from .cloud import Cloud, InstanceSnapshot
from .domains import RESERVED, Domain
from .gateway import Gateway, Lease, NoAnswer, Route
from .groups import ServiceGroup
from .instances import Instance, Interface, Run
from .logs import LogWindow, log_window
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
from .roms import Rom
from .services import Service
from .settings import SUFFIXES, Limits, MissingImage, Settings
from .sources import ImageSource, InlineImage
from .space import Space
from .states import TRANSITIONS, PlatformCode, State, StopReason, Trigger, after
from .stub import StubMachine, StubRunner
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
