"""Restarting instances that stopped by themselves (specification, Part D.6)."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from ukrom.cloud.agenda import Alarm
from ukrom.cloud.happenings import Happening

from .instance import Instance, Restart
from .states import State, StopReason

if TYPE_CHECKING:
    from ukrom.cloud.cloud import Cloud

__all__ = ["STEADY_S", "Restarts", "back_off_s"]

STEADY_S = 10.0
"""How long an instance must run for its restart sequence to be over."""
_FIRST_S = 5.0
_LONGEST_S = 300.0


def back_off_s(attempt: int) -> float:
    """Give how long to wait before a restart, in seconds: none, 5, 10, 20 ... and at most five minutes.

    Args:
        attempt: The how manieth restart of the sequence it is; the first is 1.
    """
    if attempt <= 1:
        return 0.0
    # Beyond some doublings it only grows: no huge powers for what goes on for days.
    doublings = min(attempt - 2, 16)
    return min(_LONGEST_S, _FIRST_S * (1 << doublings))


class Restarts:
    """Restarts the instances of one cloud as their policies say. Used under the cloud's lock."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        cloud.happenings.on(Happening.UP, self._up)
        cloud.happenings.on(Happening.STOPPED, self._stopped)
        cloud.agenda.on(Instance, Alarm.RESTART, self._due)
        cloud.agenda.on(Instance, Alarm.STEADY, self._steady)

    def over(self, instance: Instance) -> None:
        """End the restart sequence of an instance, if there is one: somebody started or stopped it."""
        instance.restart = None
        self._cloud.agenda.cancel(instance, Alarm.RESTART)
        self._cloud.agenda.cancel(instance, Alarm.STEADY)

    def _stopped(self, instance: Instance) -> None:
        self._cloud.agenda.cancel(instance, Alarm.STEADY)
        if instance.state is not State.STOPPED or not _wanted(instance):
            instance.restart = None
            return
        attempt = 1 if instance.restart is None else instance.restart.attempt + 1
        delay_s = back_off_s(attempt)
        instance.restart = Restart(attempt, self._cloud.clock.now() + timedelta(seconds=delay_s))
        self._cloud.agenda.set(instance, Alarm.RESTART, delay_s)

    def _due(self, instance: Instance) -> None:
        if instance.restart is None or instance.state is not State.STOPPED:
            return
        instance.restart.next_at = None
        instance.restart_count += 1
        self._cloud.lifecycle.begin(instance)

    def _up(self, instance: Instance) -> None:
        if instance.restart is not None:
            # Somebody who depends on it may have been quicker than the back-off.
            instance.restart.next_at = None
            self._cloud.agenda.cancel(instance, Alarm.RESTART)
            self._cloud.agenda.set(instance, Alarm.STEADY, STEADY_S)

    def _steady(self, instance: Instance) -> None:
        instance.restart = None


def _wanted(instance: Instance) -> bool:
    reason = instance.stop_reason
    if instance.restart_policy == "never" or reason is None:
        return False
    if reason & (StopReason.PLATFORM | StopReason.USER | StopReason.SCALE_TO_ZERO):
        return False  # it did not come from inside
    # [choice]: an application that ends with a code other than 0 has crashed too.
    return instance.restart_policy == "always" or not reason & StopReason.APP or bool(instance.exit_code)
