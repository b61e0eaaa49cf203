"""What the cloud is asked for: requests in the cloud's own terms, types checked, values not.

`None` means that the field was absent. Sections name the models of the specification.
"""

from __future__ import annotations

from .changes import Change, Op
from .groups import DomainOrder, GroupOrder, ServiceOrder
from .images import PinOrder
from .instances import InstanceOrder, InterfaceOrder, StopOrder, TemplateOrder
from .policies import NO_AUTOKILL, Autokill, ScaleToZero
from .references import ImageOrder, Ref
from .roms import FileOrder, RomOrder
from .volumes import AttachOrder, CloneVolumeOrder, MountOrder, VolumeOrder

__all__ = [
    "NO_AUTOKILL",
    "AttachOrder",
    "Autokill",
    "Change",
    "CloneVolumeOrder",
    "DomainOrder",
    "FileOrder",
    "GroupOrder",
    "ImageOrder",
    "InstanceOrder",
    "InterfaceOrder",
    "MountOrder",
    "Op",
    "PinOrder",
    "Ref",
    "RomOrder",
    "ScaleToZero",
    "ServiceOrder",
    "StopOrder",
    "TemplateOrder",
    "VolumeOrder",
]
