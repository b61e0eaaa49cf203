"""The layer in which an image carries its root file system: a tar that holds one file.

A guest needs the file system as a plain file, the image format wants it in a tar (images and
clients, section 1.3). The tar is never stored: it is a header, the payload and zeros, so its digest
can be had without it, and its bytes be given on demand. Only the payload is on disk, once.
"""

from __future__ import annotations

import hashlib
import tarfile
from typing import TYPE_CHECKING

from ukrom.errors import ImageError
from ukrom.images.blobs import Blob

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ukrom.images.blobs import Blobs

__all__ = ["INITRD_PATH", "layer_chunks", "layer_of", "payload_of"]

INITRD_PATH = "/unikraft/bin/initrd"
"""The value of the layer's annotation; the entry in the tar has no leading slash."""

_PAYLOAD_OF = "payload-of"
_LAYER_OF = "layer-of"


def layer_of(blobs: Blobs, payload: Blob) -> Blob:
    """Say what the tar layer around a stored payload is, and remember which payload it has."""
    known = blobs.recorded(_LAYER_OF, _hex(payload.digest))
    if known is not None:
        return known
    hashed, size = hashlib.sha256(), 0
    for chunk in layer_chunks(blobs, payload):
        hashed.update(chunk)
        size += len(chunk)
    layer = Blob(f"sha256:{hashed.hexdigest()}", size)
    blobs.record(_PAYLOAD_OF, _hex(layer.digest), payload)
    blobs.record(_LAYER_OF, _hex(payload.digest), layer)
    return layer


def payload_of(blobs: Blobs, layer_digest: str) -> Blob:
    """Say which stored payload a layer has.

    Raises:
        ImageError: The layer is not known here.
    """
    known = blobs.recorded(_PAYLOAD_OF, _hex(layer_digest))
    if known is None:
        raise ImageError(
            f"The root file system layer {layer_digest} is not in the store {str(blobs.folder)!r}.",
            remedy="Build the image anew.",
        )
    return known


def layer_chunks(blobs: Blobs, payload: Blob) -> Iterator[bytes]:
    """Give the bytes of the tar layer around a stored payload, piece by piece."""
    entry = tarfile.TarInfo(INITRD_PATH.removeprefix("/"))
    entry.size = payload.size
    entry.mode = 0o644
    yield entry.tobuf(tarfile.GNU_FORMAT)
    yield from blobs.chunks(payload)
    yield bytes(-payload.size % tarfile.BLOCKSIZE + 2 * tarfile.BLOCKSIZE)


def _hex(digest: str) -> str:
    return digest.removeprefix("sha256:")
