"""From an instance to the machine that a runner is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ukrom.cloud.ports import MachineSpec, RomDevice
from ukrom.cloud.roms.sources import ImageSource, InlineImage
from ukrom.cloud.volumes.attaching import devices
from ukrom.errors import ImageError, ImageNotFound

from .states import PlatformCode

if TYPE_CHECKING:
    from ukrom.cloud.ports import Image, ImageStore, InlineFile, StoredBlob

    from .instance import Instance

__all__ = ["StartFailed", "machine_spec", "pull"]


class StartFailed(Exception):
    """An instance cannot start; its stop reason is the platform's, with this stop code."""

    def __init__(self, code: PlatformCode, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def pull(instance: Instance, store: ImageStore) -> None:
    """Resolve the image and the ROMs of an instance, as far as that is due.

    Raises:
        StartFailed: One does not exist, is damaged, is of the wrong kind, or is built for another
            architecture (specification, Part E.12).
    """
    image = _pulled(instance.source, store, "image")
    if image.root is None:
        message = f"image '{instance.source.order.reference}' has no root file system; it is a ROM"
        raise StartFailed(PlatformCode.NO_MEDIUM, message)
    for rom in instance.roms:
        if isinstance(rom.source, ImageSource):
            _check_rom(_pulled(rom.source, store, "ROM image"), rom.source, image)


def machine_spec(instance: Instance) -> MachineSpec:
    """Describe the machine of an instance whose image and ROMs are pulled."""
    image = instance.source.image
    assert image is not None
    group = instance.group
    return MachineSpec(
        uuid=instance.uuid,
        name=instance.name,
        hostname=instance.hostname,
        image=image,
        args=image.args if instance.args is None else instance.args,
        env={**image.env, **(instance.env or {})},
        memory_mb=instance.memory_mb,
        vcpus=instance.vcpus,
        roms=tuple(RomDevice(rom.name, rom.at, _content(rom.source)) for rom in instance.roms),
        ports=()
        if group is None
        else tuple(dict.fromkeys(service.destination_port for service in group.services)),
        volumes=devices(instance),
        preparing=instance.preparing,
    )


def _pulled(source: ImageSource, store: ImageStore, noun: str) -> Image:
    reference = source.order.reference
    try:
        return source.pull(store)
    except ImageNotFound as error:
        raise StartFailed(PlatformCode.NO_MEDIUM, f"{noun} '{reference}' not found") from error
    except ImageError as error:
        raise StartFailed(
            PlatformCode.NO_MEDIUM, f"{noun} '{reference}' cannot be used: {error.message}"
        ) from error


def _check_rom(rom: Image, source: ImageSource, base: Image) -> None:
    reference = source.order.reference
    if rom.architecture != base.architecture:
        message = (
            f"ROM image '{reference}' is built for {rom.architecture}, "
            f"but the base image '{base.reference}' for {base.architecture}"
        )
        raise StartFailed(PlatformCode.NO_MEDIUM, message)
    if rom.rom is None:
        raise StartFailed(PlatformCode.NO_MEDIUM, f"ROM image '{reference}' has no content")


def _content(source: ImageSource | InlineImage) -> StoredBlob | tuple[InlineFile, ...]:
    if isinstance(source, InlineImage):
        return source.files
    assert source.image is not None
    assert source.image.rom is not None
    return source.image.rom
