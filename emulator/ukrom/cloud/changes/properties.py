"""What one change makes of one property (specification, Part A.13).

`set` replaces, and clears where there is no value; `add` merges into lists and maps; `del` takes
members out of them, and without a value takes out nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeAlias, TypeVar

from ukrom.cloud.orders import Op
from ukrom.cloud.refusals import ErrorCode, Refusal

if TYPE_CHECKING:
    from collections.abc import Callable

    from ukrom.cloud.orders import Change
    from ukrom.cloud.settings import Limits
    from ukrom.cloud.space import Space

    Check: TypeAlias = Callable[[Space, Any, Any], Any]

__all__ = ["REQUIRED", "Check", "Property", "held", "listed", "mapped", "scalar"]

R = TypeVar("R")

REQUIRED: Any = object()
"""Stands for the default of a property that cannot be without a value."""


@dataclass(frozen=True, slots=True)
class Property(Generic[R]):
    """A property that can be changed."""

    get: Callable[[R], Any]
    """Gives its value."""
    work_out: Callable[[Space, R, Any, Change], Any]
    """Gives what a change makes of a value (the third argument), or refuses; changes nothing."""
    put: Callable[[Space, R, Any], object]
    """Puts in place what was worked out."""
    queued: bool = False
    """Whether it waits for a running instance to stop."""
    frozen: bool = False
    """Whether it is part of a snapshot, so that it cannot change while the instance has one."""


def held(rule: Callable[[Any, Limits], object]) -> Check:
    """Make a check of a rule that holds for a value by itself, whatever resource it is for.

    Args:
        rule: Refuses a value, in view of the cloud's limits.
    """

    def check(space: Space, _: Any, value: Any) -> Any:
        rule(value, space.cloud.settings.limits)
        return value

    return check


def scalar(
    get: Callable[[R], Any],
    put: Callable[[Space, R, Any], object],
    check: Check,
    *,
    default: Callable[[R], Any] = lambda _: REQUIRED,
    queued: bool = False,
    frozen: bool = False,
) -> Property[R]:
    """Make a property that is one value, which can only be set.

    Args:
        get: Gives its value.
        put: Puts a value in place.
        check: Holds a value to its rules, and gives it in its final form.
        default: What it is when it is cleared; `REQUIRED` where that is not possible.
        queued: Whether it waits for a stop.
        frozen: Whether a snapshot holds it.
    """

    def work_out(space: Space, resource: R, _: Any, change: Change) -> Any:
        if change.op is not Op.SET:
            message = f"'{change.op.value}' is for lists and maps; '{change.prop}' can only be set"
            raise Refusal(ErrorCode.INVALID, message)
        if change.given:
            return check(space, resource, change.value)
        cleared = default(resource)
        if cleared is REQUIRED:
            raise Refusal(ErrorCode.INVALID, f"'{change.prop}' cannot be cleared")
        return cleared

    return Property(get, work_out, put, queued, frozen)


def listed(
    get: Callable[[R], tuple[Any, ...] | None],
    put: Callable[[Space, R, Any], object],
    check: Check,
    *,
    queued: bool = False,
    frozen: bool = False,
    cleared: tuple[Any, ...] | None = (),
) -> Property[R]:
    """Make a property that is a list, of which members are taken out by their values.

    [choice]: a value that is not there is none to take out. Arguments as for `scalar`; `cleared` is
    what it is without a value.
    """

    def work_out(space: Space, resource: R, value: Any, change: Change) -> Any:
        if change.op is Op.SET:
            return check(space, resource, tuple(change.value)) if change.given else cleared
        if not change.given:
            return value
        if change.op is Op.ADD:
            return check(space, resource, (*(value or ()), *change.value))
        return tuple(member for member in value or () if member not in change.value)

    return Property(get, work_out, put, queued, frozen)


def mapped(
    get: Callable[[R], Any],
    put: Callable[[Space, R, Any], object],
    check: Check,
    *,
    queued: bool = False,
    frozen: bool = False,
) -> Property[R]:
    """Make a property that is a map, of which members are taken out by their keys.

    [choice]: a key that is not there is none to take out. Arguments as for `scalar`; without a value
    it is None.
    """

    def work_out(space: Space, resource: R, value: Any, change: Change) -> Any:
        if change.op is Op.SET:
            return check(space, resource, dict(change.value)) if change.given else None
        if not change.given:
            return value
        if change.op is Op.ADD:
            return check(space, resource, {**(value or {}), **change.value})
        if value is None:
            return None
        return {key: kept for key, kept in value.items() if key not in change.value}

    return Property(get, work_out, put, queued, frozen)
