"""Stores, and ELF files that nothing can run, but that name libraries as real ones do."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import pytest

from ukrom.images import ImageStore

if TYPE_CHECKING:
    from pathlib import Path

_PT_LOAD, _PT_DYNAMIC, _PT_INTERP = 1, 2, 3
_DT_NULL, _DT_NEEDED, _DT_STRTAB, _DT_STRSZ, _DT_RPATH, _DT_RUNPATH = 0, 1, 5, 10, 15, 29
_MACHINES = {"x86_64": 62, "arm64": 183, "riscv64": 243}


@pytest.fixture
def blobs(tmp_path: Path) -> Path:
    return tmp_path / "cache" / "blobs"


@pytest.fixture
def store(tmp_path: Path, blobs: Path) -> ImageStore:
    return ImageStore(blobs, tmp_path / "run" / "index.json")


@pytest.fixture
def make_elf():
    """Write an ELF file; no compiler needed, any architecture possible."""
    return _write_elf


def _write_elf(
    path: Path,
    *,
    needed: tuple[str, ...] = (),
    rpath: str = "",
    runpath: str = "",
    interpreter: str = "",
    architecture: str = "x86_64",
) -> Path:
    """Write a 64-bit little-endian ELF file with a dynamic section."""
    strings = b"\0"
    tags: list[tuple[int, int]] = []
    for tag, text in (*((_DT_NEEDED, name) for name in needed), (_DT_RPATH, rpath), (_DT_RUNPATH, runpath)):
        if text:
            tags.append((tag, len(strings)))
            strings += text.encode() + b"\0"
    loader = interpreter.encode() + b"\0"
    headers = 64 + 56 * (3 if interpreter else 2)
    strings_at, loader_at = headers, headers + len(strings)
    dynamic_at = -(-(loader_at + len(loader)) // 16) * 16
    tags += [(_DT_STRTAB, strings_at), (_DT_STRSZ, len(strings)), (_DT_NULL, 0)]
    dynamic = b"".join(struct.pack("<QQ", *tag) for tag in tags)
    size = dynamic_at + len(dynamic)
    segments = [(_PT_LOAD, 0, size), (_PT_DYNAMIC, dynamic_at, len(dynamic))]
    if interpreter:
        segments.append((_PT_INTERP, loader_at, len(loader)))
    head = b"\x7fELF\x02\x01\x01".ljust(16, b"\0") + struct.pack(
        "<HHIQQQIHHHHHH", 3, _MACHINES[architecture], 1, 0, 64, 0, 0, 64, 56, len(segments), 64, 0, 0
    )
    table = b"".join(
        struct.pack("<IIQQQQQQ", kind, 5, offset, offset, offset, length, length, 16)
        for kind, offset, length in segments
    )
    body = (head + table + strings + loader).ljust(dynamic_at, b"\0") + dynamic
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(body)
    path.chmod(0o755)
    return path


@pytest.fixture(scope="session")
def trees(tmp_path_factory) -> Path:
    """What Python images are made of, made once for all tests of this process."""
    return tmp_path_factory.mktemp("trees")
