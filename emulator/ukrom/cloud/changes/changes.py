"""PATCH: changes of resources, at once or when an instance stops (specification, Part A.13)."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar

from ukrom.cloud.happenings import Happening
from ukrom.cloud.instances.instance import Update
from ukrom.cloud.instances.states import LIVE, State
from ukrom.cloud.refusals import ErrorCode, Refusal

from .groups import GROUP
from .instances import INSTANCE
from .templates import TEMPLATE
from .volumes import VOLUME, VOLUME_TEMPLATE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ukrom.cloud.cloud import Cloud
    from ukrom.cloud.groups.group import ServiceGroup
    from ukrom.cloud.instances.instance import Instance
    from ukrom.cloud.orders import Change
    from ukrom.cloud.space import Space
    from ukrom.cloud.volumes.volume import Volume

    from .properties import Property

__all__ = ["Changes"]

R = TypeVar("R")

_MOST_QUEUED = 256
"""[choice]: an instance that never stops must not gather changes without end."""


class Changes:
    """Changes the resources of one cloud. All calls are made under the cloud's lock.

    Every call takes one triple, and raises `Refusal` when it cannot be: code 6 for a property that
    cannot be changed, 7 for an operation or a value that makes no sense, others as at a create.

    Args:
        cloud: Whose resources they are.
    """

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        cloud.happenings.on(Happening.STOPPED, self.stopped)
        cloud.happenings.on(Happening.FROZEN, self._frozen)

    def instance(self, space: Space, instance: Instance, change: Change) -> None:
        """Change an instance; while it is live, most properties wait until it stops."""
        found = _property(INSTANCE, change)
        if _must_wait(instance, found):
            self._queue(space, instance, found, change)
            return
        _apply(space, instance, found, change)
        if change.prop == "scale_to_zero":
            self._cloud.sleeping.policy_changed(instance)
        # What could not be done before is now settled by this.
        instance.updates = [update for update in instance.updates if update.change.prop != change.prop]

    def template(self, space: Space, template: Instance, change: Change) -> None:
        """Change an instance template."""
        _apply(space, template, _property(TEMPLATE, change), change)

    def group(self, space: Space, group: ServiceGroup, change: Change) -> None:
        """Change a service group."""
        _apply(space, group, _property(GROUP, change), change)

    def volume(self, space: Space, volume: Volume, change: Change) -> None:
        """Change a volume."""
        _apply(space, volume, _property(VOLUME, change), change)

    def volume_template(self, space: Space, template: Volume, change: Change) -> None:
        """Change a volume template."""
        _apply(space, template, _property(VOLUME_TEMPLATE, change), change)

    def stopped(self, instance: Instance) -> None:
        """Make the changes that waited for an instance to stop, in their order."""
        if not instance.updates:
            return
        space = self._cloud.space(instance.account, instance.metro)
        failed = [update for update in instance.updates if update.error is not None]
        left: list[Update] = []
        for update in instance.updates:
            found = INSTANCE.get(update.change.prop)
            if update.error is not None or (found is not None and _must_wait(instance, found)):
                left.append(update)
                continue
            try:
                _apply(space, instance, _property(INSTANCE, update.change), update.change)
            except Refusal as refusal:
                update.error = refusal.message
                left.append(update)
                continue
            # What failed at an earlier stop is settled by this; what fails at this one is told.
            prop = update.change.prop
            left = [one for one in left if one not in failed or one.change.prop != prop]
        instance.updates = left
        if instance.state is State.STANDBY and instance.policy == "off":
            # [choice]: one that was stopped stays so, whatever policy it has from now on.
            self._cloud.sleeping.policy_changed(instance)

    def _queue(self, space: Space, instance: Instance, found: Property[Instance], change: Change) -> None:
        value = found.get(instance)
        for update in instance.updates:
            if update.change.prop == change.prop and update.error is None:
                # One that can no longer be made will be told of when the instance stops.
                with suppress(Refusal):
                    value = found.work_out(space, instance, value, update.change)
        found.work_out(space, instance, value, change)
        if len(instance.updates) >= _MOST_QUEUED:
            raise Refusal(ErrorCode.TOO_MANY, f"Too many updates wait already: at most {_MOST_QUEUED}")
        instance.updates.append(Update(change))

    def _frozen(self, instance: Instance) -> None:
        # [choice]: a template is what the instance was; changes that still waited are void.
        instance.updates.clear()


def _property(table: Mapping[str, Property[R]], change: Change) -> Property[R]:
    found = table.get(change.prop)
    if found is None:
        raise Refusal(ErrorCode.UNKNOWN, f"'{change.prop}' cannot be changed")
    return found


def _apply(space: Space, resource: Any, found: Property[Any], change: Change) -> None:
    if found.frozen and resource.snapshot is not None:
        message = f"'{change.prop}' is part of the snapshot that the instance starts from"
        raise Refusal(ErrorCode.FAILED_WRONG_VM_STATE, message)
    found.put(space, resource, found.work_out(space, resource, found.get(resource), change))


def _must_wait(instance: Instance, found: Property[Instance]) -> bool:
    """Tell whether a change has to wait for the instance to stop, for good."""
    if not found.queued:
        return False
    if instance.state in LIVE:
        return True
    # [choice]: what was saved of its own run keeps all that it ran with, until it is really stopped.
    return instance.suspended and (found.frozen or found is INSTANCE["roms"])
