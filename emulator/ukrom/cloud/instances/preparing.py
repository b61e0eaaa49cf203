"""Templates on demand: an instance is started that makes itself a template (specification, D.10)."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace
from typing import TYPE_CHECKING, NoReturn

from ukrom.cloud.index import missing
from ukrom.cloud.orders import NO_AUTOKILL
from ukrom.cloud.ports import Ability
from ukrom.cloud.refusals import ErrorCode, Refusal
from ukrom.cloud.waits import Wait

from .making import make_instances
from .plans import plan_instance
from .states import FROZEN, State

if TYPE_CHECKING:
    from collections.abc import Callable

    from ukrom.cloud.orders import InstanceOrder, TemplateOrder
    from ukrom.cloud.space import Space
    from ukrom.cloud.waits import Steps

    from .instance import Instance
    from .origins import Origin

__all__ = ["NotPrepared", "check_nested", "prepare"]


class NotPrepared(Exception):
    """A template was not there in time, or its guest stopped before it wrote the template file.

    Args:
        instance: The instance that was to become the template.
        state: The state that it was last seen in.
        lapsed: Whether only the time was over.
    """

    def __init__(self, instance: Instance, state: State, *, lapsed: bool) -> None:
        super().__init__(instance.name)
        self.instance = instance
        self.state = state
        self.lapsed = lapsed


def check_nested(space: Space, wanted: TemplateOrder) -> None:
    """Check what templates are to be made of, from the outermost inward, before one is begun.

    Raises:
        Refusal: With the codes of the specification, Parts A.6, E.12 and F; 23 when an ordinary
            instance has the name.
    """
    if _present(space, wanted) is not None:
        return
    args = _arguments(wanted)
    plan_instance(args, space.cloud.settings.limits, as_template=True)
    runner = space.account.runner or space.cloud.runner
    if Ability.SNAPSHOTS not in runner.abilities:
        message = "Templates on demand need snapshots of memory, which real machines do not have yet"
        raise Refusal(ErrorCode.NOT_SUPPORTED, message)
    if args.template is None:
        return
    if args.template.prepare:
        check_nested(space, args.template)
    else:
        space.template(args.template.ref)


def prepare(
    space: Space,
    wanted: TemplateOrder,
    begun: Callable[[Space, InstanceOrder, float | None], Origin | Steps[Origin]],
    deadline: float | None,
) -> Steps[Instance]:
    """Give a template, made first if there is none; calls for one name converge on one template.

    Args:
        space: Where.
        wanted: The template.
        begun: Finds what an instance begins as; for nested templates.
        deadline: When the call around this one gives up, by the clock's `monotonic`.

    Raises:
        Refusal: Something about the template, or about one that it is made of, is not in order.
        NotPrepared: Its guest did not write the template file.
    """
    cloud = space.cloud
    if wanted.prepare_timeout_s:
        own = cloud.clock.monotonic() + wanted.prepare_timeout_s
        deadline = own if deadline is None else min(own, deadline)
    found = _present(space, wanted)
    if found is None:
        args = _arguments(wanted)
        origin = begun(space, args, deadline)
        if isinstance(origin, Generator):
            origin = yield from origin
        # Meanwhile another call may have come to the same point.
        found = _present(space, wanted) or _begin(space, args, origin, wanted)
    if found.state not in FROZEN:
        yield from _written(space, found, deadline)
    return found


def _present(space: Space, wanted: TemplateOrder) -> Instance | None:
    """Find the template, or the instance that is about to become it."""
    found = space.instances.get(wanted.ref)
    if found is None or found.state in FROZEN:
        return found
    if not found.preparing:
        space.instances.check_free(found.name)
    # [choice]: what is left of an attempt that failed gives way to the next one.
    return None if _resting(found) and not space.cloud.templates.awaited[found.uuid] else found


def _arguments(wanted: TemplateOrder) -> InstanceOrder:
    if wanted.create_args is None:
        raise missing("instance template", wanted.ref)
    return replace(wanted.create_args, name=wanted.ref.name)


def _begin(space: Space, args: InstanceOrder, origin: Origin, wanted: TemplateOrder) -> Instance:
    cloud = space.cloud
    left = space.instances.get(wanted.ref)
    if left is not None:
        space.delete_instance(left)
    (made,) = make_instances(space, args, origin, as_template=True)
    made.template_autokill = wanted.autokill or NO_AUTOKILL
    cloud.lifecycle.start(made)
    return made


def _written(space: Space, instance: Instance, deadline: float | None) -> Steps[None]:
    """Wait until the guest wrote the template file."""
    cloud = space.cloud
    awaited = cloud.templates.awaited
    awaited[instance.uuid] += 1
    try:
        came = yield Wait(
            lambda: (
                instance.state in {State.TEMPLATE, State.DELETED}
                or not instance.preparing
                or _resting(instance)
            ),
            deadline,
        )
    finally:
        awaited[instance.uuid] -= 1
        alone = not awaited[instance.uuid]
        if alone:
            del awaited[instance.uuid]
    if instance.state is not State.TEMPLATE:
        _not_written(space, instance, came=came, alone=alone)


def _not_written(space: Space, instance: Instance, *, came: bool, alone: bool) -> NoReturn:
    """Clear up after a template that did not come to be, and say why.

    Args:
        space: Where.
        instance: What was to become the template.
        came: Whether it was decided before the time was over.
        alone: Whether nobody else waits for it.
    """
    cloud, state = space.cloud, instance.state
    if not came:
        # The preparation is aborted, unless others still have the patience for it.
        if alone:
            cloud.remove(instance)
        raise NotPrepared(instance, state, lapsed=True)
    if state is State.STOPPED and instance.preparing:
        # [choice]: it stays, for its log and its stop reason to be read.
        raise NotPrepared(instance, state, lapsed=False)
    if state is not State.DELETED:
        cloud.remove(instance)
    why = f": {instance.failure}" if instance.failure else ""
    raise Refusal(ErrorCode.FAILED_OPERATION, f"Failed to create instance template '{instance.name}'{why}")


def _resting(instance: Instance) -> bool:
    return instance.state is State.STOPPED and instance.restart is None
