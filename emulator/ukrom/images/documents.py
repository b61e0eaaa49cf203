"""The JSON documents of an image: index, manifest, config (images and clients, section 1)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from ukrom.errors import ImageError
from ukrom.images.architectures import Architecture, known_architecture
from ukrom.images.blobs import Blob, Blobs
from ukrom.images.initrd import INITRD_PATH

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["INDEX_TYPE", "Contents", "Layer", "dump", "read_contents", "write_contents"]

INDEX_TYPE = "application/vnd.oci.image.index.v1+json"
_MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
_CONFIG_TYPE = "application/vnd.oci.image.config.v1+json"
_TAR_TYPE = "application/vnd.oci.image.layer.v1.tar"
_ROM_TYPE = "application/vnd.unikraft.rom.v1"
_INITRD_ANNOTATION = "org.unikraft.kernel.initrd"
_CREATED_ANNOTATION = "org.opencontainers.image.created"
_PLATFORM = "kraftcloud"
_WARM_LABEL = "ukrom.warm"
"""A JSON array of commands, each an array of strings; our own, and of no meaning to the platform."""
_EPOCH = "1970-01-01T00:00:00Z"
"""[choice] Images carry no time of their own: the same content has the same digest. Tags have the time."""

Json: TypeAlias = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Layer:
    """A layer as the manifest names it."""

    blob: Blob
    is_rom: bool
    """Whether it is a ROM; otherwise it is the tar around the root file system."""


@dataclass(frozen=True, slots=True)
class Contents:
    """What the documents of an image say."""

    architecture: Architecture
    layers: tuple[Layer, ...]
    args: tuple[str, ...] = ()
    env: tuple[tuple[str, str], ...] = ()
    warm: tuple[tuple[str, ...], ...] = ()
    """Commands to run before a snapshot layer of the image is saved."""
    manifest: Blob | None = None
    """The manifest of the platform that was chosen; None before it is written."""


def dump(document: Json) -> bytes:
    """Serialise a document as the platform's tools do: indented by two (section 1.1)."""
    return json.dumps(document, indent=2).encode()


def write_contents(blobs: Blobs, contents: Contents) -> Blob:
    """Store config, manifest and index of an image, and give the index."""
    platform = {"os": _PLATFORM, "architecture": contents.architecture}
    created = {_CREATED_ANNOTATION: _EPOCH}
    config = blobs.put(dump(_config(contents, platform)))
    manifest = blobs.put(
        dump(
            {
                "schemaVersion": 2,
                "mediaType": _MANIFEST_TYPE,
                "config": _descriptor(_CONFIG_TYPE, config),
                "layers": [_layer_descriptor(layer) for layer in contents.layers],
                "annotations": created,
            }
        )
    )
    entry = _descriptor(_MANIFEST_TYPE, manifest) | {"platform": platform, "annotations": created}
    return blobs.put(dump({"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": [entry]}))


def read_contents(blobs: Blobs, index: Blob, prefer: Architecture) -> Contents:
    """Read the documents of an image, those of the architecture `prefer` if it has several.

    Raises:
        ImageError: A document is missing, damaged or not of the form it should have.
    """
    try:
        entry = _choose(json.loads(blobs.read(index))["manifests"], prefer)
        manifest = _blob(entry)
        document = json.loads(blobs.read(manifest))
        config = json.loads(blobs.read(_blob(document["config"])))
        settings = config.get("config") or {}
        return Contents(
            architecture=known_architecture(config.get("architecture") or entry["platform"]["architecture"]),
            layers=tuple(layer for item in document["layers"] if (layer := _layer(item)) is not None),
            args=(*(settings.get("Entrypoint") or ()), *(settings.get("Cmd") or ())),
            env=tuple(_variable(text) for text in settings.get("Env") or ()),
            warm=_warm((settings.get("Labels") or {}).get(_WARM_LABEL)),
            manifest=manifest,
        )
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise ImageError(
            f"The documents of the image {index.digest} cannot be understood: {error!r}.",
            remedy="Build or push the image anew.",
        ) from error


def _config(contents: Contents, platform: Mapping[str, str]) -> Json:
    settings: Json = {}
    if contents.env:
        settings["Env"] = [f"{name}={value}" for name, value in contents.env]
    if contents.args:
        settings["Cmd"] = list(contents.args)
    if contents.warm:
        settings["Labels"] = {_WARM_LABEL: json.dumps(contents.warm)}
    return {
        "created": _EPOCH,
        **platform,
        "config": settings,
        "rootfs": {"type": "layers", "diff_ids": [layer.blob.digest for layer in contents.layers]},
    }


def _layer_descriptor(layer: Layer) -> Json:
    if layer.is_rom:
        return _descriptor(_ROM_TYPE, layer.blob)
    return _descriptor(_TAR_TYPE, layer.blob) | {"annotations": {_INITRD_ANNOTATION: INITRD_PATH}}


def _layer(item: Json) -> Layer | None:
    """Know a root file system by its annotation, a ROM by its type (section 1.3); skip the rest."""
    is_rom = item["mediaType"] == _ROM_TYPE
    if not is_rom and _INITRD_ANNOTATION not in (item.get("annotations") or {}):
        return None
    return Layer(_blob(item), is_rom)


def _choose(manifests: Sequence[Json], prefer: Architecture) -> Json:
    def rank(entry: Json) -> tuple[bool, bool]:
        platform = entry.get("platform") or {}
        try:
            fits = known_architecture(platform.get("architecture", "")) == prefer
        except ImageError:
            fits = False
        return (platform.get("os") != _PLATFORM, not fits)

    return min(manifests, key=rank)


def _descriptor(media_type: str, blob: Blob) -> Json:
    return {"mediaType": media_type, "digest": blob.digest, "size": blob.size}


def _blob(descriptor: Json) -> Blob:
    return Blob(descriptor["digest"], descriptor["size"])


def _warm(label: str | None) -> tuple[tuple[str, ...], ...]:
    commands: Any = json.loads(label) if label else []
    are_lists = all(isinstance(each, list) for each in (commands, *commands))
    if not are_lists or not all(isinstance(word, str) for command in commands for word in command):
        raise ValueError(f"the label {_WARM_LABEL} is no list of commands")
    return tuple(map(tuple, commands))


def _variable(text: str) -> tuple[str, str]:
    name, _, value = text.partition("=")
    return name, value
