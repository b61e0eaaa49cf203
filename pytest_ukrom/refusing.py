"""The runner of a session without VMs: every start fails, and says why."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ukrom.cloud import Ability, Ended, Usage

if TYPE_CHECKING:
    from collections.abc import Callable
    from uuid import UUID

    from ukrom.cloud import Endpoint, MachineEvent, MachineSpec, Snapshot

__all__ = ["RefusingRunner"]


class RefusingRunner:
    """Refuses every machine, so that nothing pretends to run; a `ukrom.cloud.Runner`.

    Args:
        why: The reason, as the instance's failure shows it.
    """

    name = "none"
    speed = 1.0
    abilities = frozenset(Ability)

    def __init__(self, why: str) -> None:
        self.why = why
        self.refused: set[UUID] = set()
        """Instances whose machine was refused at any time."""
        self._fresh: set[UUID] = set()

    def boot(
        self,
        spec: MachineSpec,
        report: Callable[[MachineEvent], None],
        *,
        snapshot: Snapshot | None = None,  # noqa: ARG002 - there is nothing to resume
    ) -> _NoMachine:
        """Report at once that the machine cannot be."""
        self.refused.add(spec.uuid)
        self._fresh.add(spec.uuid)
        report(Ended(started=False, error=f"{spec.name} cannot run: {self.why}"))
        return _NoMachine()

    def adopt(self, spec: MachineSpec, report: Callable[[MachineEvent], None]) -> None:
        """Take up nothing."""

    def drop(self, snapshot: Snapshot) -> None:
        """Forget nothing."""

    def take_refused(self) -> set[UUID]:
        """Instances whose machine was refused since this was last asked."""
        fresh, self._fresh = self._fresh, set()
        return fresh


class _NoMachine:
    """A machine that never was."""

    def stop(self, *, grace_s: float) -> None:
        """Do nothing."""

    def kill(self) -> None:
        """Do nothing."""

    def save(self, uuid: UUID) -> None:
        """Do nothing."""

    def suspend(self, uuid: UUID) -> None:
        """Do nothing."""

    def usage(self) -> Usage:
        """Use nothing."""
        return Usage()

    def publish(self, port: int) -> None:
        """Do nothing."""

    def endpoint(self, port: int) -> Endpoint | None:  # noqa: ARG002 - there is none for any port
        """Lead nowhere."""
        return None

    def listening(self) -> tuple[int, ...]:
        """Listen nowhere."""
        return ()
