"""What is due later: alarms of resources, kept with the resource itself, so that a dump has them.

An alarm is a moment by the calendar and a word for what happens then. Back-off, cool-downs and
time-to-live are alarms; waits of clients are not (see `waits`).
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import Enum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable
    from uuid import UUID

    from ukrom.clock import Clock, Timer

    from .guard import Guard

__all__ = ["Agenda", "Alarm", "Scheduled"]

# The calendar ends, and clients send any number.
_FAR_S = 86_400.0 * 365


class Alarm(Enum):
    """What happens when an alarm goes off."""

    RESTART = "restart"  # the back-off of a restart policy is over (Part D.6)
    STEADY = "steady"  # it ran long enough for the restart sequence to be over (Part D.6)
    COOL = "cool"  # the cool-down of scale-to-zero is over (Part D.15)
    AUTOKILL = "autokill"  # its time to live is over (Part D.16)
    SETTLE = "settle"  # a volume is ready (Part D.18)


class Scheduled(Protocol):
    """A resource that can have alarms."""

    @property
    def uuid(self) -> UUID:
        """Its UUID."""

    @property
    def alarms(self) -> dict[Alarm, datetime]:
        """When each of its alarms goes off."""


class Agenda:
    """The alarms of one cloud. All calls are made under its lock.

    Args:
        clock: The time.
        guard: The cloud's lock, under which alarms go off.
    """

    def __init__(self, clock: Clock, guard: Guard) -> None:
        self._clock = clock
        self._guard = guard
        self._timers: dict[tuple[UUID, Alarm], Timer] = {}
        self._actions: dict[tuple[type, Alarm], Callable[..., object]] = {}

    def on(self, kind: type, alarm: Alarm, action: Callable[..., object]) -> None:
        """Say what happens to a resource of a kind when an alarm of its goes off."""
        self._actions[kind, alarm] = action

    def set(self, resource: Scheduled, alarm: Alarm, delay_s: float) -> None:
        """Set an alarm of a resource, in the place of the one before; `delay_s` in seconds from now."""
        self.cancel(resource, alarm)
        resource.alarms[alarm] = self._clock.now() + timedelta(seconds=min(delay_s, _FAR_S))
        self._arm(resource, alarm, min(delay_s, _FAR_S))

    def cancel(self, resource: Scheduled, alarm: Alarm) -> None:
        """Call off an alarm; does nothing when there is none."""
        if resource.alarms.pop(alarm, None) is not None:
            timer = self._timers.pop((resource.uuid, alarm), None)
            if timer is not None:
                timer.cancel()

    def clear(self, resource: Scheduled) -> None:
        """Call off all alarms of a resource."""
        for alarm in tuple(resource.alarms):
            self.cancel(resource, alarm)

    def rearm(self, resource: Scheduled) -> None:
        """Set the alarms that a resource was loaded with; what is overdue goes off at once."""
        now = self._clock.now()
        for alarm, moment in resource.alarms.items():
            self._arm(resource, alarm, max(0.0, (moment - now).total_seconds()))

    def _arm(self, resource: Scheduled, alarm: Alarm, delay_s: float) -> None:
        moment = resource.alarms[alarm]

        def fire() -> None:
            self._fire(resource, alarm, moment)

        if delay_s > 0:
            self._timers[resource.uuid, alarm] = self._clock.call_later(
                delay_s, lambda: self._guard.post(fire)
            )
        else:
            # Not by a timer: what is due now is done before the call that made it so comes back, and
            # tests that let time stand still see it done.
            self._guard.post(fire)

    def _fire(self, resource: Scheduled, alarm: Alarm, moment: datetime) -> None:
        # One that was set anew, or called off, while this was on its way, is not meant.
        if resource.alarms.get(alarm) is not moment:
            return
        del resource.alarms[alarm]
        self._timers.pop((resource.uuid, alarm), None)
        self._actions[type(resource), alarm](resource)
