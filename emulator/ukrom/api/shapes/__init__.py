"""The shapes of answers: a TypedDict for every object that they hold (specification, Parts A to C).

Views are annotated with them, the OpenAPI document is made of them, and tests read answers by them:
`TypeAdapter(answer_shape(Instance, "instances")).validate_json(body)` refuses what is not in a shape.
"""

from __future__ import annotations

from .answers import answer_shape, item_shape
from .certificates import Certificate, CertificateValidation
from .control_plane import (
    Authorization,
    Metro,
    MetroList,
    RegistryImage,
    RegistryImageList,
    RegistryTag,
    Signin,
    SigninCheck,
)
from .envelope import EnvelopeStatus, EnvelopeWarning, Failure, Refused, RequestError
from .images import Image, ImageList, PinnedImage, UnpinnedImage
from .instance_parts import (
    Autokill,
    Gpu,
    GroupOfInstance,
    InlineFile,
    InstanceAutokill,
    InstanceDomain,
    InstanceProperty,
    InstanceVolume,
    NetworkInterface,
    PendingUpdate,
    Plugin,
    Relay,
    RestartAttempt,
    Rom,
    ScaleToZeroPolicy,
    Schedule,
    Snapshot,
)
from .instances import (
    DeletedInstance,
    HistoryEntry,
    Instance,
    InstanceHistory,
    InstanceLog,
    InstanceState,
    LogRange,
    MovedInstance,
    SeenInstance,
)
from .metrics import InstanceMetrics, LatencyBucket
from .node import Health, License
from .references import Reference, Updated
from .scalars import Amount, Moment, Uuid, closed
from .services import Domain, Service, ServiceGroup
from .users import QuotaLimits, QuotaList, Quotas, QuotaStats
from .volumes import MountingInstance, SeenVolume, Volume, VolumeState

__all__ = [
    "Amount",
    "Authorization",
    "Autokill",
    "Certificate",
    "CertificateValidation",
    "DeletedInstance",
    "Domain",
    "EnvelopeStatus",
    "EnvelopeWarning",
    "Failure",
    "Gpu",
    "GroupOfInstance",
    "Health",
    "HistoryEntry",
    "Image",
    "ImageList",
    "InlineFile",
    "Instance",
    "InstanceAutokill",
    "InstanceDomain",
    "InstanceHistory",
    "InstanceLog",
    "InstanceMetrics",
    "InstanceProperty",
    "InstanceState",
    "InstanceVolume",
    "LatencyBucket",
    "License",
    "LogRange",
    "Metro",
    "MetroList",
    "Moment",
    "MountingInstance",
    "MovedInstance",
    "NetworkInterface",
    "PendingUpdate",
    "PinnedImage",
    "Plugin",
    "QuotaLimits",
    "QuotaList",
    "QuotaStats",
    "Quotas",
    "Reference",
    "Refused",
    "RegistryImage",
    "RegistryImageList",
    "RegistryTag",
    "Relay",
    "RequestError",
    "RestartAttempt",
    "Rom",
    "ScaleToZeroPolicy",
    "Schedule",
    "SeenInstance",
    "SeenVolume",
    "Service",
    "ServiceGroup",
    "Signin",
    "SigninCheck",
    "Snapshot",
    "UnpinnedImage",
    "Updated",
    "Uuid",
    "Volume",
    "VolumeState",
    "answer_shape",
    "closed",
    "item_shape",
]
