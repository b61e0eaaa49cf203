"""The file of a layer: a guest's memory and the state of its devices, whole or not at all.

    offset 0              the guest's RAM, sparse, as QEMU maps it
    size of the RAM       the state of processor and devices, as QEMU's migration writes it
    then                  a JSON document: what the layer is of, and checksums of both
    last 24 bytes         the sizes of state and document, and a magic

One file, so that one rename makes a layer appear, and half a layer has no magic at its end.
"""

from __future__ import annotations

import hashlib
import json
import os
import struct
from dataclasses import dataclass
from typing import Any

from ukrom.errors import UkromError

__all__ = ["BadLayer", "LayerFile", "read_layer", "write_trailer"]

_TRAILER = struct.Struct("<QQ8s")
_MAGIC = b"UKRLAYR1"
_BLOCK = 1 << 20
_ZEROS = bytes(_BLOCK)
_MOST = 64 << 20
"""Bytes that state and document may take together; a state has 80 KB."""


class BadLayer(UkromError):
    """A file is no layer, or is damaged, or is the layer of something else."""


@dataclass(frozen=True, slots=True)
class LayerFile:
    """What a layer's file holds beside the RAM."""

    memory: int
    """Bytes of RAM."""
    state: bytes
    of: dict[str, Any]
    """What the layer was made of; see `ukrom.qemu.layers.key`."""
    checksum: str
    """Of the RAM."""


def write_trailer(descriptor: int, memory: int, state: bytes, of: dict[str, Any]) -> LayerFile:
    """Complete a file that holds the RAM and nothing else yet.

    Raises:
        OSError: The file system is full.
    """
    ram = _checksum(descriptor, memory)
    document = json.dumps({"of": of, "ram": ram, "state": hashlib.sha256(state).hexdigest()}).encode()
    end = state + document + _TRAILER.pack(len(state), len(document), _MAGIC)
    written = os.pwrite(descriptor, end, memory)
    if written != len(end):
        raise OSError(28, os.strerror(28))
    return LayerFile(memory, state, of, ram)


def read_layer(descriptor: int) -> LayerFile:
    """Read and check a whole layer; takes a tenth of a second for 100 MiB.

    Raises:
        BadLayer: It is no layer, or a damaged one.
        OSError: It cannot be read.
    """
    size = os.fstat(descriptor).st_size
    end = os.pread(descriptor, _TRAILER.size, max(0, size - _TRAILER.size))
    if len(end) != _TRAILER.size or not end.endswith(_MAGIC):
        raise BadLayer("The file has no end of a layer: it was cut off, or is none.")
    state_size, document_size, _ = _TRAILER.unpack(end)
    memory = size - _TRAILER.size - state_size - document_size
    if memory <= 0 or state_size + document_size > _MOST:
        raise BadLayer("The sizes at the end of the layer make no sense.")
    state = os.pread(descriptor, state_size, memory)
    document = _document(os.pread(descriptor, document_size, memory + state_size))
    if hashlib.sha256(state).hexdigest() != document["state"]:
        raise BadLayer("The state of the layer is damaged.")
    if _checksum(descriptor, memory) != document["ram"]:
        raise BadLayer("The memory of the layer is damaged.")
    return LayerFile(memory, state, document["of"], document["ram"])


def _document(raw: bytes) -> dict[str, Any]:
    try:
        document = json.loads(raw)
        if isinstance(document["of"], dict) and document["ram"] and document["state"]:
            return dict(document)
    except (ValueError, TypeError, KeyError, RecursionError):
        pass
    raise BadLayer("The document of the layer is damaged.")


def _checksum(descriptor: int, memory: int) -> str:
    """The digest of the RAM; the same however sparse the file is.

    Holes are skipped; blocks of zeros count like holes, since a copy may fill these.
    """
    hashed = hashlib.sha256(memory.to_bytes(8, "big"))
    at = 0
    while at < memory:
        at = _next_data(descriptor, at, memory)
        block = os.pread(descriptor, min(_BLOCK, memory - at), at)
        if not block:
            break
        if block != _ZEROS[: len(block)]:
            hashed.update(at.to_bytes(8, "big"))
            hashed.update(block)
        at += len(block)
    return hashed.hexdigest()


def _next_data(descriptor: int, at: int, end: int) -> int:
    """The block in which there is data again."""
    try:
        found = os.lseek(descriptor, at, os.SEEK_DATA)
    except OSError:  # nothing but holes to the end of the file
        return end
    return min(max(at, found - found % _BLOCK), end)
