"""The initramfs of all machines: the agent as init, and the modules it loads."""

from __future__ import annotations

import hashlib
import io
from typing import TYPE_CHECKING

from ukrom.roms import Device, Directory, File
from ukrom.roms.cpio import write

if TYPE_CHECKING:
    from pathlib import Path

    from ukrom.host import Cache, GuestKernel
    from ukrom.roms import Entry

__all__ = ["initramfs"]


def initramfs(cache: Cache, kernel: GuestKernel, agent: Path) -> Path:
    """The file to boot with, made if the cache has none of the same content.

    Args:
        cache: Where it is kept, by the digest of its bytes.
        kernel: Whose modules go in, in load order.
        agent: The agent's static binary.

    Raises:
        SettingsError: A module cannot be read, or the cache cannot be written.
    """
    stream = io.BytesIO()
    write(_entries(kernel, agent), stream)
    content = stream.getvalue()
    name = f"{hashlib.sha256(content).hexdigest()}.cpio"
    path = cache.root / "initramfs" / name
    return path if path.is_file() else cache.write("initramfs", name, content)


def _entries(kernel: GuestKernel, agent: Path) -> list[Entry]:
    order = "".join(f"{module.name}\n" for module in kernel.modules)
    return [
        *(Directory(name) for name in ("dev", "proc", "sys", "modules")),
        # The kernel opens init's three streams from here, before anything is mounted.
        Device("dev/console", 5, 1),
        File("init", agent, 0o755),
        File("modules/order", order.encode()),
        *(File(f"modules/{module.name}.ko", module.read()) for module in kernel.modules),
    ]
