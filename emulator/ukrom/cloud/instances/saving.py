"""Saving the memory of instances: to suspend them, to scale them to zero, to make templates and branches.

Specification, Parts D.2, D.9, D.11 and D.15.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ukrom.cloud.happenings import Happening
from ukrom.cloud.ports import Ability, Saved
from ukrom.cloud.refusals import ErrorCode, Refusal

from .draining import drained
from .instance import Asked, Saving
from .states import State, Trigger, after

if TYPE_CHECKING:
    from collections.abc import Callable

    from ukrom.cloud.cloud import Cloud
    from ukrom.cloud.ports import SaveFailed, Snapshot

    from .instance import Instance, Run

__all__ = ["Saves"]


class Saves:
    """The part of a `Lifecycle` that saves memory. All calls are made under the cloud's lock."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud

    def suspend(self, instance: Instance, drain_timeout_ms: int) -> None:
        """Save the memory of a running instance and stop it; its next start goes on from there.

        Does nothing when it is suspended already, or in standby. [choice]

        Args:
            instance: The instance.
            drain_timeout_ms: How long what is in flight may take to end; -1 as the platform lets it.

        Raises:
            Refusal: Code 11 when it does not run, or its memory is being saved already; 1 when its
                runner cannot save memory.
        """
        run = instance.run
        if instance.state is State.STANDBY or (run is None and instance.suspended):
            return
        if run is not None and run.asked is Asked.SUSPEND:
            return
        run = self._ready(instance, "suspend")
        self._cloud.restarts.over(instance)
        if drain_timeout_ms and instance.traffic.in_flight:
            self._cloud.lifecycle.move(instance, Trigger.DRAIN, "suspend")
            drained(self._cloud, instance, drain_timeout_ms, lambda: self.end(instance, run, Asked.SUSPEND))
        else:
            self.end(instance, run, Asked.SUSPEND)
        self._cloud.waits.changed()

    def freeze(self, instance: Instance, done: Callable[[str | None], object]) -> None:
        """Make an instance a template, for ever; one that runs with its memory (Part D.9).

        Args:
            instance: The instance.
            done: Called with None when it is a template, maybe before this returns, or with the reason
                why it did not become one.

        Raises:
            Refusal: As for `suspend`.
        """
        if instance.run is None:
            self._cloud.restarts.over(instance)
            self._cloud.lifecycle.move(instance, Trigger.FREEZE, "make a template of")
            self._frozen(instance)
            done(None)
            return
        run = self._ready(instance, "make a template of")
        self._cloud.restarts.over(instance)
        self.end(instance, run, Asked.TEMPLATE, lambda _, error: done(error))

    def save(self, instance: Instance, done: Callable[[Snapshot | None, str | None], object]) -> None:
        """Save the memory of a running instance, which goes on (Part D.11).

        Args:
            instance: The instance.
            done: Called with the snapshot, which is whoever's asked for it, or with None and the reason.

        Raises:
            Refusal: As for `suspend`.
        """
        run = self._ready(instance, "save")
        assert run.machine is not None
        run.saving = Saving(instance.account.names.uuid(), done)
        run.machine.save(run.saving.uuid)

    def end(
        self,
        instance: Instance,
        run: Run,
        asked: Asked,
        done: Callable[[Snapshot | None, str | None], object] = lambda _snapshot, _error: None,
    ) -> None:
        """Have a machine saved, and end with that."""
        assert run.machine is not None
        self._cloud.lifecycle.move(instance, Trigger.STOP, "suspend")
        run.asked = asked
        run.saving = Saving(instance.account.names.uuid(), done)
        run.machine.suspend(run.saving.uuid)

    def take(self, instance: Instance, run: Run, event: Saved | SaveFailed) -> None:
        """Take in that a snapshot is complete, or could not be made."""
        if isinstance(event, Saved):
            self._saved(instance, run, event)
        else:
            self._failed(instance, run, event)

    def _saved(self, instance: Instance, run: Run, event: Saved) -> None:
        saving = run.saving
        if saving is None or saving.uuid != event.snapshot.uuid:
            self._cloud.runner_of(instance).drop(event.snapshot)
        elif run.asked in {Asked.SUSPEND, Asked.SLEEP, Asked.TEMPLATE}:
            run.memory = event.snapshot
            if run.asked is Asked.TEMPLATE:
                instance.template_time_us = event.time_us
        elif run.asked is Asked.NOTHING:
            run.saving = None
            saving.done(event.snapshot, None)
            self._cloud.sleeping.look(instance)
        else:
            # It is being stopped: what was saved of it belongs to a run that was cut off.
            self._cloud.runner_of(instance).drop(event.snapshot)

    def _failed(self, instance: Instance, run: Run, event: SaveFailed) -> None:
        # Its machine goes on, and so does the instance.
        saving = run.saving
        if saving is None or saving.uuid != event.uuid:
            return
        run.saving = None
        if run.asked in {Asked.SUSPEND, Asked.SLEEP, Asked.TEMPLATE}:
            run.asked = Asked.NOTHING
            instance.state = after(instance.state, Trigger.GO_ON) or instance.state
        saving.done(None, event.error)
        self._cloud.sleeping.failed(instance)

    def taken(self, instance: Instance, run: Run) -> bool:
        """Take over the memory of a machine that is gone; tells whether it made the instance a template."""
        memory, runner = run.memory, self._cloud.runner_of(instance)
        if memory is None:
            return False
        if run.asked not in {Asked.SUSPEND, Asked.SLEEP, Asked.TEMPLATE}:
            runner.drop(memory)
            return False
        saving, run.saving = run.saving, None
        self._cloud.snapshots.hold(instance, memory, runner)
        instance.suspended = run.asked is not Asked.TEMPLATE
        if run.asked is Asked.TEMPLATE:
            instance.state = after(instance.state, Trigger.FREEZE) or instance.state
            self._frozen(instance)
        if saving is not None:
            saving.done(memory, None)
        return run.asked is Asked.TEMPLATE

    def close(self, instance: Instance, run: Run, why: str) -> None:
        """Tell whoever waits for a snapshot of a run that is over that there will be none."""
        saving, run.saving = run.saving, None
        if saving is not None:
            saving.done(None, why)
        if run.dropped and run.memory is not None:
            self._cloud.runner_of(instance).drop(run.memory)

    def forget(self, instance: Instance) -> None:
        """Drop an instance's own memory, if it was saved; the next start is a cold boot."""
        if instance.suspended:
            instance.suspended = False
            self._cloud.snapshots.release(instance, self._cloud.runner_of(instance))
            # What the memory kept from being changed can be changed now.
            self._cloud.changes.stopped(instance)

    def _ready(self, instance: Instance, verb: str) -> Run:
        if Ability.SNAPSHOTS not in self._cloud.runner_of(instance).abilities:
            message = f"Cannot {verb} a running instance: saving memory is not emulated by real machines yet"
            raise Refusal(ErrorCode.NOT_SUPPORTED, message)
        run = instance.run
        if run is None or run.machine is None or instance.state is not State.RUNNING:
            message = f"Cannot {verb} an instance in state '{instance.state.value}'"
            raise Refusal(ErrorCode.FAILED_WRONG_VM_STATE, message)
        if run.saving is not None:
            raise Refusal(
                ErrorCode.FAILED_WRONG_VM_STATE, f"Cannot {verb} an instance with a pending snapshot"
            )
        return run

    def _frozen(self, instance: Instance) -> None:
        # Its memory is now what clones begin with, and is used up by nothing.
        instance.suspended = False
        self._cloud.happenings.tell(Happening.FROZEN, instance)
        self._cloud.waits.changed()
