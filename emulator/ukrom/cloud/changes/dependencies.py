"""Changes of what an instance depends on (specification, Part C.13)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ukrom.cloud.orders import Op, Ref
from ukrom.cloud.refusals import ErrorCode, Refusal

from .properties import Property

if TYPE_CHECKING:
    from uuid import UUID

    from ukrom.cloud.instances.instance import Instance
    from ukrom.cloud.orders import Change
    from ukrom.cloud.space import Space

__all__ = ["dependencies"]


def dependencies() -> Property[Instance]:
    """Instances that start before this one."""
    return Property(lambda instance: instance.dependencies, _worked_out, _put, queued=True)


def _worked_out(
    space: Space, instance: Instance, value: tuple[UUID, ...], change: Change
) -> tuple[UUID, ...]:
    refs: tuple[Ref, ...] = change.value if change.given else ()
    if change.op is Op.DEL:
        gone = {_named(space, ref) for ref in refs}
        return tuple(uuid for uuid in value if uuid not in gone)
    found = tuple(space.instance(ref).uuid for ref in refs)
    wanted = tuple(dict.fromkeys((*value, *found) if change.op is Op.ADD else found))
    for uuid in wanted:
        if _reaches(space, uuid, instance.uuid):
            message = f"Instance '{instance.name}' cannot depend on itself, be it by way of others"
            raise Refusal(ErrorCode.INVALID, message)
    return wanted


def _named(space: Space, ref: Ref) -> UUID | None:
    # What is gone can still be depended upon, and has its UUID left.
    return ref.uuid if ref.uuid is not None else space.instance(ref).uuid


def _reaches(space: Space, start: UUID, end: UUID) -> bool:
    seen: set[UUID] = set()
    ahead = [start]
    while ahead:
        uuid = ahead.pop()
        if uuid == end:
            return True
        if uuid not in seen:
            seen.add(uuid)
            found = space.instances.get(Ref(uuid=uuid))
            ahead += () if found is None else found.dependencies
    return False


def _put(_: Space, instance: Instance, value: tuple[UUID, ...]) -> None:
    instance.dependencies = value
