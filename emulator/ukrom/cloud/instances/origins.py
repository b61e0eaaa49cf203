"""What an instance begins as: a fresh image, a clone of a template, or a branch of another instance.

Specification, Parts C.2, D.9 and D.11.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from ukrom.cloud.orders import NO_AUTOKILL
from ukrom.cloud.roms.sources import ImageSource

from .states import State

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID

    from ukrom.cloud.orders import Autokill, InstanceOrder
    from ukrom.cloud.ports import Snapshot
    from ukrom.cloud.roms.rom import Rom

    from .instance import Instance

__all__ = ["Origin", "copy_of", "fresh"]

DEFAULT_MEMORY_MB = 128
DEFAULT_VCPUS = 1


@dataclass(frozen=True, slots=True)
class Origin:
    """What is settled about an instance before its own request adds to it."""

    source: ImageSource
    memory_mb: int
    """In MiB."""
    vcpus: int
    args: tuple[str, ...] | None
    env: Mapping[str, str] | None
    roms: tuple[Rom, ...] = ()
    annotations: Mapping[str, str] = field(default_factory=dict)
    autokill: Autokill = NO_AUTOKILL
    model: Instance | None = None
    """The template or instance that it is a copy of; its volumes are copied too."""
    snapshot: Snapshot | None = None
    """The memory to resume from."""
    suspended: bool = False
    """Whether that is used up by the first start, as a suspended instance's own memory is."""

    @property
    def template(self) -> UUID | None:
        """The template that it is a clone of."""
        return self.model.uuid if self.model is not None and self.model.state is State.TEMPLATE else None


def fresh(order: InstanceOrder) -> Origin:
    """Begin with the image of a request."""
    assert order.image is not None
    return Origin(
        source=ImageSource(order.image),
        memory_mb=DEFAULT_MEMORY_MB if order.memory_mb is None else order.memory_mb,
        vcpus=DEFAULT_VCPUS if order.vcpus is None else order.vcpus,
        args=order.args,
        env=order.env,
    )


def copy_of(model: Instance, saved: Snapshot | None = None) -> Origin:
    """Begin as a template or another instance is (specification, Parts D.9 and D.11).

    Args:
        model: The template or instance.
        saved: Its memory, if it runs; of one that does not, the copy has what it has.
    """
    return Origin(
        source=model.source.fixed(),
        memory_mb=model.memory_mb,
        vcpus=model.vcpus,
        args=model.args,
        env=model.env,
        # Inline content is shared, with one holder more (Part E.11).
        roms=tuple(
            replace(rom, source=rom.source.fixed()) if isinstance(rom.source, ImageSource) else rom
            for rom in model.roms
        ),
        annotations=model.annotations or {},
        autokill=model.autokill,
        model=model,
        snapshot=model.snapshot if saved is None else saved,
        suspended=model.suspended or saved is not None,
    )
