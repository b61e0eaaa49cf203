"""Creating instances: a template may have to be prepared first, and there may be waits at the end.

Specification, Parts C.2, D.7 and D.10.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING

from ukrom.api.envelope import Outcome
from ukrom.api.views.instances import created_view
from ukrom.cloud import NotPrepared, Wait

from .progress import came_up, deadline, lapsed, stopped

if TYPE_CHECKING:
    from ukrom.api.call import Call
    from ukrom.cloud import Instance, InstanceOrder, Run, Steps

__all__ = ["create"]


def create(call: Call, order: InstanceOrder) -> list[Outcome | Steps[Outcome]] | Steps[list[Outcome]]:
    """Make instances, start them if asked to, and wait for them if asked to."""
    made = call.space.create_instances(order)
    if isinstance(made, Generator):
        return _prepared(call, made, order)
    return [_begun(call, instance, order) for instance in made]


def _prepared(call: Call, steps: Steps[list[Instance]], order: InstanceOrder) -> Steps[list[Outcome]]:
    try:
        made = yield from steps
    except NotPrepared as problem:
        return [_unprepared(problem)]
    # All are started before one is waited for.
    begun = [_begun(call, instance, order) for instance in made]
    outcomes: list[Outcome] = []
    for one in begun:
        outcome = (yield from one) if isinstance(one, Generator) else one
        outcomes.append(outcome)
    return outcomes


def _unprepared(problem: NotPrepared) -> Outcome:
    if problem.lapsed:
        return lapsed(problem.instance, problem.state)
    return stopped(problem.instance, "it became a template")


def _begun(call: Call, instance: Instance, order: InstanceOrder) -> Outcome | Steps[Outcome]:
    if not order.autostart:
        return Outcome(created_view(instance, call.suffix, waited=False))
    run = call.cloud.lifecycle.start(instance)
    if run is None:
        return stopped(instance)
    if not order.timeout_s:
        return Outcome(created_view(instance, call.suffix, waited=False))
    return _created(call, instance, run, deadline(call, instance, order.timeout_s))


def _created(call: Call, instance: Instance, run: Run, until: float) -> Steps[Outcome]:
    came = yield Wait(lambda: came_up(instance, run), until, instance)
    if run.up_since is not None:
        return Outcome(created_view(instance, call.suffix, waited=True))
    return stopped(instance) if came else lapsed(instance)
