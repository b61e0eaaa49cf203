"""The cache of layers: one file each, shared by all workers and runs."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import os
import shutil
import tempfile
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

from filelock import FileLock, Timeout

from ukrom.errors import UkromError
from ukrom.qemu.layers.file import BadLayer, LayerFile, read_layer, write_trailer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path
    from types import TracebackType

    from ukrom.qemu.layers.key import LayerKey

__all__ = ["Layer", "LayerStore", "LayersUnusable", "NewLayer", "StoredLayer"]

_log = logging.getLogger(__name__)

_SUFFIX = ".layer"
_LOOK_AGAIN_S = 0.05
_SPARE = 64 << 20
"""Bytes to stay free beside a new layer: QEMU dies by SIGBUS where its memory finds no room on the disk."""


class LayersUnusable(UkromError):
    """No layer can be stored here; instances start without."""


@dataclass(frozen=True, slots=True)
class StoredLayer:
    """A layer's file as a listing shows it."""

    path: Path
    size: int
    """Bytes on the disk."""
    used: float
    """When it was last used, in seconds since the epoch."""


@dataclass(slots=True)
class Layer:
    """A layer that machines can start from. Its file may be deleted meanwhile: it stays open."""

    key: LayerKey
    content: LayerFile
    descriptor: int
    _seen: tuple[int, ...]

    @property
    def holds_root(self) -> bool:
        """Whether an image is mounted in it: layer 2, not 1."""
        return "root" in self.key.of

    def is_unchanged(self) -> bool:
        """Whether nobody has written to its file since it was checked."""
        return _identity(self.descriptor) == self._seen

    def lend(self) -> Layer:
        """The same layer, to be closed apart."""
        return replace(self, descriptor=os.dup(self.descriptor))

    def close(self) -> None:
        """Let go of the file."""
        os.close(self.descriptor)


class LayerStore:
    """The folder of the layers.

    Args:
        folder: Made when the first layer is.
        limit: Bytes that all layers may take; above it, those that were not used for longest go.
    """

    def __init__(self, folder: Path, limit: int) -> None:
        self.folder = folder
        self.limit = limit

    def path(self, key: LayerKey) -> Path:
        """Where a layer is, or would be."""
        return self.folder / f"{key.digest}{_SUFFIX}"

    def find(self, key: LayerKey) -> Layer | None:
        """Open a layer and check the whole of it; one that is damaged or foreign is removed. Blocks."""
        path = self.path(key)
        try:
            descriptor = _open(path)
        except OSError:
            return None
        try:
            seen = _identity(descriptor)
            content = read_layer(descriptor)
            if content.of != key.of or content.memory != key.memory:
                raise BadLayer("It is the layer of something else.")  # noqa: TRY301 - handled as those below
        except (BadLayer, OSError) as error:
            os.close(descriptor)
            _log.warning("the snapshot layer %s is not used: %s", path.name, error)
            self.discard(key)
            return None
        self._touch(path)
        return Layer(key, content, descriptor, seen)

    def discard(self, key: LayerKey) -> None:
        """Remove a layer that is of no use; machines that run from it keep their memory."""
        with contextlib.suppress(OSError):
            self.path(key).unlink()

    @asynccontextmanager
    async def making(self, key: LayerKey) -> AsyncIterator[None]:
        """Be the only one, among all processes, who makes this layer.

        Raises:
            LayersUnusable: The folder cannot be written.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            lock = FileLock(self.folder / f"{key.digest}.lock", timeout=0)
            # Nothing tells a loop when another process lets go of a lock, and a thread that waits for it
            # could not be called off.
            while not _taken(lock):  # noqa: ASYNC110
                await asyncio.sleep(_LOOK_AGAIN_S)
        except OSError as error:
            raise _unusable(self.folder, error) from error
        try:
            yield
        finally:
            lock.release()

    def new(self, key: LayerKey) -> NewLayer:
        """Begin a layer.

        Raises:
            LayersUnusable: The folder cannot be written, or the disk is too full.
        """
        try:
            free = shutil.disk_usage(self.folder).free
            if free < key.memory + _SPARE:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))  # noqa: TRY301
            return NewLayer(self, key)
        except OSError as error:
            raise _unusable(self.folder, error) from error

    def stored(self) -> list[StoredLayer]:
        """All layers, those that were not used for longest first."""
        found = []
        for path in self.folder.glob(f"*{_SUFFIX}"):
            with contextlib.suppress(FileNotFoundError):
                status = path.stat()
                found.append(StoredLayer(path, status.st_blocks * 512, status.st_atime))
        return sorted(found, key=lambda layer: layer.used)

    def prune(self, limit: int | None = None, spare: Path | None = None) -> list[StoredLayer]:
        """Remove what was not used for longest until the rest fits; gives what was removed.

        Args:
            limit: Bytes; the store's own limit if not given.
            spare: A layer that stays, whatever it takes.
        """
        limit = self.limit if limit is None else limit
        layers = self.stored()
        total = sum(layer.size for layer in layers)
        removed = []
        for layer in layers:
            if total <= limit:
                break
            if layer.path == spare:
                continue
            with contextlib.suppress(OSError):
                layer.path.unlink()
                layer.path.with_suffix(".lock").unlink(missing_ok=True)
                removed.append(layer)
                total -= layer.size
        return removed

    def _touch(self, path: Path) -> None:
        """Note the use by the time of access alone: that of a change tells whether the content did."""
        with contextlib.suppress(OSError):
            status = path.stat()
            os.utime(path, ns=(max(status.st_atime_ns + 1, time.time_ns()), status.st_mtime_ns))


class NewLayer:
    """A layer in the making: a file without a name, so that nothing is left of it if the process is killed.

    Where the file system has no such files it has a hidden name, which the next maker of the layer removes.
    """

    def __init__(self, store: LayerStore, key: LayerKey) -> None:
        self._store = store
        self._key = key
        self._hidden = store.folder / f".{key.digest}.part"
        self.descriptor = self._create()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self.descriptor)
        self._hidden.unlink(missing_ok=True)

    def fill(self, layer: Layer) -> None:
        """Begin with the memory of another layer. Blocks for some 50 ms for each 100 MiB.

        Raises:
            LayersUnusable: The disk is full.
        """
        try:
            _copy(layer.descriptor, self.descriptor, layer.content.memory)
        except OSError as error:
            raise _unusable(self._store.folder, error) from error

    def settle(self, state: bytes) -> Layer:
        """Complete the layer, whose guest has stopped, and give it its name. Blocks.

        Returns:
            The layer, to be closed apart.

        Raises:
            LayersUnusable: The disk is full.
        """
        try:
            content = write_trailer(self.descriptor, self._key.memory, state, self._key.of)
            if not self._hidden.exists():
                _name(self.descriptor, self._hidden)
            self._hidden.replace(self._store.path(self._key))
        except OSError as error:
            raise _unusable(self._store.folder, error) from error
        self._store.prune(spare=self._store.path(self._key))
        return Layer(self._key, content, os.dup(self.descriptor), _identity(self.descriptor))

    def _create(self) -> int:
        self._hidden.unlink(missing_ok=True)
        try:
            descriptor = os.open(self._store.folder, os.O_RDWR | os.O_TMPFILE | os.O_CLOEXEC, 0o600)
        except OSError as error:
            if error.errno not in {errno.EOPNOTSUPP, errno.EISDIR, errno.EINVAL}:
                raise
            descriptor = os.open(self._hidden, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            os.ftruncate(descriptor, self._key.memory)
        except OSError:  # more than a file may have here
            os.close(descriptor)
            self._hidden.unlink(missing_ok=True)
            raise
        return descriptor


def _open(path: Path) -> int:
    """Open a layer for QEMU, which opens it again by its descriptor, to write, though it never does.

    On a read-only file system that takes a copy, without a name.
    """
    try:
        return os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except OSError as error:
        if error.errno not in {errno.EROFS, errno.EACCES, errno.EPERM}:
            raise
    with path.open("rb") as original, tempfile.TemporaryFile() as copy:
        _copy(original.fileno(), copy.fileno(), os.fstat(original.fileno()).st_size)
        return os.dup(copy.fileno())


def _name(descriptor: int, path: Path) -> None:
    """Give a file without a name one."""
    anywhere = os.open(path.parent, os.O_RDONLY | os.O_CLOEXEC)
    try:
        # Without a folder's descriptor, os.link calls link(2), which would link the link in /proc itself.
        os.link(f"/proc/self/fd/{descriptor}", path, src_dir_fd=anywhere, follow_symlinks=True)
    finally:
        os.close(anywhere)


def _copy(source: int, target: int, size: int) -> None:
    """Copy the data of a sparse file; holes stay holes."""
    os.ftruncate(target, size)
    at = 0
    while at < size:
        try:
            begin = os.lseek(source, at, os.SEEK_DATA)
        except OSError:  # nothing but a hole to the end
            return
        end = min(os.lseek(source, begin, os.SEEK_HOLE), size)
        at = begin
        while at < end:
            copied = (
                os.sendfile(target, source, at, end - at) if os.lseek(target, at, os.SEEK_SET) == at else 0
            )
            if not copied:
                return
            at += copied


def _identity(descriptor: int) -> tuple[int, ...]:
    status = os.fstat(descriptor)
    return (status.st_size, status.st_mtime_ns)


def _taken(lock: FileLock) -> bool:
    try:
        lock.acquire()
    except Timeout:
        return False
    return True


def _unusable(folder: Path, error: OSError) -> LayersUnusable:
    return LayersUnusable(
        f"No snapshot layer can be stored in {folder}: {error.strerror or error}.",
        remedy="Make room there or give the right to write; instances start without layers until then.",
    )
