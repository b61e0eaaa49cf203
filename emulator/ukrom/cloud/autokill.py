"""Deleting what nobody uses any more (specification, Part D.16).

An instance counts from when it stopped, a service group from when its last instance left, a template
from when it was last cloned; what was never used at all is left alone. [choice]
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .agenda import Alarm
from .groups.group import ServiceGroup
from .groups.making import drop_group
from .happenings import Happening
from .instances.instance import Instance
from .instances.states import FROZEN, State
from .orders import Ref

if TYPE_CHECKING:
    from .cloud import Cloud

__all__ = ["Autokilling"]


class Autokilling:
    """Deletes the resources of one cloud as their autokill policies say. Used under the cloud's lock."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        cloud.happenings.on(Happening.CREATED, self._created)
        cloud.happenings.on(Happening.STARTED, self._cancel)
        cloud.happenings.on(Happening.STOPPED, self._stopped)
        cloud.happenings.on(Happening.FROZEN, self._arm)
        cloud.happenings.on(Happening.TRAFFIC, self._served)
        cloud.happenings.on(Happening.REMOVED, self._removed)
        cloud.agenda.on(Instance, Alarm.AUTOKILL, self._due)
        cloud.agenda.on(ServiceGroup, Alarm.AUTOKILL, self._group_due)

    def changed(self, resource: Instance | ServiceGroup) -> None:
        """Take in that the policy or the delete lock of a resource was changed.

        The time counts anew. [choice]
        """
        self._cloud.agenda.cancel(resource, Alarm.AUTOKILL)
        if isinstance(resource, ServiceGroup):
            self.emptied(resource)
        elif resource.state in FROZEN:
            self._arm(resource)
        elif resource.state in {State.STOPPED, State.STANDBY} and resource.start_count:
            self._stopped(resource)
        else:
            self._served(resource)

    def emptied(self, group: ServiceGroup) -> None:
        """Take in that the last instance of a service group is gone."""
        if group.autokill.time_ms and group.persistent and not group.instances:
            self._cloud.agenda.set(group, Alarm.AUTOKILL, group.autokill.time_ms / 1000)

    def joined(self, group: ServiceGroup) -> None:
        """Take in that a service group has an instance."""
        self._cloud.agenda.cancel(group, Alarm.AUTOKILL)

    def _created(self, instance: Instance) -> None:
        template = self._template_of(instance)
        if template is not None:
            self._arm(template)

    def _stopped(self, instance: Instance) -> None:
        policy = instance.autokill
        if policy.num_requests and instance.traffic.served >= policy.num_requests:
            # In a moment: others are still to be told of the stop.
            self._cloud.guard.post(lambda: self._spent(instance))
        elif instance.state is State.STOPPED:
            self._arm(instance)

    def _arm(self, instance: Instance) -> None:
        # What it counted for as an instance does not count for the template that it became.
        self._cancel(instance)
        policy = instance.template_autokill if instance.state in FROZEN else instance.autokill
        if policy.time_ms:
            self._cloud.agenda.set(instance, Alarm.AUTOKILL, policy.time_ms / 1000)

    def _cancel(self, instance: Instance) -> None:
        self._cloud.agenda.cancel(instance, Alarm.AUTOKILL)

    def _served(self, instance: Instance) -> None:
        wanted = instance.autokill.num_requests
        if not wanted or instance.traffic.served < wanted or instance.delete_lock:
            return
        if instance.state is State.RUNNING and not instance.traffic.in_flight:
            self._cloud.lifecycle.retire(instance)

    def _spent(self, instance: Instance) -> None:
        if instance.state in {State.STOPPED, State.STANDBY} and not instance.delete_lock:
            self._cloud.remove(instance)

    def _removed(self, instance: Instance) -> None:
        template = self._template_of(instance)
        if template is not None and Alarm.AUTOKILL not in template.alarms:
            self._arm(template)

    def _due(self, instance: Instance) -> None:
        if instance.delete_lock or instance.state not in {State.STOPPED, *FROZEN}:
            return
        if instance.state in FROZEN and self._has_clones(instance):
            return  # counted from when the last of them is gone
        self._cloud.remove(instance)

    def _group_due(self, group: ServiceGroup) -> None:
        if group.instances:
            return
        for account in self._cloud.accounts():
            for space in self._cloud.spaces(account):
                if space.groups.get(Ref(group.uuid)) is group:
                    drop_group(space, group)

    def _template_of(self, instance: Instance) -> Instance | None:
        if instance.template is None:
            return None
        space = self._cloud.space(instance.account, instance.metro)
        found = space.instances.get(Ref(instance.template))
        return found if found is not None and found.template_autokill.time_ms else None

    def _has_clones(self, template: Instance) -> bool:
        space = self._cloud.space(template.account, template.metro)
        return any(one.template == template.uuid and one.state not in FROZEN for one in space.instances)
