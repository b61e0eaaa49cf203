"""What a layer depends on: all that a restore must find as it was, or that made the guest what it is."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ukrom.qemu.command import Channels, Memory, command_line

if TYPE_CHECKING:
    from ukrom.cloud.ports import Image
    from ukrom.qemu.command import Equipment

__all__ = ["LayerKey", "Platform"]

_WAY = 3
"""The way layers are made; a new way gets a new number, so that old ones are not used."""


@dataclass(frozen=True)
class LayerKey:
    """The name of a layer by its content's origin: the same key, the same layer."""

    of: dict[str, Any]

    @property
    def digest(self) -> str:
        """64 hexadecimal digits."""
        return hashlib.sha256(json.dumps(self.of, sort_keys=True).encode()).hexdigest()

    @property
    def memory(self) -> int:
        """Bytes of RAM."""
        return int(self.of["memory_mb"]) << 20


class Platform:
    """What all layers of one runner have in common; looked at once.

    Args:
        equipment: What its machines are made of.
    """

    def __init__(self, equipment: Equipment) -> None:
        self._equipment = equipment
        self._common: dict[str, Any] | None = None

    def booted(self, memory_mb: int, vcpus: int) -> LayerKey:
        """Layer 1: the kernel booted, its modules loaded, the agent waiting. Reads files."""
        if self._common is None:
            self._common = self._look()
        size = {"memory_mb": memory_mb, "vcpus": vcpus, "command": self._command(memory_mb, vcpus)}
        return LayerKey({**self._common, **size})

    def mounted(self, image: Image, memory_mb: int, vcpus: int) -> LayerKey:
        """Layer 2: an image's root file system mounted, and what its program reads first in memory."""
        assert image.root is not None, "who has no root file system is not booted"
        below = self.booted(memory_mb, vcpus)
        root = {"root": [image.root.digest, image.root.format], "warm": list(map(list, image.warm))}
        return LayerKey({**below.of, **root, "program": list(image.args[:1])})

    def _look(self) -> dict[str, Any]:
        equipment = self._equipment
        status = equipment.qemu.stat()
        with equipment.kernel.open("rb") as kernel:
            digest = hashlib.file_digest(kernel, "sha256").hexdigest()
        return {
            "way": _WAY,
            # A rebuilt QEMU of the same version may save its devices otherwise.
            "qemu": [equipment.version, status.st_size, status.st_mtime_ns],
            "kernel": digest,
            # Agent and modules; the name is the digest of the bytes.
            "initramfs": equipment.initramfs.name,
            # A guest under KVM has seen the features of the host's processor; TCG has its own.
            "processor": _processor() if equipment.accelerator == "kvm" else "",
        }

    def _command(self, memory_mb: int, vcpus: int) -> list[str]:
        """QEMU's command line but for what may differ: processor, devices and kernel options are in it."""
        nowhere = Path("-")
        plain = replace(
            self._equipment, qemu=nowhere, kernel=nowhere, initramfs=nowhere, setpriv=None, version=""
        )
        memory = Memory(descriptor=0, shared=False, restored=False)
        channels = Channels(0, 0, 0)
        return list(
            command_line(plain, channels, {}, memory_mb=memory_mb, vcpus=vcpus, ports=(), memory=memory)
        )


def _processor() -> str:
    """Model and features of the host's processor."""
    wanted = ("vendor_id", "model name", "microcode", "flags")
    try:
        lines = Path("/proc/cpuinfo").read_text().split("\n\n")[0].splitlines()
    except OSError:
        return os.uname().machine
    return "\n".join(line for line in lines if line.startswith(wanted))
