"""How instances start, run and stop: orders go to their machines, reports come back.

The moves are those of the table in `states`; what a stop was called for decides its reason
(specification, Parts D.2 to D.5).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ukrom.cloud.happenings import Happening
from ukrom.cloud.ports import AppExited, Console, Ended, Listening, Running
from ukrom.cloud.refusals import ErrorCode, Refusal
from ukrom.cloud.waits import Wait
from ukrom.errors import UkromError

from .booting import StartFailed, machine_spec, pull
from .instance import Asked, Run
from .states import CLEAN_SHUTDOWN, PlatformCode, State, StopReason, Trigger, after

if TYPE_CHECKING:
    from ukrom.cloud.cloud import Cloud
    from ukrom.cloud.orders import StopOrder
    from ukrom.cloud.ports import MachineEvent
    from ukrom.cloud.waits import Steps

    from .instance import Instance

__all__ = ["Lifecycle"]


class Lifecycle:
    """Starts and stops the instances of one cloud. All calls are made under the cloud's lock."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud

    def start(self, instance: Instance) -> Run | None:
        """Start an instance; does nothing when it is up already.

        Returns:
            The run that is under way, or None if it could not begin.

        Raises:
            Refusal: Code 11; it is still on its way down.
        """
        if instance.state in {State.STARTING, State.RUNNING}:
            return instance.run
        self._move(instance, Trigger.START, "start")
        instance.start_count += 1
        instance.started_at = self._cloud.clock.now()
        instance.stopped_at = instance.stop_reason = instance.exit_code = instance.stop_code = None
        instance.boot_time_us = instance.net_time_us = instance.failure = None
        try:
            pull(instance, self._cloud.images)
            self._boot(instance)
        except StartFailed as error:
            instance.run = None
            self._stopped(instance, StopReason.PLATFORM, stop_code=error.code, failure=error.message)
        self._cloud.waits.changed()
        return instance.run

    def stop(self, instance: Instance, order: StopOrder) -> None:
        """Stop an instance; does nothing when it is stopped already.

        Raises:
            Refusal: Code 11 when it is in another state than the order wants, 1 for a core dump.
        """
        if order.dump:
            raise Refusal(ErrorCode.NOT_SUPPORTED, "Core dumps ('dump') are not emulated yet")
        if order.ifstate is not None and order.ifstate != instance.state.value:
            # [choice]: told, rather than passed over in silence.
            message = f"Instance is in state '{instance.state.value}', not '{order.ifstate}'"
            raise Refusal(ErrorCode.FAILED_WRONG_VM_STATE, message)
        if instance.run is None:
            return
        if order.drain_timeout_ms and instance.traffic.in_flight and instance.state is State.RUNNING:
            self._move(instance, Trigger.DRAIN, "stop")
            self._cloud.waits.spawn(self._drained(instance, instance.run, order), lambda _: None)
        elif order.force or instance.state is not State.DRAINING:
            self._end(instance, instance.run, order)
        self._cloud.waits.changed()

    def abandon(self, instance: Instance) -> Run | None:
        """End an instance's machine because the instance is deleted; nothing it reports counts."""
        run, instance.run = instance.run, None
        if run is not None:
            run.dropped = True
            if run.machine is not None and not run.ended:
                run.machine.kill()
        return run

    def _move(self, instance: Instance, trigger: Trigger, verb: str) -> None:
        state = after(instance.state, trigger)
        if state is None:
            message = f"Cannot {verb} an instance in state '{instance.state.value}'"
            raise Refusal(ErrorCode.FAILED_WRONG_VM_STATE, message)
        instance.state = state

    def _boot(self, instance: Instance) -> None:
        run = instance.run = Run()
        self._cloud.happenings.tell(Happening.STARTED, instance)
        spec = machine_spec(instance)
        run.published.update(spec.ports)
        guard = self._cloud.guard
        runner = self._cloud.runner_of(instance)
        try:
            run.machine = runner.boot(
                spec, lambda event: guard.post(lambda: self._apply(instance, run, event))
            )
        except (UkromError, OSError) as error:
            run.ended = True
            raise StartFailed(PlatformCode.UNKNOWN, str(error)) from error

    def _drained(self, instance: Instance, run: Run, order: StopOrder) -> Steps[None]:
        left = (
            self._cloud.settings.longest_wait_s
            if order.drain_timeout_ms < 0
            else order.drain_timeout_ms / 1000
        )
        deadline = self._cloud.clock.monotonic() + left
        yield Wait(
            lambda: not instance.traffic.in_flight or instance.state is not State.DRAINING or run.over,
            deadline,
        )
        if instance.run is run and instance.state is State.DRAINING:
            self._end(instance, run, order)
            self._cloud.waits.changed()

    def _end(self, instance: Instance, run: Run, order: StopOrder) -> None:
        self._move(instance, Trigger.STOP, "stop")
        wanted = Asked.FORCE if order.force else Asked.STOP
        if run.machine is None or run.asked in {wanted, Asked.FORCE}:
            return
        run.asked = wanted
        if order.force:
            run.machine.kill()
            return
        settings = self._cloud.settings
        grace_s = settings.quick_stop_grace_s if order.quick else settings.stop_grace_s
        run.machine.stop(grace_s=grace_s * self._cloud.speed(instance))

    def _apply(self, instance: Instance, run: Run, event: MachineEvent) -> None:
        if isinstance(event, Ended):
            run.ended = True
        # An event of an earlier run, or of a deleted instance, tells nothing about this one.
        if instance.run is run:
            self._take(instance, run, event)
        self._cloud.waits.changed()

    def _take(self, instance: Instance, run: Run, event: MachineEvent) -> None:
        match event:
            case Running():
                run.up_since = self._cloud.clock.monotonic()
                instance.boot_time_us = event.boot_time_us
                instance.state = after(instance.state, Trigger.UP) or instance.state
                self._cloud.happenings.tell(Happening.UP, instance)
            case Listening():
                (run.listening if event.reachable else run.loopback_only).add(event.port)
                if run.listening_since is None:
                    run.listening_since = self._cloud.clock.monotonic()
                    instance.net_time_us = event.net_time_us
            case Console():
                instance.print(event.data)
            case AppExited():
                run.exit_code = event.exit_code
                instance.state = after(instance.state, Trigger.EXIT) or instance.state
            case Ended():
                self._ended(instance, run, event)

    def _ended(self, instance: Instance, run: Run, event: Ended) -> None:
        instance.run = None
        instance.last_machine = run.machine
        if run.up_since is not None:
            instance.uptime_s += self._cloud.clock.monotonic() - run.up_since
        if event.error is not None and run.asked is Asked.NOTHING:
            self._stopped(instance, StopReason.PLATFORM, stop_code=PlatformCode.UNKNOWN, failure=event.error)
            return
        reason = _REASONS[run.asked]
        if not event.started and event.kernel_code is None:
            reason &= ~StopReason.KERNEL  # it was ended before its kernel could say anything
        if run.exit_code is not None:
            # The kernel goes down after its application, so its exit is known too.
            reason |= StopReason.APP | StopReason.KERNEL
            instance.exit_code = run.exit_code
        stop_code = CLEAN_SHUTDOWN if event.kernel_code is None else event.kernel_code
        failure = None if run.asked is not Asked.NOTHING else _failure(run, event, stop_code)
        self._stopped(
            instance, reason, stop_code=stop_code if reason & StopReason.KERNEL else None, failure=failure
        )

    def _stopped(
        self, instance: Instance, reason: StopReason, *, stop_code: int | None, failure: str | None
    ) -> None:
        instance.state = after(instance.state, Trigger.END) or instance.state
        instance.stopped_at = self._cloud.clock.now()
        instance.stop_reason = reason
        instance.stop_code = stop_code
        instance.failure = failure
        self._cloud.happenings.tell(Happening.STOPPED, instance)
        if "delete-on-stop" in instance.features:
            self._cloud.remove(instance)


_REASONS = {
    Asked.NOTHING: StopReason.KERNEL,
    Asked.STOP: StopReason.USER | StopReason.PLATFORM | StopReason.KERNEL,
    Asked.FORCE: StopReason.FORCED | StopReason.USER | StopReason.PLATFORM,
}


def _failure(run: Run, event: Ended, stop_code: int) -> str | None:
    if run.exit_code is not None:
        return None if not run.exit_code else f"the application exited with code {run.exit_code}"
    if stop_code != CLEAN_SHUTDOWN:
        return f"the kernel crashed with stop code {stop_code:#x}"
    return None if event.started else "the machine ended before the application was started"
