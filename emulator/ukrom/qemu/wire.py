"""Frames to and from the guest agent; the other side is `emulator/guest/wire.h`."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio

__all__ = ["encode", "read_frame"]

_LENGTH = struct.Struct("<I")


def encode(*fields: str | bytes) -> bytes:
    """One frame: a length, then each field as a length, its bytes and a NUL."""
    body = bytearray()
    for field in fields:
        raw = field.encode() if isinstance(field, str) else field
        body += _LENGTH.pack(len(raw)) + raw + b"\0"
    return _LENGTH.pack(len(body)) + bytes(body)


async def read_frame(stream: asyncio.StreamReader) -> tuple[bytes, ...]:
    """The fields of the next frame.

    Raises:
        asyncio.IncompleteReadError: The other side went away.
    """
    (size,) = _LENGTH.unpack(await stream.readexactly(_LENGTH.size))
    body = await stream.readexactly(size)
    fields: list[bytes] = []
    at = 0
    while at < size:
        (length,) = _LENGTH.unpack_from(body, at)
        at += _LENGTH.size
        fields.append(body[at : at + length])
        at += length + 1
    return tuple(fields)
