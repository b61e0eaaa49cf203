"""From a request to the items it means, one way for each form of operation."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from ukrom.cloud import Refusal

from .envelope import Outcome, RequestRefused
from .operation import Form
from .selection import page, required, targets
from .wire import read_list, read_object

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from uuid import UUID

    from ukrom.cloud import Ref

    from .batch import Batch
    from .call import Call
    from .operation import Operation
    from .selection import Target

__all__ = ["FILL", "meant"]


def meant(operation: Operation, call: Call) -> list[dict[str, str]]:
    """Give the identifiers of the items that a request means, and leave the items alone.

    Raises:
        RequestRefused: 400; the request cannot be understood.
    """
    if operation.form is Form.CREATE:
        return [_named(order) for order in _orders(operation, call)]
    found = _targets(operation, call)
    if operation.form is Form.ACT:
        _check(call, found)
    elif not found:
        listing = _page(operation, call) if operation.form is Form.READ else _listed(operation, call)
        return [{"uuid": str(resource.uuid), "name": resource.name} for resource in listing]
    return [target.identifiers for target in found]


def _fill_create(operation: Operation, call: Call, batch: Batch) -> None:
    for order in _orders(operation, call):
        batch.attempt(_named(order), partial(operation.handler, call, order))


def _orders(operation: Operation, call: Call) -> list[Any]:
    body = call.request.body
    if not body.strip():
        raise RequestRefused(400, "The request body is missing")
    array = operation.array or body.lstrip()[:1] == b"["
    models: list[Any] = (
        read_list(operation.model, body, call.ignored)
        if array
        else [read_object(operation.model, body, call.ignored)]
    )
    for model in models:
        model.check()
        call.warn(model.warnings())
    return [model.order() for model in models]


def _named(order: Any) -> dict[str, str]:
    return {} if order.name is None else {"name": order.name}


def _fill_act(operation: Operation, call: Call, batch: Batch) -> None:
    found = _targets(operation, call)
    _check(call, found)
    if operation.vet is not None:
        operation.vet(call, [(target.ref, target.said) for target in found])
    for target in found:
        if isinstance(target.ref, Refusal):
            batch.add(target.failed(target.ref))
        else:
            batch.attempt(target.identifiers, partial(_act, operation, call, target, target.ref))


def _targets(operation: Operation, call: Call) -> list[Target[Any]]:
    body = call.request.body
    if operation.lone and call.path_uuid is None and body.lstrip()[:1] == b"{":
        body = b"[%b]" % body
    found = targets(
        operation.model,
        call.path_uuid,
        call.query,
        body,
        arguments=operation.arguments,
        ignored=call.ignored,
    )
    return found if len(found) < 2 else list(_distinct(operation, call, found))


def _distinct(operation: Operation, call: Call, found: list[Target[Any]]) -> Iterator[Target[Any]]:
    """Leave out filters that lead to what is meant already, by another reference.

    Filters are a union (Part A.10), and a body that names what to read is one of them (A.12). What a
    body says to do to a resource is done as often as it is said.
    """
    seen: set[UUID] = set()
    for target in found:
        uuid = _uuid_of(operation, call, target.ref)
        if uuid in seen and (target.is_filter or operation.form is not Form.ACT):
            continue
        if uuid is not None:
            seen.add(uuid)
        yield target


def _uuid_of(operation: Operation, call: Call, ref: Ref | Refusal) -> UUID | None:
    assert operation.find is not None
    if isinstance(ref, Refusal):
        return None
    try:
        found: UUID = operation.find(call, ref).uuid
    except Refusal:
        return None
    return found


def _check(call: Call, found: list[Target[Any]]) -> None:
    required(found, call.request.body)
    for target in found:
        target.said.check()
        call.warn(target.said.warnings())


def _act(operation: Operation, call: Call, target: Target[Any], ref: Ref) -> Any:
    assert operation.find is not None
    return operation.handler(call, operation.find(call, ref), target.said)


def _fill_read(operation: Operation, call: Call, batch: Batch) -> None:
    assert operation.brief is not None
    details = call.query.flag("details")
    if _fill_named(operation, call, batch, operation.brief if details is False else operation.handler):
        return
    # A plain listing shows references unless details are asked for. [choice]
    show = operation.handler if details else operation.brief
    for resource in _page(operation, call):
        batch.add(Outcome(show(call, resource)))


def _fill_show(operation: Operation, call: Call, batch: Batch) -> None:
    if not _fill_named(operation, call, batch, operation.handler):
        for resource in _listed(operation, call):
            batch.add(Outcome(operation.handler(call, resource)))


def _fill_named(operation: Operation, call: Call, batch: Batch, show: Callable[..., Any]) -> bool:
    """Add the items that are named; tells whether any are."""
    found = _targets(operation, call)
    for target in found:
        if isinstance(target.ref, Refusal):
            batch.add(target.failed(target.ref))
        else:
            batch.attempt(target.identifiers, partial(_read, operation, call, show, target.ref))
    return bool(found)


def _page(operation: Operation, call: Call) -> Iterable[Any]:
    return page(_listed(operation, call), call.query)


def _listed(operation: Operation, call: Call) -> list[Any]:
    assert operation.listed is not None
    resources: list[Any] = operation.listed(call)
    return resources


def _read(operation: Operation, call: Call, show: Callable[..., Any], ref: Ref) -> Outcome:
    assert operation.find is not None
    return Outcome(show(call, operation.find(call, ref)))


FILL = {Form.CREATE: _fill_create, Form.ACT: _fill_act, Form.READ: _fill_read, Form.SHOW: _fill_show}
