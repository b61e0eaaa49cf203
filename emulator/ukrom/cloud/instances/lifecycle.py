"""How instances start, run and stop: orders go to their machines, reports come back.

The moves are those of the table in `states`; what a stop was called for decides its reason, by the
table in `stops` (specification, Parts D.2 to D.5).
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from ukrom.cloud.happenings import Happening
from ukrom.cloud.ports import (
    AppExited,
    Console,
    Ended,
    Listening,
    Running,
    Saved,
    SaveFailed,
    ScaleToZeroDisabled,
    TemplateWritten,
)
from ukrom.cloud.refusals import ErrorCode, Refusal
from ukrom.errors import UkromError

from .booting import StartFailed, machine_spec, pull
from .dependencies import check_live, dependencies_up
from .draining import drained
from .instance import Asked, Run
from .saving import Saves
from .states import PlatformCode, State, StopReason, Trigger, after
from .stops import Stop, stop_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from ukrom.cloud.cloud import Cloud
    from ukrom.cloud.orders import StopOrder
    from ukrom.cloud.ports import MachineEvent
    from ukrom.cloud.waits import Steps

    from .instance import Instance

__all__ = ["Lifecycle"]

_log = logging.getLogger(__name__)


class Lifecycle:
    """Starts and stops the instances of one cloud. All calls are made under the cloud's lock."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self._saves = Saves(cloud)
        self.suspend = self._saves.suspend
        self.freeze = self._saves.freeze
        self.save = self._saves.save
        self.end_saved = self._saves.end

    def start(self, instance: Instance) -> Run | None:
        """Start an instance because somebody asked for it; does nothing when it is up already.

        Returns:
            The run that is under way, or None if it could not begin.

        Raises:
            Refusal: Code 11; it is still on its way down.
        """
        self._cloud.restarts.over(instance)
        return self.begin(instance)

    def begin(self, instance: Instance) -> Run | None:
        """Start an instance, whoever wants it: the same, but a restart sequence goes on."""
        if instance.state in {State.STARTING, State.RUNNING}:
            return instance.run
        self.move(instance, Trigger.START, "start")
        instance.start_count += 1
        instance.started_at = self._cloud.clock.now()
        instance.stopped_at = instance.stop_reason = instance.exit_code = instance.stop_code = None
        instance.boot_time_us = instance.net_time_us = instance.failure = None
        run = instance.run = Run(resumes=instance.suspended)
        self._cloud.waits.spawn(self._booted(instance, run), lambda _: None)
        self._cloud.waits.changed(instance)
        return instance.run

    def stop(self, instance: Instance, order: StopOrder) -> None:
        """Stop an instance; does nothing when it is stopped already.

        One in standby is woken by nobody any more, and memory that was saved of it is dropped. [choice]

        Raises:
            Refusal: Code 11 when it is in another state than the order wants, 1 for a core dump.
        """
        if order.dump:
            raise Refusal(ErrorCode.NOT_SUPPORTED, "Core dumps ('dump') are not emulated yet")
        if order.ifstate is not None and order.ifstate != instance.state.value:
            # [choice]: told, rather than passed over in silence.
            message = f"Instance is in state '{instance.state.value}', not '{order.ifstate}'"
            raise Refusal(ErrorCode.FAILED_WRONG_VM_STATE, message)
        self._cloud.restarts.over(instance)
        run = instance.run
        if run is None:
            self._saves.forget(instance)
            self._cloud.sleeping.unpark(instance)
        elif order.drain_timeout_ms and instance.traffic.in_flight and instance.state is State.RUNNING:
            self.move(instance, Trigger.DRAIN, "stop")
            drained(self._cloud, instance, order.drain_timeout_ms, lambda: self._end(instance, run, order))
        elif instance.state is not State.DRAINING or not order.drain_timeout_ms:
            # [choice]: who would drain what drains already leaves it as it is.
            self._end(instance, run, order)
        self._cloud.waits.changed()

    def retire(self, instance: Instance) -> None:
        """Stop a running instance in order, for a reason of the platform's own."""
        run = instance.run
        if run is not None and run.machine is not None and instance.state is State.RUNNING:
            self.move(instance, Trigger.STOP, "stop")
            run.asked = Asked.PLATFORM
            run.machine.stop(grace_s=self._cloud.settings.stop_grace_s * self._cloud.speed(instance))

    def sleep(self, instance: Instance, *, stateful: bool) -> None:
        """Scale a running instance to zero: to standby, with its memory kept if `stateful`."""
        run = instance.run
        if (
            run is None
            or run.machine is None
            or run.saving is not None
            or instance.state is not State.RUNNING
        ):
            return
        if stateful:
            self._saves.end(instance, run, Asked.SLEEP)
            return
        self.move(instance, Trigger.STOP, "stop")
        run.asked = Asked.SLEEP
        run.machine.stop(grace_s=self._cloud.settings.stop_grace_s * self._cloud.speed(instance))

    def abandon(self, instance: Instance) -> Run | None:
        """End an instance's machine because the instance is deleted; nothing it reports counts."""
        run, instance.run = instance.run, None
        if run is not None:
            run.dropped = True
            if run.machine is None:
                run.ended = True  # it waited for what it depends on: there is nothing to wait for any more
            elif not run.ended:
                run.machine.kill()
            self._saves.close(instance, run, "the instance was deleted")
        return run

    def give_up(self, instance: Instance, failure: str) -> None:
        """Let a run end whose machine cannot come to be (any more); `failure` says why."""
        instance.run = None
        self._stopped(instance, Stop(StopReason.PLATFORM, PlatformCode.UNKNOWN, failure=failure))
        self._cloud.waits.changed()

    def reporter(self, instance: Instance, run: Run) -> Callable[[MachineEvent], None]:
        """Give what the machine of a run is to report its events to, on any thread."""
        guard = self._cloud.guard
        return lambda event: guard.post(lambda: self._apply(instance, run, event))

    def move(self, instance: Instance, trigger: Trigger, verb: str) -> None:
        """Take an instance to where a trigger leads.

        Raises:
            Refusal: Code 11; the trigger means nothing in its state.
        """
        state = after(instance.state, trigger)
        if state is None:
            message = f"Cannot {verb} an instance in state '{instance.state.value}'"
            raise Refusal(ErrorCode.FAILED_WRONG_VM_STATE, message)
        instance.state = state

    def _booted(self, instance: Instance, run: Run) -> Steps[None]:
        cloud = self._cloud
        try:
            check_live(cloud, instance)
            pull(instance, cloud.images)
            yield from dependencies_up(cloud, instance, run)
            if instance.run is run:
                self._boot(instance, run)
        except StartFailed as error:
            if instance.run is run:
                instance.run = None
                run.ended = True
                stop = Stop(StopReason.PLATFORM, error.code, failure=error.message)
                self._stopped(instance, stop)
                cloud.waits.changed(instance)

    def _boot(self, instance: Instance, run: Run) -> None:
        self._cloud.happenings.tell(Happening.STARTED, instance)
        spec = machine_spec(instance)
        run.published.update(spec.ports)
        runner, report = self._cloud.runner_of(instance), self.reporter(instance, run)
        try:
            run.machine = runner.boot(spec, report, snapshot=instance.snapshot)
        except (UkromError, OSError) as error:
            raise StartFailed(PlatformCode.UNKNOWN, str(error)) from error
        except Exception as error:
            # A runner may be anybody's; whatever it raises, its instance must not start for ever.
            _log.exception("the runner %s failed to boot %s", runner.name, instance.name)
            message = f"the runner failed: {type(error).__name__}: {error}"
            raise StartFailed(PlatformCode.UNKNOWN, message) from error

    def _end(self, instance: Instance, run: Run, order: StopOrder) -> None:
        self.move(instance, Trigger.STOP, "stop")
        wanted = Asked.FORCE if order.force else Asked.STOP
        if run.asked in {wanted, Asked.FORCE}:
            return
        run.asked = wanted
        if run.machine is None:
            # It waits for what it depends on.
            self._apply(instance, run, Ended(started=False))
        elif order.force:
            run.machine.kill()
        else:
            settings = self._cloud.settings
            grace_s = settings.quick_stop_grace_s if order.quick else settings.stop_grace_s
            run.machine.stop(grace_s=grace_s * self._cloud.speed(instance))

    def _apply(self, instance: Instance, run: Run, event: MachineEvent) -> None:
        if isinstance(event, Ended):
            run.ended = True
        # An event of an earlier run, or of a deleted instance, tells nothing about this one.
        if instance.run is run:
            self._take(instance, run, event)
        elif isinstance(event, Saved):
            self._cloud.runner_of(instance).drop(event.snapshot)
        alone = isinstance(event, Running | Listening | Console)
        self._cloud.waits.changed(*([instance] if alone else []))

    def _take(self, instance: Instance, run: Run, event: MachineEvent) -> None:
        match event:
            case Running():
                self._up(instance, run, event)
            case Listening():
                self._heard(instance, run, event)
            case Console():
                instance.print(event.data)
            case AppExited():
                run.exit_code = event.exit_code
                instance.state = after(instance.state, Trigger.EXIT) or instance.state
            case Saved() | SaveFailed():
                self._saves.take(instance, run, event)
            case TemplateWritten():
                self._cloud.templates.written(instance)
            case ScaleToZeroDisabled():
                run.vetoes = event.count
                self._cloud.sleeping.look(instance)
            case Ended():
                self._ended(instance, run, event)

    def _up(self, instance: Instance, run: Run, event: Running) -> None:
        run.up_since = self._cloud.clock.monotonic()
        instance.boot_time_us = event.boot_time_us
        instance.state = after(instance.state, Trigger.UP) or instance.state
        if run.resumes:
            self._saves.forget(instance)
        self._cloud.happenings.tell(Happening.UP, instance)

    def _heard(self, instance: Instance, run: Run, event: Listening) -> None:
        (run.listening if event.reachable else run.loopback_only).add(event.port)
        if run.listening_since is None:
            run.listening_since = self._cloud.clock.monotonic()
            instance.net_time_us = event.net_time_us

    def _ended(self, instance: Instance, run: Run, event: Ended) -> None:
        instance.run = None
        instance.last_machine = run.machine
        if run.up_since is not None:
            instance.uptime_s += self._cloud.clock.monotonic() - run.up_since
        if self._saves.taken(instance, run):
            return
        if run.resumes and run.asked in {Asked.STOP, Asked.FORCE}:
            self._saves.forget(instance)  # also where it was stopped before it was up
        rests = run.asked is Asked.SLEEP or (run.asked is Asked.SUSPEND and instance.policy != "off")
        trigger = Trigger.REST if rests and not run.cut_off else Trigger.END
        self._stopped(instance, stop_of(run, event), trigger)
        self._saves.close(instance, run, "the machine ended before its memory was saved")

    def _stopped(self, instance: Instance, stop: Stop, trigger: Trigger = Trigger.END) -> None:
        cloud = self._cloud
        instance.state = (
            after(instance.state, trigger) or after(instance.state, Trigger.END) or instance.state
        )
        instance.stopped_at = cloud.clock.now()
        instance.stop_reason = stop.reason
        instance.exit_code = stop.exit_code
        instance.stop_code = stop.stop_code
        instance.failure = stop.failure
        cloud.happenings.tell(Happening.STOPPED, instance)
        if "delete-on-stop" in instance.features:
            # Not at once: whoever waits for its stop is to see it (specification, Part D.3).
            cloud.guard.post(lambda: self._discard(instance))

    def _discard(self, instance: Instance) -> None:
        if instance.state is State.STOPPED and not instance.delete_lock:
            self._cloud.remove(instance)
