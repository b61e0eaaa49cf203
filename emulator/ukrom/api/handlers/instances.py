"""What each operation on instances does with one item (specification, Parts B.1 and D)."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

from ukrom.api.envelope import Outcome
from ukrom.api.models.creation import CreateInstance
from ukrom.api.models.instances import (
    DeleteInstance,
    LogInstance,
    StartInstance,
    StopInstance,
    SuspendInstance,
    WaitInstance,
)
from ukrom.api.operation import Form, Operation
from ukrom.api.shapes import instances as shapes
from ukrom.api.views.instances import instance_view
from ukrom.api.views.references import brief, reference_view
from ukrom.cloud import FROZEN, ErrorCode, Refusal, State, Wait, log_window, not_found

from .creating import create
from .finding import find_instance
from .progress import came_up, deadline, lapsed, moved, seen, stopped

if TYPE_CHECKING:
    from collections.abc import Callable

    from ukrom.api.call import Call
    from ukrom.api.wire import Wire
    from ukrom.cloud import Instance, Run, Steps

__all__ = ["OPERATIONS"]


def listed(call: Call) -> list[Instance]:
    """Give the instances of a listing, oldest first, filtered by tags; [choice]: no templates."""
    tags = call.query.tags()
    return [one for one in call.space.instances if one.state not in FROZEN and tags.issubset(one.tags)]


def read(call: Call, instance: Instance) -> dict[str, Any]:
    """Show an instance."""
    return instance_view(instance, call.suffix, call.cloud.clock.monotonic())


def start(call: Call, instance: Instance, said: StartInstance) -> Outcome | Steps[Outcome]:
    """Start an instance, and wait until it runs if asked to."""
    previous = instance.state
    run = call.cloud.lifecycle.start(instance)
    if run is None:
        return stopped(instance)
    if not said.seconds or run.up_since is not None:
        return moved(instance, previous)
    return _started(call, instance, run, previous, said.seconds)


def _started(call: Call, instance: Instance, run: Run, previous: State, timeout_s: int) -> Steps[Outcome]:
    came = yield Wait(lambda: came_up(instance, run), deadline(call, instance, timeout_s), instance)
    if run.up_since is not None:
        return moved(instance, previous)
    return stopped(instance) if came else lapsed(instance)


def stop(call: Call, instance: Instance, said: StopInstance) -> Outcome:
    """Begin to stop an instance."""
    previous = instance.state
    call.cloud.lifecycle.stop(instance, said.order())
    return moved(instance, previous)


def suspend(call: Call, instance: Instance, said: SuspendInstance) -> Outcome:
    """Begin to suspend an instance."""
    previous = instance.state
    call.cloud.lifecycle.suspend(instance, said.drain_timeout_ms)
    return moved(instance, previous)


def wait(call: Call, instance: Instance, said: WaitInstance) -> Outcome | Steps[Outcome]:
    """Wait until an instance is in a state."""
    state = State(said.state)
    if instance.state is state:
        return seen(instance)
    if not said.seconds:
        return lapsed(instance)
    return _waited(call, instance, state, said.seconds)


def _waited(call: Call, instance: Instance, state: State, timeout_s: float) -> Steps[Outcome]:
    # [choice]: a run that ends while something else is awaited of it ends the wait, unless the
    # instance may come back by itself. One that does not run at all may still be started by somebody.
    run = instance.run
    came = yield Wait(
        lambda: (
            instance.state in {state, State.DELETED} or (run is not None and run.over and _stays(instance))
        ),
        deadline(call, instance, timeout_s),
        instance,
    )
    if instance.state is state:
        return seen(instance)
    if instance.state is State.DELETED:
        raise not_found("instance", "uuid", instance.uuid)
    if not came:
        return lapsed(instance)
    why = f": {instance.failure}" if instance.failure else ""
    message = (
        f"Instance is in state '{instance.state.value}' and will not reach '{state.value}' by itself{why}"
    )
    raise Refusal(ErrorCode.FAILED_WRONG_VM_STATE, message)


def _stays(instance: Instance) -> bool:
    """Tell whether an instance stays as it is: it runs no more, and no policy starts it again."""
    return instance.state in FROZEN or (instance.state is State.STOPPED and instance.restart is None)


def log(call: Call, instance: Instance, said: LogInstance) -> Outcome:
    """Give part of an instance's console."""
    limits, dropped = call.cloud.settings.limits, instance.console_dropped
    window = log_window(instance.console, said.offset, said.limit, limits, dropped=dropped)
    return Outcome(
        {
            **reference_view(instance),
            "output": base64.b64encode(window.output).decode(),
            "available": {"start": window.available[0], "end": window.available[1]},
            "range": {"start": window.range[0], "end": window.range[1]},
            "state": instance.state.value,
        }
    )


def delete(call: Call, instance: Instance, said: DeleteInstance) -> Outcome | Steps[Outcome]:
    """Delete an instance, and wait until its machine is gone if asked to."""
    previous = instance.state
    run = call.space.delete_instance(instance)
    done = Outcome({**reference_view(instance), "previous_state": previous.value})
    return _deleted(call, instance, run, said.timeout_s, done) if run is not None and said.timeout_s else done


def _deleted(call: Call, instance: Instance, run: Run, timeout_s: int, done: Outcome) -> Steps[Outcome]:
    came = yield Wait(lambda: run.ended, deadline(call, instance, timeout_s), instance)
    return done if came else lapsed(instance)


def _acting(
    name: str,
    method: str,
    verb: str,
    handler: Callable[..., Any],
    model: type[Wire],
    answer: Any,
    **more: Any,
) -> Operation:
    paths = (f"/instances{verb}", f"/instances/{{uuid}}{verb}")
    return Operation(
        name, method, paths, Form.ACT, handler, model, "instances", find_instance, answer=answer, **more
    )


# Clients' descriptions have these in the query of a wait, where the platform reads the body alone.
_WAITING = ("state", "timeout_s", "timeout_ms")
_NOT_RETAINED = (
    "Nothing is retained after its deletion, so `dont_retain` makes no difference: how long the platform "
    "retains what, and how it shows it, is not known."
)

OPERATIONS = (
    Operation(
        "create instances",
        "POST",
        ("/instances",),
        Form.CREATE,
        create,
        CreateInstance,
        "instances",
        answer=shapes.Instance,
    ),
    Operation(
        "read instances",
        "GET",
        ("/instances", "/instances/{uuid}"),
        Form.READ,
        read,
        key="instances",
        find=find_instance,
        listed=listed,
        brief=brief,
        answer=shapes.Instance,
        tagged=True,
    ),
    _acting(
        "delete instances",
        "DELETE",
        "",
        delete,
        DeleteInstance,
        shapes.DeletedInstance,
        simplified=_NOT_RETAINED,
    ),
    _acting("start instances", "PUT", "/start", start, StartInstance, shapes.MovedInstance),
    _acting("stop instances", "PUT", "/stop", stop, StopInstance, shapes.MovedInstance),
    _acting("suspend instances", "PUT", "/suspend", suspend, SuspendInstance, shapes.MovedInstance),
    _acting("wait for instances", "GET", "/wait", wait, WaitInstance, shapes.SeenInstance, query=_WAITING),
    _acting(
        "read instance logs",
        "GET",
        "/log",
        log,
        LogInstance,
        shapes.InstanceLog,
        arguments=("offset", "limit"),
    ),
)
