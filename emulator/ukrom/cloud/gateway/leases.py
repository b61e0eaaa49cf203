"""Instances as requests and connections have them for a while, and what is counted meanwhile."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

from ukrom.cloud.happenings import Happening

if TYPE_CHECKING:
    from ukrom.cloud.cloud import Cloud
    from ukrom.cloud.instances.instance import Instance
    from ukrom.cloud.ports import Endpoint

__all__ = ["Kind", "Lease"]

_TOUCH_S = 0.05
"""How exactly it is known when a connection was last used, in seconds: far below any cool-down."""


class Kind(Enum):
    """What an instance is wanted for."""

    REQUEST = "request"  # one HTTP request
    CONNECTION = "connection"  # a connection whose bytes the gateway does not read


class Lease:
    """An instance that answers one request or connection; counts as in flight until released."""

    def __init__(self, cloud: Cloud, instance: Instance, endpoint: Endpoint, kind: Kind) -> None:
        self._cloud = cloud
        self._instance: Instance | None = instance
        self._kind = kind
        self._touched = cloud.clock.monotonic()
        self.instance_uuid = instance.uuid
        self.instance_name = instance.name
        self.endpoint = endpoint
        self._count(instance, 1)
        instance.traffic.total += 1
        instance.traffic.quiet_since = self._touched
        cloud.happenings.tell(Happening.TRAFFIC, instance)

    def touch(self) -> None:
        """Note that bytes went through a connection; may be called for each of them, on any thread."""
        now = self._cloud.clock.monotonic()
        if now - self._touched < _TOUCH_S:
            return
        self._touched = now
        with self._cloud.guard:
            if self._instance is not None:
                self._instance.traffic.quiet_since = now

    def release(self) -> None:
        """Give it back; does nothing the second time."""
        with self._cloud.guard:
            instance, self._instance = self._instance, None
            if instance is not None:
                self._count(instance, -1)
                instance.traffic.served += 1
                instance.traffic.quiet_since = self._cloud.clock.monotonic()
                self._cloud.happenings.tell(Happening.TRAFFIC, instance)
                self._cloud.waits.changed()

    def _count(self, instance: Instance, change: int) -> None:
        if self._kind is Kind.REQUEST:
            instance.traffic.requests += change
        else:
            instance.traffic.connections += change
