"""ROM images as bytes: read-only block devices of 4096-byte pages, in EROFS, CPIO or raw form.

This room knows nothing of references, registries or the cloud. `build` and `build_to` are all that
most callers need; `cpio.write` also packs an initramfs.
"""

from __future__ import annotations

from ukrom.roms import cpio, erofs
from ukrom.roms.build import build, build_to
from ukrom.roms.entries import (
    Content,
    Device,
    Directory,
    Entry,
    File,
    Symlink,
    checked_path,
    content_mode,
    file_mode,
)
from ukrom.roms.formats import PAGE, RomFormat, detect
from ukrom.roms.sources import NamedBytes, Source, collect

__all__ = [
    "PAGE",
    "Content",
    "Device",
    "Directory",
    "Entry",
    "File",
    "NamedBytes",
    "RomFormat",
    "Source",
    "Symlink",
    "build",
    "build_to",
    "checked_path",
    "collect",
    "content_mode",
    "cpio",
    "detect",
    "erofs",
    "file_mode",
]
