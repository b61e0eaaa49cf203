"""How volumes are attached to instances, and detached (specification, Part D.18).

A guest gets its volumes when a run of its instance begins and has them until its next full stop:
what is attached in between waits for the next start, which a wake-up from standby is too, and what is
detached in between is let go at that stop.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ukrom.cloud.instances.instance import Mount
from ukrom.cloud.ports import Ability, VolumeDevice
from ukrom.cloud.refusals import ErrorCode, Refusal
from ukrom.cloud.roms.mounts import mount_path

from .states import MOUNT_TRANSITIONS, MountPhase, MountTrigger, VolumeState, VolumeTrigger

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ukrom.cloud.instances.instance import Instance
    from ukrom.cloud.orders import AttachOrder
    from ukrom.cloud.ports import Runner
    from ukrom.cloud.settings import Limits
    from ukrom.cloud.space import Space

    from .volume import Volume

__all__ = [
    "attach_volume",
    "check_attachable",
    "check_count",
    "check_runner",
    "detach_volume",
    "devices",
    "free_path",
    "join",
    "mount_all",
    "part",
    "unmount_all",
]

_READY = frozenset({VolumeState.AVAILABLE, VolumeState.IDLE, VolumeState.MOUNTED})


def attach_volume(space: Space, volume: Volume, order: AttachOrder) -> None:
    """Attach a volume; the guest of an instance that is up gets it at its next start.

    Raises:
        Refusal: Code 1 when the instance's runner has no volumes, 5 for too many, 7 for a mount path
            that is bad or taken, 8 for an unknown instance, 15 when another instance, or this one,
            has the volume, 24 when it is not ready.
    """
    instance = space.instance(order.attach_to)
    check_runner(space.cloud.runner_of(instance))
    if instance.uuid in volume.attached_to:
        message = f"Volume '{volume.name}' is attached to '{instance.name}' already"
        raise Refusal(ErrorCode.ATTACHED, message)
    check_attachable(volume, readonly=order.readonly)
    check_count(len(instance.volumes) + 1, space.cloud.settings.limits)
    taken = (*(rom.at for rom in instance.roms), *(mount.at for mount in instance.volumes))
    join(instance, volume, free_path(order.at, taken), readonly=order.readonly)


def detach_volume(volume: Volume, instance: Instance | None) -> None:
    """Detach a volume, from every instance unless one is named; it is persistent from now on.

    Raises:
        Refusal: Code 21; it is not attached.
    """
    if instance is not None and instance.uuid not in volume.attached_to:
        message = f"Volume '{volume.name}' is not attached to '{instance.name}'"
        raise Refusal(ErrorCode.NOT_ATTACHED, message)
    if not volume.attached_to:
        raise Refusal(ErrorCode.NOT_ATTACHED, f"Volume '{volume.name}' is not attached")
    # At once, though a guest may have it for some time yet: its instance may be deleted before.
    volume.persistent = True
    for one in tuple(volume.attached_to.values()) if instance is None else (instance,):
        _follow(one, _mount_of(one, volume), MountTrigger.DETACH)


def devices(instance: Instance) -> tuple[VolumeDevice, ...]:
    """Describe the volumes that the machine of an instance gets."""
    return tuple(
        VolumeDevice(
            uuid=mount.volume.uuid,
            size_mb=mount.volume.size_mb,
            at=mount.at,
            readonly=mount.readonly,
            filesystem=mount.volume.filesystem,
            source=mount.volume.source,
        )
        for mount in instance.volumes
    )


def join(instance: Instance, volume: Volume, at: str, *, readonly: bool) -> None:
    """Attach a volume that was found to be attachable."""
    volume.attached_to[instance.uuid] = instance
    volume.move(VolumeTrigger.ATTACH)
    instance.volumes.append(Mount(volume, at, readonly))


def part(instance: Instance, mount: Mount) -> None:
    """Detach a volume at once."""
    volume = mount.volume
    instance.volumes.remove(mount)
    volume.attached_to.pop(instance.uuid, None)
    if not volume.mounted_by():
        volume.move(VolumeTrigger.UNMOUNT)
    if not volume.attached_to:
        volume.move(VolumeTrigger.DETACH)


def mount_all(instance: Instance) -> None:
    """Have the guest of an instance, whose run begins, get all that is attached."""
    for mount in tuple(instance.volumes):
        _follow(instance, mount, MountTrigger.START)


def unmount_all(instance: Instance) -> None:
    """Let go what the guest of an instance had, after its full stop."""
    for mount in tuple(instance.volumes):
        _follow(instance, mount, MountTrigger.STOP)


def check_runner(runner: Runner) -> None:
    """Check that a runner's machines can have volumes.

    Raises:
        Refusal: Code 1; they cannot.
    """
    if Ability.VOLUMES not in runner.abilities:
        message = f"Volumes of instances are not emulated yet by the runner '{runner.name}'"
        raise Refusal(ErrorCode.NOT_SUPPORTED, message)


def check_attachable(volume: Volume, *, readonly: bool) -> None:
    """Check that a volume can be attached to one more instance.

    Raises:
        Refusal: Code 15; another instance has it, and it is for one alone. 24; it is not ready. 7; it
            is for readers, and is to be written.
    """
    if volume.state not in _READY:
        message = f"Volume '{volume.name}' is in state '{volume.state.value}' and cannot be attached"
        raise Refusal(ErrorCode.CANNOT_BE_USED, message)
    if volume.attached_to and not volume.shareable:
        (holder, *_) = volume.attached_to.values()
        message = f"Volume '{volume.name}' is attached to '{holder.name}', and its access mode is 'rwo'"
        raise Refusal(ErrorCode.ATTACHED, message)
    if volume.access_mode == "rox" and not readonly:
        message = f"Volume '{volume.name}' has the access mode 'rox': it needs 'readonly'"
        raise Refusal(ErrorCode.INVALID, message)


def check_count(count: int, limits: Limits) -> None:
    """Check how many volumes an instance is to have.

    Raises:
        Refusal: Code 5; too many.
    """
    most = limits.volumes_per_instance
    if count > most:
        raise Refusal(ErrorCode.TOO_MANY, f"Too many volumes: {count}, an instance has at most {most}")


def free_path(at: str, taken: Iterable[str | None]) -> str:
    """Check the mount path of a volume and give it without superfluous slashes.

    Raises:
        Refusal: Code 7; it is bad, or taken by a ROM or another volume.
    """
    path = mount_path(at)
    if path in taken:
        raise Refusal(ErrorCode.INVALID, f"Invalid 'at' '{path}': something else is mounted there")
    return path


def _mount_of(instance: Instance, volume: Volume) -> Mount:
    return next(mount for mount in instance.volumes if mount.volume is volume)


def _follow(instance: Instance, mount: Mount, trigger: MountTrigger) -> None:
    phase = MOUNT_TRANSITIONS.get((mount.phase, trigger), mount.phase)
    if phase is None:
        part(instance, mount)
        return
    mount.phase = phase
    if phase is not MountPhase.ATTACHED:
        mount.volume.move(VolumeTrigger.MOUNT)
    elif not mount.volume.mounted_by():
        mount.volume.move(VolumeTrigger.UNMOUNT)
