"""Snapshots, and who still needs them: a template's clones hold their own share of its memory.

Specification, Part D.9: deleting a template leaves its clones alone.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING
from uuid import uuid4

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
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
        self._let_go(snapshot, instance.uuid, runner)

    @contextmanager
    def kept(self, snapshots: Iterable[Snapshot], runner: Runner) -> Iterator[None]:
        """Forget none of these for now, whoever lets them go meanwhile."""
        kept = tuple(snapshots)
        holder = uuid4()
        for snapshot in kept:
            self._holders.setdefault(snapshot.uuid, set()).add(holder)
        try:
            yield
        finally:
            for snapshot in kept:
                self._let_go(snapshot, holder, runner)

    def _let_go(self, snapshot: Snapshot, holder: UUID, runner: Runner) -> None:
        holders = self._holders.get(snapshot.uuid, set())
        holders.discard(holder)
        if not holders:
            self._holders.pop(snapshot.uuid, None)
            runner.drop(snapshot)
