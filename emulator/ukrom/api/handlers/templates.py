"""What each operation on templates does with one item (specification, Parts B.1 and D.9)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ukrom.api.envelope import Outcome
from ukrom.api.models.templates import ConvertInstance
from ukrom.api.operation import Form, Operation
from ukrom.api.shapes import instances as shapes
from ukrom.api.shapes.references import Reference
from ukrom.api.views.instances import instance_view
from ukrom.api.views.references import brief, reference_view
from ukrom.cloud import ErrorCode, Refusal, State, Wait

from .finding import find_instance, find_template
from .progress import deadline, lapsed, seen

if TYPE_CHECKING:
    from ukrom.api.call import Call
    from ukrom.api.selection import Bare
    from ukrom.cloud import Conversion, Instance, Steps

__all__ = ["OPERATIONS"]


def listed(call: Call) -> list[Instance]:
    """Give the templates of a listing, oldest first, filtered by tags."""
    tags = call.query.tags()
    return [one for one in call.space.instances if one.state is State.TEMPLATE and tags.issubset(one.tags)]


def read(call: Call, template: Instance) -> dict[str, Any]:
    """Show a template."""
    return instance_view(template, call.suffix, call.cloud.clock.monotonic())


def convert(call: Call, instance: Instance, said: ConvertInstance) -> Outcome | Steps[Outcome]:
    """Make an instance a template, in place, and wait until it is one if asked to."""
    conversion = call.cloud.templates.convert(instance, said.policy)
    if conversion.over or not said.seconds:
        return seen(instance)
    return _converted(call, conversion, said.seconds)


def _converted(call: Call, conversion: Conversion, timeout_s: int) -> Steps[Outcome]:
    instance = conversion.instance
    came = yield Wait(lambda: conversion.over, deadline(call, instance, timeout_s))
    if instance.state is State.TEMPLATE:
        return seen(instance)
    if not came:
        return lapsed(instance)
    why = conversion.error or "the instance was deleted"
    raise Refusal(ErrorCode.FAILED_OPERATION, f"Failed to create instance template: {why}")


def delete(call: Call, template: Instance, said: Bare) -> Outcome:  # noqa: ARG001 - nothing can be said.
    """Delete a template; its clones go on."""
    call.space.delete_instance(template)
    return Outcome(reference_view(template))


_PATHS = ("/instances/templates", "/instances/templates/{uuid}")

OPERATIONS = (
    Operation(
        "convert instances into templates",
        "POST",
        ("/instances/templates",),
        Form.ACT,
        convert,
        ConvertInstance,
        "instances",
        find_instance,
        answer=shapes.SeenInstance,
        lone=True,
    ),
    Operation(
        "read instance templates",
        "GET",
        _PATHS,
        Form.READ,
        read,
        key="instances",
        find=find_template,
        listed=listed,
        brief=brief,
        answer=shapes.Instance,
        tagged=True,
    ),
    Operation(
        "delete instance templates",
        "DELETE",
        _PATHS,
        Form.ACT,
        delete,
        key="instances",
        find=find_template,
        answer=Reference,
    ),
)
