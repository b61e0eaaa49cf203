"""Branches: instances that begin as another one is at that moment (specification, Part D.11)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ukrom.cloud.refusals import ErrorCode, Refusal
from ukrom.cloud.waits import Wait

from .origins import Origin, copy_of
from .states import State

if TYPE_CHECKING:
    from ukrom.cloud.orders import Ref
    from ukrom.cloud.ports import Runner, Snapshot
    from ukrom.cloud.space import Space
    from ukrom.cloud.waits import Steps

    from .instance import Instance

__all__ = ["branch"]

_AT_REST = frozenset({State.STOPPED, State.STANDBY})


def branch(space: Space, ref: Ref) -> Origin | Steps[Origin]:
    """Begin as an instance that runs, is stopped or on standby; it is left as it is.

    Returns:
        What the branch begins as; for a running one, steps that save its memory first. [choice]: the
        branch comes to be when that is done.

    Raises:
        Refusal: Code 8 for no instance, 11 for one in another state, or that is being saved already.
    """
    source = space.instances.find(ref)
    if source.state in _AT_REST:
        return copy_of(source)
    if source.run is not None and source.run.saving is not None:
        raise Refusal(ErrorCode.FAILED_WRONG_VM_STATE, "Cannot branch from VM with pending snapshot")
    if source.state is not State.RUNNING:
        message = f"Cannot branch from VM in state '{source.state.value}'"
        raise Refusal(ErrorCode.FAILED_WRONG_VM_STATE, message)
    return _running(space, source)


def _running(space: Space, source: Instance) -> Steps[Origin]:
    saving = _Saving(space.cloud.runner_of(source))
    space.cloud.lifecycle.save(source, saving.done)
    try:
        yield Wait(lambda: saving.over or source.state is State.DELETED)
        return copy_of(source, saving.of(source))
    except BaseException:
        # Nobody waits any more, or the branch cannot be.
        saving.give_up()
        raise


class _Saving:
    """A snapshot on its way, which is forgotten if nobody wants it any more when it comes."""

    def __init__(self, runner: Runner) -> None:
        self._runner = runner
        self._wanted = True
        self.snapshot: Snapshot | None = None
        self.error: str | None = None

    @property
    def over(self) -> bool:
        """Whether it is there, or will never be."""
        return self.snapshot is not None or self.error is not None

    def done(self, snapshot: Snapshot | None, error: str | None) -> None:
        """Take the snapshot, or why there is none."""
        self.snapshot = snapshot
        self.error = None if snapshot is not None else error or "its memory could not be saved"
        if not self._wanted:
            self._drop()

    def of(self, source: Instance) -> Snapshot:
        """Give the snapshot.

        Raises:
            Refusal: Code 10; there is none, or nothing any more that it is of.
        """
        if self.snapshot is None or source.state is State.DELETED:
            why = self.error or "it was deleted meanwhile"
            message = f"Failed to branch from instance '{source.name}': {why}"
            raise Refusal(ErrorCode.FAILED_OPERATION, message)
        return self.snapshot

    def give_up(self) -> None:
        """Want it no more."""
        self._wanted = False
        self._drop()

    def _drop(self) -> None:
        snapshot, self.snapshot = self.snapshot, None
        if snapshot is not None:
            self._runner.drop(snapshot)
