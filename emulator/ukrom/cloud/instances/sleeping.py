"""Scaling instances to zero that nobody uses (specification, Parts C.4 and D.15).

There is one alarm for each running instance, however many requests it gets: when it goes off, it looks
at what has happened since, and is set anew if that was not long enough ago.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ukrom.cloud.agenda import Alarm
from ukrom.cloud.happenings import Happening
from ukrom.cloud.ports import Ability
from ukrom.cloud.refusals import ErrorCode, Refusal

from .instance import Instance
from .states import State, Trigger, after

if TYPE_CHECKING:
    from ukrom.cloud.cloud import Cloud
    from ukrom.cloud.orders import ScaleToZero
    from ukrom.cloud.ports import Runner

__all__ = ["Sleeping"]

_RETRY_S = 1.0
"""How long an instance at least stays up whose memory could not be saved, in seconds. [choice]"""


class Sleeping:
    """Scales the instances of one cloud to zero. Used under the cloud's lock.

    `notify_time_ms` is kept and shown, but no guest is notified: that takes a vsock device.
    """

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        cloud.happenings.on(Happening.CREATED, self.policy_changed)
        cloud.happenings.on(Happening.UP, self._up)
        cloud.happenings.on(Happening.STOPPED, self._gone)
        cloud.happenings.on(Happening.FROZEN, self._gone)
        cloud.happenings.on(Happening.TRAFFIC, self._traffic)
        cloud.agenda.on(Instance, Alarm.COOL, self.look)

    @staticmethod
    def check(policy: ScaleToZero | None, runner: Runner) -> None:
        """Check that a runner can do what a policy wants.

        Raises:
            Refusal: Code 1; it cannot keep memory, and the policy is stateful.
        """
        wants = policy is not None and policy.stateful and policy.policy != "off"
        if wants and Ability.SNAPSHOTS not in runner.abilities:
            message = "'stateful' scale-to-zero is not emulated by real machines yet"
            raise Refusal(ErrorCode.NOT_SUPPORTED, message)

    def policy_changed(self, instance: Instance) -> None:
        """Take in the policy of an instance that was made, or whose policy was changed."""
        if instance.policy == "off" or instance.group is None:
            self._cloud.agenda.cancel(instance, Alarm.COOL)
            self.unpark(instance)
        elif instance.state is State.STOPPED:
            self._cloud.restarts.over(instance)
            self._move(instance, Trigger.PARK)
        else:
            self._arm(instance, self._cooldown_s(instance))

    def unpark(self, instance: Instance) -> None:
        """Let no request wake an instance in standby any more: it is stopped from now on."""
        if instance.state is State.STANDBY:
            self._move(instance, Trigger.UNPARK)
            # In a moment: this may be called by who is being told of a stop already.
            self._cloud.guard.post(lambda: self._rested(instance))

    def look(self, instance: Instance) -> None:
        """Scale an instance to zero if it is due, or see when it may be."""
        run, traffic = instance.run, instance.traffic
        if run is None or instance.state is not State.RUNNING or instance.policy == "off" or run.vetoes:
            return  # whoever ends this looks again
        if run.saving is not None or self._busy(instance):
            return
        cooldown_s = self._cooldown_s(instance)
        quiet_since = run.up_since if traffic.quiet_since is None else traffic.quiet_since
        quiet_since = max(quiet_since or 0.0, run.up_since or 0.0)
        left_s = quiet_since + cooldown_s - self._cloud.clock.monotonic()
        # A clock that counts in floats may be early by a hair.
        if left_s > 1e-6:
            self._arm(instance, left_s)
            return
        assert instance.scale_to_zero is not None
        self._cloud.lifecycle.sleep(instance, stateful=instance.scale_to_zero.stateful)
        self._cloud.waits.changed()

    def failed(self, instance: Instance) -> None:
        """Try again after another cool-down: the memory of an instance could not be saved."""
        if instance.policy != "off":
            self._arm(instance, max(self._cooldown_s(instance), _RETRY_S))

    def _up(self, instance: Instance) -> None:
        if instance.policy != "off":
            self._arm(instance, self._cooldown_s(instance))

    def _gone(self, instance: Instance) -> None:
        self._cloud.agenda.cancel(instance, Alarm.COOL)

    def _traffic(self, instance: Instance) -> None:
        if instance.policy == "off" or Alarm.COOL in instance.alarms:
            return
        if instance.state is State.RUNNING and not self._busy(instance):
            self._arm(instance, self._cooldown_s(instance))

    def _rested(self, instance: Instance) -> None:
        if instance.state is State.STOPPED:
            self._cloud.happenings.tell(Happening.STOPPED, instance)

    def _move(self, instance: Instance, trigger: Trigger) -> None:
        instance.state = after(instance.state, trigger) or instance.state
        self._cloud.waits.changed()

    def _arm(self, instance: Instance, delay_s: float) -> None:
        if instance.state is State.RUNNING:
            self._cloud.agenda.set(instance, Alarm.COOL, delay_s)

    @staticmethod
    def _busy(instance: Instance) -> bool:
        traffic = instance.traffic
        # Connections that are open but silent do not count for `idle` (Part D.15).
        connections = traffic.connections if instance.policy == "on" else 0
        return bool(traffic.requests or traffic.queued or connections)

    @staticmethod
    def _cooldown_s(instance: Instance) -> float:
        policy = instance.scale_to_zero
        return 0.0 if policy is None else policy.cooldown_time_ms / 1000
