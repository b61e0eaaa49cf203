"""Outcomes of what takes its time: where an instance is, and how long somebody waits for it (Part D.7)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ukrom.api.envelope import Outcome
from ukrom.api.views.references import reference_view
from ukrom.cloud import State

if TYPE_CHECKING:
    from ukrom.api.call import Call
    from ukrom.cloud import Instance, Run

__all__ = ["came_up", "deadline", "lapsed", "moved", "seen", "stopped"]


def deadline(call: Call, instance: Instance, timeout_s: float) -> float:
    """Give when a wait ends, by the clock's `monotonic`; -1 waits as long as the platform does."""
    cloud = call.cloud
    longest_s = cloud.settings.longest_wait_s * cloud.speed(instance)
    return cloud.clock.monotonic() + (longest_s if timeout_s < 0 else timeout_s)


def came_up(instance: Instance, run: Run) -> bool:
    """Tell whether a run came to its application, or never will; one that is to be deleted then is gone."""
    if run.up_since is not None:
        return True
    leaves = instance.state is State.STOPPED and "delete-on-stop" in instance.features
    return run.over and not (leaves and not instance.delete_lock)


def seen(instance: Instance) -> Outcome:
    """Tell the state of an instance."""
    return Outcome({**reference_view(instance), "state": instance.state.value})


def moved(instance: Instance, previous: State) -> Outcome:
    """Tell the state of an instance, and the one before."""
    states = {"state": instance.state.value, "previous_state": previous.value}
    return Outcome({**reference_view(instance), **states})


def stopped(instance: Instance, before: str = "it was running") -> Outcome:
    """Tell that an instance stopped before what was waited for.

    There is no error code: clients then read the instance for the reason (Part D.7).
    """
    # One that is deleted when it stops may only be about to be: there will be nothing to read.
    doomed = "delete-on-stop" in instance.features and not instance.delete_lock
    state = State.DELETED if doomed else instance.state
    view = {**reference_view(instance), "state": state.value}
    if instance.failure is not None:
        view["message"] = f"Instance stopped before {before}: {instance.failure}"
    return Outcome(view, failed=True)


def lapsed(instance: Instance, state: State | None = None) -> Outcome:
    """Tell that a wait was over before its end; `state` is the one last seen, if not the present one."""
    view = {**reference_view(instance), "state": (state or instance.state).value}
    return Outcome(view, timed_out=True)
