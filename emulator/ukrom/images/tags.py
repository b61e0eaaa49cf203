"""Which name leads to which image: the `index.json` of an OCI layout, private to one emulator."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from ukrom.errors import ImageError
from ukrom.images.blobs import Blob
from ukrom.images.documents import INDEX_TYPE, dump

if TYPE_CHECKING:
    from pathlib import Path

    from ukrom.images.references import Reference

__all__ = ["Entry", "Tags"]

_REF_NAME = "org.opencontainers.image.ref.name"
_REPOSITORY = "org.unikraft.image.name"
_CREATED = "org.opencontainers.image.created"


@dataclass(frozen=True, slots=True)
class Entry:
    """An image of a repository, and the tag that leads to it; None if the tag has moved on."""

    repository: str
    """With host: `unikraft.io/<org>/<name>`."""
    tag: str | None
    index: Blob
    created: datetime


class Tags:
    """The names of one emulator's images, in memory and in a file.

    Args:
        file: The `index.json`; its folder is made into an OCI layout.
        blobs: The folder of the blobs, to which the layout links if it is not in the layout itself.

    Raises:
        ImageError: There is a file, but it is no index.
    """

    def __init__(self, file: Path, blobs: Path) -> None:
        self._file = file
        self._lock = threading.Lock()
        file.parent.mkdir(parents=True, exist_ok=True)
        _make_layout(file.parent, blobs)
        self._entries = _load(file) if file.exists() else ()

    def all(self) -> tuple[Entry, ...]:
        """All entries, oldest first."""
        return self._entries

    def put(self, reference: Reference, index: Blob) -> Entry:
        """Lead a reference's tag to an image; an image that had the tag stays, by its digest."""
        tag = None if reference.digest else reference.tag
        entry = Entry(reference.name, tag, index, datetime.now(UTC))
        with self._lock:
            kept = []
            for old in self._entries:
                if (old.repository, old.tag) == (entry.repository, entry.tag) and tag is not None:
                    old = Entry(old.repository, None, old.index, old.created)  # noqa: PLW2901
                kept.append(old)
            self._entries = _without_doubles((*kept, entry))
            self._save()
        return entry

    def _save(self) -> None:
        document = {
            "schemaVersion": 2,
            "mediaType": INDEX_TYPE,
            "manifests": [_descriptor(entry) for entry in self._entries],
        }
        partial = self._file.with_name(f".{self._file.name}.partial")
        partial.write_bytes(dump(document))
        partial.replace(self._file)


def _without_doubles(entries: tuple[Entry, ...]) -> tuple[Entry, ...]:
    """Drop untagged entries of images that another entry of the repository names as well, or later."""
    named = {(entry.repository, entry.index) for entry in entries if entry.tag is not None}
    kept: dict[tuple[str, str | None, Blob], Entry] = {}
    for entry in entries:
        if entry.tag is not None or (entry.repository, entry.index) not in named:
            kept[entry.repository, entry.tag, entry.index] = entry
    return tuple(kept.values())


def _descriptor(entry: Entry) -> dict[str, Any]:
    annotations = {_REPOSITORY: entry.repository, _CREATED: entry.created.isoformat()}
    if entry.tag is not None:
        annotations[_REF_NAME] = f"{entry.repository}:{entry.tag}"
    return {
        "mediaType": INDEX_TYPE,
        "digest": entry.index.digest,
        "size": entry.index.size,
        "annotations": annotations,
    }


def _load(file: Path) -> tuple[Entry, ...]:
    try:
        return tuple(_entry(item) for item in json.loads(file.read_bytes())["manifests"])
    except (ValueError, LookupError, TypeError) as error:
        raise ImageError(
            f"{str(file)!r} is no index of images: {error!r}.", remedy="Delete it; blobs are kept elsewhere."
        ) from error


def _entry(item: dict[str, Any]) -> Entry:
    annotations = item["annotations"]
    repository, name = annotations[_REPOSITORY], annotations.get(_REF_NAME)
    return Entry(
        repository,
        None if name is None else name.removeprefix(f"{repository}:"),
        Blob(item["digest"], item["size"]),
        datetime.fromisoformat(annotations[_CREATED]),
    )


def _make_layout(folder: Path, blobs: Path) -> None:
    """Make a folder an OCI layout that other tools can read."""
    (folder / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    link = folder / "blobs"
    if not link.exists() and not link.is_symlink() and link.absolute() != blobs.absolute():
        link.symlink_to(blobs.absolute(), target_is_directory=True)
