"""What the agent is told so that it starts an instance."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from ukrom.qemu.command import GUEST_ADDRESS
from ukrom.qemu.devices import ROM_SLOTS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ukrom.cloud.ports import MachineSpec

__all__ = ["environment", "prepare_order", "root_order", "start_order"]

_NETMASK = "255.255.255.0"
_GATEWAY = "10.0.2.2"
_NETWORK = ("address", f"{GUEST_ADDRESS} {_NETMASK}", "gateway", _GATEWAY)
_SEED_BYTES = 64

_DEFAULT_ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": "/root",
}
"""[choice] What an application finds when neither image nor instance says otherwise."""


def environment(env: Mapping[str, str]) -> dict[str, str]:
    """The whole environment of a program in the guest."""
    return {**_DEFAULT_ENVIRONMENT, **env}


def root_order(spec: MachineSpec) -> tuple[str, ...]:
    """The order to mount the root file system."""
    return ("root", spec.image.root.format if spec.image.root else "none")


def prepare_order() -> tuple[str, ...]:
    """The order to do what is the same for every instance of an image, or is written over when it starts.

    Of what an emulated start takes before the application, half is the network and the first write to
    `/etc`, which the overlay then copies.
    """
    return ("prepare", "hostname", "localhost", "hosts", "", *_NETWORK)


def start_order(spec: MachineSpec) -> tuple[str | bytes, ...]:
    """The order to become this instance: time, chance, names, network, ROMs, application."""
    fields: list[str | bytes] = ["start"]
    fields += ["time", str(time.time_ns()), "seed", os.urandom(_SEED_BYTES)]
    fields += ["hostname", spec.hostname, "hosts", _hosts(spec)]
    fields += _NETWORK
    # The root file system is ROM 0 when it is EROFS (images and clients, section 5.1).
    first = 1 if spec.image.root is not None and spec.image.root.format == "erofs" else 0
    # Shorter mount points first, so that nested ones are not hidden (specification, Part E.4).
    ordered = sorted(enumerate(spec.roms), key=lambda numbered: len(numbered[1].at or ""))
    for position, rom in ordered:
        fields += ["rom", f"{ROM_SLOTS[position]} {first + position}", "name", rom.name]
        if rom.at is not None:
            fields += ["at", rom.at]
    for name, value in environment(spec.env).items():
        fields += ["env", f"{name}={value}"]
    for argument in spec.args:
        fields += ["arg", argument]
    return tuple(fields)


def _hosts(spec: MachineSpec) -> str:
    """`/etc/hosts`: with no name server, this is all the guest can look up, its own name first of all."""
    own = dict.fromkeys((spec.hostname, spec.name, f"{spec.name}.internal"))
    return f"127.0.0.1 localhost\n::1 localhost\n{GUEST_ADDRESS} {' '.join(own)}\n"
