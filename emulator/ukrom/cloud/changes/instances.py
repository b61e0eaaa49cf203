"""What can be changed of an instance (specification, Part C.13)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ukrom.cloud.instances.origins import DEFAULT_MEMORY_MB, DEFAULT_VCPUS
from ukrom.cloud.orders import Op
from ukrom.cloud.refusals import ErrorCode, Refusal
from ukrom.cloud.roms.sources import ImageSource
from ukrom.cloud.settings import MissingImage
from ukrom.cloud.values import (
    check_annotations,
    check_args,
    check_env,
    check_hostname,
    check_range,
    check_scale_to_zero,
    check_sched_priority,
    invalid,
)

from .dependencies import dependencies
from .labels import autokill, delete_lock, tags
from .properties import Property, held, listed, mapped, scalar
from .roms import roms

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ukrom.cloud.instances.instance import Instance
    from ukrom.cloud.orders import Change, ImageOrder, ScaleToZero
    from ukrom.cloud.settings import Limits
    from ukrom.cloud.space import Space

__all__ = ["INSTANCE"]


def _image(space: Space, _: Instance, value: ImageOrder) -> ImageSource:
    if not value.reference:
        raise invalid("An instance needs an 'image'")
    source = ImageSource(value)
    required = space.cloud.settings.missing_image is MissingImage.AT_CREATE
    source.pull_early(space.cloud.images, "image", required=required)
    return source


def _memory_mb(value: int, limits: Limits) -> None:
    check_range("memory_mb", value, limits.min_memory_mb, limits.max_memory_mb)


def _vcpus(value: int, limits: Limits) -> None:
    check_range("vcpus", value, limits.min_vcpus, limits.max_vcpus)


def _scale_to_zero(space: Space, instance: Instance, value: ScaleToZero) -> ScaleToZero:
    check_scale_to_zero(value, has_service=instance.group is not None, features=instance.features)
    space.cloud.sleeping.check(value, space.cloud.runner_of(instance))
    return value


def _not_emulated(_: Space, __: Instance, ___: Any, change: Change) -> tuple[Any, ...]:
    # What asks for none of them, or takes away none, is as good as done.
    if change.value and change.op is not Op.DEL:
        raise Refusal(ErrorCode.NOT_SUPPORTED, f"Not emulated yet in an instance: '{change.prop}'")
    if change.value:
        raise Refusal(ErrorCode.NOT_FOUND, f"The instance has no '{change.prop}'")
    return ()


def _nothing() -> Property[Instance]:
    return Property(lambda _: (), _not_emulated, lambda _space, _instance, _value: None)


def _attribute(name: str) -> Callable[[Space, Instance, Any], None]:
    def put(_: Space, instance: Instance, value: Any) -> None:
        setattr(instance, name, value)

    return put


INSTANCE: Mapping[str, Property[Instance]] = {
    "image": scalar(lambda instance: instance.source, _attribute("source"), _image, queued=True, frozen=True),
    # Without a value of its own an instance has its image's.
    "args": listed(
        lambda instance: instance.args,
        _attribute("args"),
        held(check_args),
        queued=True,
        frozen=True,
        cleared=None,
    ),
    "env": mapped(
        lambda instance: instance.env, _attribute("env"), held(check_env), queued=True, frozen=True
    ),
    "memory_mb": scalar(
        lambda instance: instance.memory_mb,
        _attribute("memory_mb"),
        held(_memory_mb),
        default=lambda _: DEFAULT_MEMORY_MB,
        queued=True,
        frozen=True,
    ),
    "vcpus": scalar(
        lambda instance: instance.vcpus,
        _attribute("vcpus"),
        held(_vcpus),
        default=lambda _: DEFAULT_VCPUS,
        queued=True,
        frozen=True,
    ),
    "scale_to_zero": scalar(
        lambda instance: instance.scale_to_zero,
        _attribute("scale_to_zero"),
        _scale_to_zero,
        default=lambda _: None,
        queued=True,
    ),
    "tags": tags(),
    "delete_lock": delete_lock(),
    "schedules": _nothing(),
    "autokill": autokill(),
    "hostname": scalar(
        lambda instance: instance.hostname,
        _attribute("hostname"),
        held(lambda value, _: check_hostname(value)),
        default=lambda instance: instance.name,
        queued=True,
    ),
    "roms": roms(),
    "dependencies": dependencies(),
    "sched_priority": scalar(
        lambda instance: instance.sched_priority,
        _attribute("sched_priority"),
        held(lambda value, _: check_sched_priority(value)),
        default=lambda _: "normal",
    ),
    "plugins": _nothing(),
    "annotations": mapped(
        lambda instance: instance.annotations, _attribute("annotations"), held(check_annotations)
    ),
}
"""[choice]: what waits for a running instance to stop, and what does not, is as the specification
recommends (Part A.13)."""
