"""From a request to instances: where they begin is found, or made, first (specification, C.2)."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import nullcontext
from typing import TYPE_CHECKING

from .branching import branch
from .making import check_order, make_instances
from .origins import Origin, copy_of, fresh
from .preparing import check_nested, prepare

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from ukrom.cloud.orders import InstanceOrder, TemplateOrder
    from ukrom.cloud.space import Space
    from ukrom.cloud.waits import Steps

    from .instance import Instance

__all__ = ["create_instances"]


def create_instances(space: Space, order: InstanceOrder) -> list[Instance] | Steps[list[Instance]]:
    """Make 1 + `replicas` instances, stopped; nothing is made when something is refused.

    Returns:
        The instances; or, when a template has to be prepared or a running instance to be saved
        first, the steps that lead to them.

    Raises:
        Refusal: With the codes of the specification, Parts A.6, E.12 and F. Steps raise it too, and
            `NotPrepared`.
    """
    check_order(space, order)
    origin = _origin(space, order, None)
    if isinstance(origin, Generator):
        return _after(space, order, origin)
    return make_instances(space, order, origin)


def _after(space: Space, order: InstanceOrder, steps: Steps[Origin]) -> Steps[list[Instance]]:
    origin = yield from steps
    with _kept(space, origin):
        return make_instances(space, order, origin)


def _origin(space: Space, order: InstanceOrder, deadline: float | None) -> Origin | Steps[Origin]:
    if order.branch_from is not None:
        return branch(space, order.branch_from)
    if order.template is None:
        return fresh(order)
    if not order.template.prepare:
        return copy_of(space.template(order.template.ref))
    check_nested(space, order.template)
    return _prepared(space, order.template, deadline)


def _prepared(space: Space, wanted: TemplateOrder, deadline: float | None) -> Steps[Origin]:
    return copy_of((yield from prepare(space, wanted, _origin, deadline)))


def _kept(space: Space, origin: Origin) -> AbstractContextManager[None]:
    """Keep a snapshot that nothing holds yet, and have it forgotten if nothing comes to hold it."""
    model = origin.model
    if origin.snapshot is None or model is None:
        return nullcontext()
    return space.cloud.snapshots.kept((origin.snapshot,), space.cloud.runner_of(model))
