"""The image store: references to blobs that a machine can boot from or see as a ROM."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING

from ukrom import roms
from ukrom.cloud.ports import Image, StoredBlob
from ukrom.errors import ImageError, ImageNotFound
from ukrom.images.architectures import Architecture, host_architecture, known_architecture
from ukrom.images.blobs import Blob, Blobs
from ukrom.images.documents import Contents, Layer, read_contents, write_contents
from ukrom.images.initrd import layer_of, payload_of
from ukrom.images.references import Reference
from ukrom.images.tags import Entry, Tags

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

__all__ = ["ImageStore"]

_INLINE = "inline-1"
"""Names the way inline ROMs are packed; a new way gets a new name, so that old ones are not reused."""


class ImageStore:
    """Images of one emulator: names of its own over blobs that all share.

    Two emulators may have different images under one name at the same time, and each finds its own.

    Args:
        blobs: The folder of the blobs, shared by all runs and processes.
        index: The `index.json` of this emulator alone.
    """

    def __init__(self, blobs: Path, index: Path) -> None:
        self.blobs = Blobs(blobs)
        self._tags = Tags(index, blobs)
        self._known: dict[Blob, Contents] = {}
        # Every create resolves; what a digest stands for never changes, so no file is read for it twice.
        self._payloads: dict[str, Blob] = {}
        self._formats: dict[str, roms.RomFormat] = {}

    def resolve(self, reference: str) -> Image:
        """Find an image.

        Raises:
            BadReference: The text is no reference.
            ImageNotFound: There is no such image.
            ImageError: The image is there, but its files are damaged.
        """
        wanted = Reference.parse(reference)
        for entry in reversed(self._tags.all()):
            if entry.repository == wanted.name and self._fits(entry, wanted):
                return self._image(entry, wanted)
        raise ImageNotFound(f"There is no image {str(wanted)!r}.", remedy=self._offer())

    def images(self) -> list[Image]:
        """All images that have a tag, oldest first; one image with several tags is one."""
        seen: dict[tuple[str, Blob], Entry] = {}
        for entry in self._tags.all():
            if entry.tag is not None:
                seen.setdefault((entry.repository, entry.index), entry)
        return [
            self._image(entry, Reference.parse(f"{entry.repository}:{entry.tag}")) for entry in seen.values()
        ]

    def put_rom(
        self,
        reference: str,
        rom: bytes | Path,
        format: roms.RomFormat = "erofs",  # noqa: A002  the platform's own word
        *,
        architecture: str | None = None,
    ) -> Image:
        """Store a ROM image of one layer.

        Args:
            reference: Its name and tag.
            rom: The bytes, or a file with them, which is copied.
            format: What the bytes are.
            architecture: Of the base images it goes with; this machine's if not given.

        Raises:
            BadReference: The name is no reference.
            ImageError: The bytes are not whole pages, or not of that format.
        """
        name = Reference.parse(reference)
        layer = self.blobs.put(rom) if isinstance(rom, bytes) else self.blobs.copy(rom)
        if layer.size == 0 or layer.size % roms.PAGE:
            raise ImageError(
                f"The ROM for {reference!r} has {layer.size} bytes, which is no multiple of {roms.PAGE}.",
                remedy="Pack it by ukrom.roms.build, which pads it with zeros.",
            )
        self._stored(layer, format)
        contents = Contents(_architecture(architecture), (Layer(layer, is_rom=True),))
        return self._put(name, contents)

    def put_image(
        self,
        reference: str,
        root: Path | StoredBlob,
        format: roms.RomFormat = "erofs",  # noqa: A002  the platform's own word
        args: Sequence[str] = (),
        env: Mapping[str, str] | None = None,
        *,
        architecture: str | None = None,
        warm: Iterable[Sequence[str]] = (),
    ) -> Image:
        """Store an image with a root file system.

        Args:
            reference: Its name and tag.
            root: A file with the root file system, which is copied; or a blob of this store.
            format: What the root file system is.
            args: The command to run.
            env: The application's environment.
            architecture: This machine's if not given.
            warm: Commands to run before a snapshot layer of it is saved; see `Image.warm`.

        Raises:
            BadReference: The name is no reference.
            ImageError: The file cannot be read, or is not of that format.
        """
        name = Reference.parse(reference)
        payload = Blob(root.digest, root.size) if isinstance(root, StoredBlob) else self.blobs.copy(root)
        self._stored(payload, format)
        layer = Layer(layer_of(self.blobs, payload), is_rom=False)
        pairs = tuple((env or {}).items())
        commands = tuple(map(tuple, warm))
        return self._put(
            name, Contents(_architecture(architecture), (layer,), tuple(args), pairs, warm=commands)
        )

    def adopt(self, path: Path, format: roms.RomFormat) -> StoredBlob:  # noqa: A002
        """Take a finished file into the store by moving it, which is possible within one file system.

        Raises:
            ImageError: It is not of that format.
        """
        return self._stored(self.blobs.adopt(path), format)

    def tag(self, reference: str, digest: str) -> Image:
        """Give an image that some emulator of this folder has stored a name in this one.

        Raises:
            BadReference: The name is no reference.
            ImageNotFound: There is no image of that digest.
            ImageError: The image is there, but its files are damaged.
        """
        name = Reference.parse(reference)
        path = self.blobs.path(digest)
        if not path.exists():
            raise ImageNotFound(f"There is no image {digest} to be named {reference!r}.")
        index = Blob(digest, path.stat().st_size)
        self._contents(index)
        return self._image(self._tags.put(name, index), name)

    def pack_inline(self, files: Iterable[roms.NamedBytes]) -> StoredBlob:
        """Pack the files of an inline ROM; the same files are packed once (specification, Part E.2).

        Raises:
            RomError: There are no files, or a path is broken.
            MissingTool: The machine lacks `mkfs.erofs`.
        """
        listed = tuple(files)
        key = _key_of(listed)
        blob = self.blobs.recorded(_INLINE, key)
        if blob is None or not self.blobs.holds(blob):
            blob = self.blobs.put(roms.build(listed))
            self.blobs.record(_INLINE, key, blob)
        return self._stored(blob, "erofs")

    def _put(self, name: Reference, contents: Contents) -> Image:
        return self._image(self._tags.put(name, write_contents(self.blobs, contents)), name)

    def _contents(self, index: Blob) -> Contents:
        found = self._known.get(index)
        if found is None:
            found = self._known[index] = read_contents(self.blobs, index, host_architecture())
        return found

    def _fits(self, entry: Entry, wanted: Reference) -> bool:
        if wanted.digest is None:
            return entry.tag == wanted.tag
        if entry.index.digest == wanted.digest:
            return True
        manifest = self._contents(entry.index).manifest
        return manifest is not None and manifest.digest == wanted.digest

    def _image(self, entry: Entry, wanted: Reference) -> Image:
        contents = self._contents(entry.index)
        roots = [self._root(layer.blob) for layer in contents.layers if not layer.is_rom]
        return Image(
            reference=wanted.pinned(entry.index.digest),
            digest=entry.index.digest,
            architecture=contents.architecture,
            root=roots[0] if roots else None,
            roms=tuple(self._found(layer.blob) for layer in contents.layers if layer.is_rom),
            args=contents.args,
            env=dict(contents.env),
            warm=contents.warm,
            created_at=entry.created,
            size=sum(layer.blob.size for layer in contents.layers),
            tags=tuple(
                other.tag
                for other in self._tags.all()
                if (other.repository, other.index) == (entry.repository, entry.index)
                and other.tag is not None
            ),
        )

    def _root(self, layer: Blob) -> StoredBlob:
        payload = self._payloads.get(layer.digest)
        if payload is None:
            payload = self._payloads[layer.digest] = payload_of(self.blobs, layer.digest)
        return self._found(payload)

    def _found(self, blob: Blob) -> StoredBlob:
        path = self.blobs.check(blob)
        form = self._formats.get(blob.digest)
        if form is None:
            form = self._formats[blob.digest] = roms.detect(path)
        return StoredBlob(path, blob.size, blob.digest, form)

    def _stored(self, blob: Blob, form: roms.RomFormat) -> StoredBlob:
        """Check what a blob is said to be; raw says nothing."""
        found = self._found(blob)
        if form not in {found.format, "raw"}:
            raise ImageError(
                f"The content is said to be {form}, but its magic says {found.format}.",
                remedy="Name the format it has, or pack it by ukrom.roms.build.",
            )
        return replace(found, format=form)

    def _offer(self) -> str:
        names = sorted({f"{entry.repository}:{entry.tag}" for entry in self._tags.all() if entry.tag})
        if not names:
            return "Build it first; no image is stored yet."
        return f"Build it first, or use one of: {', '.join(Reference.parse(name).short for name in names)}."


def _architecture(text: str | None) -> Architecture:
    return host_architecture() if text is None else known_architecture(text)


def _key_of(files: Sequence[roms.NamedBytes]) -> str:
    hashed = hashlib.sha256()
    for file in sorted(files, key=lambda file: file.path):
        for part in (file.path.removeprefix("/").encode("utf-8", "surrogateescape"), file.data):
            hashed.update(len(part).to_bytes(8, "big") + part)
    return hashed.hexdigest()
