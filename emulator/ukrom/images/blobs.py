"""Content-addressed files, shared by all processes and runs that use one folder.

    <folder>/sha256/<hex>         the blobs, as in an OCI layout; read-only once they are there
    <folder>/.ukrom/partial/      blobs that are being written
    <folder>/.ukrom/<kind>/<hex>  records: which blob was made out of what

A blob appears under its name by one rename, whole or not at all.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ukrom.errors import ImageError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Blob", "Blobs"]

_CHUNK = 1 << 20
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Blob:
    """Which bytes, and how many."""

    digest: str
    """`sha256:<64 hex>`."""
    size: int
    """In bytes."""


class Blobs:
    """The blobs of a folder.

    Args:
        folder: Made if it is not there.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._partial = folder / ".ukrom" / "partial"
        for needed in (folder / "sha256", self._partial):
            needed.mkdir(parents=True, exist_ok=True)

    def path(self, digest: str) -> Path:
        """Where a blob is, or would be.

        Raises:
            ImageError: The text is no SHA-256 digest.
        """
        if not _DIGEST.fullmatch(digest):
            raise ImageError(f"{digest!r} is no digest of a stored blob (sha256:<64 hex digits>).")
        return self.folder / "sha256" / digest.removeprefix("sha256:")

    def holds(self, blob: Blob) -> bool:
        """Whether a blob is there, at its full size."""
        try:
            return self.path(blob.digest).stat().st_size == blob.size
        except FileNotFoundError:
            return False

    def check(self, blob: Blob) -> Path:
        """Give the path of a blob.

        Raises:
            ImageError: It is not there, or not at its full size.
        """
        path = self.path(blob.digest)
        try:
            found = path.stat().st_size
        except FileNotFoundError:
            found = None
        if found != blob.size:
            what = "is missing" if found is None else f"has {found} bytes instead of {blob.size}"
            raise ImageError(
                f"The stored blob {str(path)!r} {what}.",
                remedy="Delete that file, if it is there, and build the image or ROM anew.",
            )
        return path

    def put(self, data: bytes, *, expected: Blob | None = None) -> Blob:
        """Store bytes.

        Args:
            data: The content.
            expected: What the content is said to be.

        Raises:
            ImageError: The content is not what was expected.
        """
        blob = Blob(f"sha256:{hashlib.sha256(data).hexdigest()}", len(data))
        _compare(blob, expected)
        if not self.holds(blob):
            with self.partial() as path:
                path.write_bytes(data)
                self._settle(path, blob)
        return blob

    def copy(self, source: Path, *, expected: Blob | None = None) -> Blob:
        """Store a copy of a file that stays with its owner.

        Raises:
            ImageError: The file cannot be read, or is not what was expected.
        """
        with self.partial() as path:
            try:
                shutil.copyfile(source, path)
            except OSError as error:
                raise ImageError(f"{str(source)!r} cannot be read: {error.strerror}.") from error
            return self.adopt(path, expected=expected)

    def adopt(self, source: Path, *, expected: Blob | None = None) -> Blob:
        """Store a file by moving it here; it must lie in the file system of the folder.

        Raises:
            ImageError: The file is not what was expected.
        """
        with source.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
            blob = Blob(f"sha256:{digest}", stream.tell())
        _compare(blob, expected)
        if self.holds(blob):
            source.unlink()
        else:
            self._settle(source, blob)
        return blob

    def read(self, blob: Blob) -> bytes:
        """Give the content of a small blob, checked against its digest.

        Raises:
            ImageError: It is not there, or damaged.
        """
        path = self.check(blob)
        data = path.read_bytes()
        if f"sha256:{hashlib.sha256(data).hexdigest()}" != blob.digest:
            raise ImageError(
                f"The stored blob {str(path)!r} is damaged: its content has another digest.",
                remedy="Delete that file and build the image or ROM anew.",
            )
        return data

    def partial(self) -> _Partial:
        """Lend a path in the folder's file system, for a file that may become a blob.

        Raises:
            ImageError: (when it is entered) The folder cannot be written.
        """
        return _Partial(self._partial)

    def record(self, kind: str, key: str, blob: Blob) -> None:
        """Remember which blob belongs to a key."""
        target = self.folder / ".ukrom" / kind / key
        target.parent.mkdir(exist_ok=True)
        with self.partial() as path:
            path.write_text(f"{blob.digest} {blob.size}\n")
            path.replace(target)

    def recorded(self, kind: str, key: str) -> Blob | None:
        """Which blob was remembered under a key, if any; it may be gone by now."""
        try:
            digest, size = (self.folder / ".ukrom" / kind / key).read_text().split()
        except FileNotFoundError:
            return None
        return Blob(digest, int(size))

    def chunks(self, blob: Blob) -> Iterator[bytes]:
        """Give the content of a blob piece by piece.

        Raises:
            ImageError: It is not there, or not at its full size.
        """
        with self.check(blob).open("rb") as stream:
            while chunk := stream.read(_CHUNK):
                yield chunk

    def _settle(self, path: Path, blob: Blob) -> None:
        path.chmod(0o444)
        path.replace(self.path(blob.digest))


class _Partial:
    """A path for a file that is being written; what is left of it at the end is removed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._path: Path | None = None

    def __enter__(self) -> Path:
        try:
            descriptor, name = tempfile.mkstemp(dir=self._folder)
        except OSError as error:
            raise ImageError(
                f"Nothing can be stored in {self._folder}: {error.strerror}.",
                remedy="Make room or give the right to write there, or set UKROM_CACHE to another folder.",
            ) from error
        os.close(descriptor)
        self._path = Path(name)
        return self._path

    def __exit__(self, *_: object) -> None:
        if self._path is not None:
            self._path.unlink(missing_ok=True)


def _compare(found: Blob, expected: Blob | None) -> None:
    if expected is not None and found != expected:
        raise ImageError(
            f"The content is not what it was said to be: {found.digest} of {found.size} bytes instead of "
            f"{expected.digest} of {expected.size} bytes.",
            remedy="Transfer or build it again.",
        )
