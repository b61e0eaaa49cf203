"""Machines of instances that were loaded: taken up where they were left, or given up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ukrom.cloud.instances.booting import StartFailed, machine_spec, pull
from ukrom.cloud.instances.instance import Asked, Run
from ukrom.cloud.instances.states import LIVE, State
from ukrom.errors import ImageError

if TYPE_CHECKING:
    from ukrom.cloud.cloud import Cloud
    from ukrom.cloud.instances.instance import Instance
    from ukrom.cloud.ports import MachineSpec

    from .resources import RunDocument

__all__ = ["take_up"]


def take_up(cloud: Cloud, instance: Instance, document: RunDocument) -> None:
    """Go on with a run that was under way when its instance was dumped.

    [choice]: a machine that was on its way up or down is asked anew for what it was asked before. Where
    the runner has no such machine, the instance has stopped for a reason of the platform's.
    """
    lifecycle = cloud.lifecycle
    assert instance.state in LIVE
    if instance.state is State.STARTING:
        # How far it had come nobody knows: the same start begins once more.
        instance.state = State.STOPPED
        instance.start_count -= 1
        lifecycle.begin(instance)
        return
    spec = _spec(cloud, instance)
    run = Run(exit_code=document.exit_code, published=set(document.published), vetoes=document.vetoes)
    instance.run = run
    report = lifecycle.reporter(instance, run)
    runner = cloud.runner_of(instance)
    run.machine = None if spec is None else runner.adopt(spec, report)
    if run.machine is None:
        lifecycle.give_up(instance, "its machine did not outlive the state that was loaded")
        return
    if document.up_for_s is not None:
        run.up_since = cloud.clock.monotonic() - document.up_for_s
    for port in document.published:
        run.machine.publish(port)
    run.asked = document.asked
    if instance.state is State.DRAINING:
        # What it was draining is gone with whoever waited for it.
        instance.state, run.asked = State.STOPPING, Asked.STOP
    if instance.state is State.STOPPING:
        _end(cloud, instance, run)


def _end(cloud: Cloud, instance: Instance, run: Run) -> None:
    assert run.machine is not None
    stateful = instance.scale_to_zero is not None and instance.scale_to_zero.stateful
    if run.asked in {Asked.SUSPEND, Asked.TEMPLATE} or (run.asked is Asked.SLEEP and stateful):
        # Its memory is saved once more: of a snapshot that was not complete nothing is left.
        instance.state = State.RUNNING
        cloud.lifecycle.end_saved(instance, run, run.asked)
    elif run.asked in {Asked.FORCE, Asked.NOTHING}:
        run.machine.kill()  # of one that nothing was asked of, the application has ended already
    else:
        run.machine.stop(grace_s=cloud.settings.stop_grace_s * cloud.speed(instance))


def _spec(cloud: Cloud, instance: Instance) -> MachineSpec | None:
    try:
        pull(instance, cloud.images)
        return machine_spec(instance)
    except (StartFailed, ImageError):
        return None
