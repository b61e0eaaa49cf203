"""Snapshots, and who still needs them: a template's clones hold their own share of its memory.

Specification, Part D.9: deleting a template leaves its clones alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from uuid import UUID

    from ukrom.cloud.ports import Runner, Snapshot

    from .instance import Instance

__all__ = ["Snapshots"]


class Snapshots:
    """The snapshots of one cloud, each forgotten with its last holder. Used under the cloud's lock."""

    def __init__(self) -> None:
        self._holders: dict[UUID, set[UUID]] = {}

    def hold(self, instance: Instance, snapshot: Snapshot, runner: Runner) -> None:
        """Let an instance start from a snapshot from now on, and from no other."""
        if instance.snapshot is snapshot:
            return
        self.release(instance, runner)
        self._holders.setdefault(snapshot.uuid, set()).add(instance.uuid)
        instance.snapshot = snapshot

    def release(self, instance: Instance, runner: Runner) -> None:
        """Let an instance start afresh again; does nothing when it has no snapshot."""
        snapshot, instance.snapshot = instance.snapshot, None
        if snapshot is None:
            return
        holders = self._holders.get(snapshot.uuid, set())
        holders.discard(instance.uuid)
        if not holders:
            self._holders.pop(snapshot.uuid, None)
            runner.drop(snapshot)
