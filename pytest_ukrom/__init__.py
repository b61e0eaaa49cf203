"""Test Unikraft Cloud apps offline: fixtures over a local emulator that boots real VMs.

The classes are here for annotations. They load on first use, so that a pytest start that never
touches the plugin pays nothing for it.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pytest_ukrom.errors import InstanceFailed, Refused
    from pytest_ukrom.facade import Ukrom
    from pytest_ukrom.instance import Execution, Instance
    from pytest_ukrom.rom import Rom, RomAttachment

__all__ = ["Execution", "Instance", "InstanceFailed", "Refused", "Rom", "RomAttachment", "Ukrom"]

_HOMES = {
    "Execution": "instance",
    "Instance": "instance",
    "InstanceFailed": "errors",
    "Refused": "errors",
    "Rom": "rom",
    "RomAttachment": "rom",
    "Ukrom": "facade",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return __all__
