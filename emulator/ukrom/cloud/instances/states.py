"""What states an instance has, how it goes from one to the other, and why it stopped.

Specification, Parts D.1, D.2, D.4 and D.5.
"""

from __future__ import annotations

from enum import Enum, IntEnum, IntFlag, auto
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "CLEAN_SHUTDOWN",
    "FROZEN",
    "LIVE",
    "TRANSITIONS",
    "PlatformCode",
    "State",
    "StopReason",
    "Trigger",
    "after",
]


class State(Enum):
    """The state of an instance (specification, Part D.1)."""

    STOPPED = "stopped"  # not running; a start boots it afresh
    STARTING = "starting"  # a machine was asked for
    RUNNING = "running"  # the application's entry point was reached
    DRAINING = "draining"  # finishes its connections, gets no new ones
    STOPPING = "stopping"  # shuts down
    STANDBY = "standby"  # scaled to zero; the next request wakes it
    TEMPLATE = "template"  # frozen, the source of clones
    CHECKPOINT = "checkpoint"  # frozen, a copy of one moment
    DELETED = "deleted"  # gone, perhaps still retained

    # An Enum's own hash is that of its name, by a call in Python: long listings and many waits ask
    # for that ten thousand times.
    __hash__ = object.__hash__


class Trigger(Enum):
    """What moves an instance from one state to another."""

    START = auto()  # asked to start, or woken
    UP = auto()  # its machine runs the application
    DRAIN = auto()  # asked to stop, once its connections are done
    STOP = auto()  # asked to stop, or scaled to zero
    EXIT = auto()  # its application ended
    END = auto()  # its machine is gone, or never came to be
    GO_ON = auto()  # its memory could not be saved, so it goes on as before
    REST = auto()  # its machine is gone, and the next request may wake it
    FREEZE = auto()  # its memory was saved, or needs no saving: it is a template now
    PARK = auto()  # scale-to-zero applies to it from now on
    UNPARK = auto()  # scale-to-zero applies to it no more
    DELETE = auto()  # deleted


_MOVES = {
    (State.STOPPED, Trigger.START): State.STARTING,
    (State.STANDBY, Trigger.START): State.STARTING,
    (State.STARTING, Trigger.UP): State.RUNNING,
    (State.STARTING, Trigger.STOP): State.STOPPING,
    (State.STARTING, Trigger.EXIT): State.STOPPING,
    (State.STARTING, Trigger.END): State.STOPPED,
    (State.RUNNING, Trigger.DRAIN): State.DRAINING,
    (State.RUNNING, Trigger.STOP): State.STOPPING,
    (State.RUNNING, Trigger.EXIT): State.STOPPING,
    (State.RUNNING, Trigger.END): State.STOPPED,
    (State.DRAINING, Trigger.STOP): State.STOPPING,
    (State.DRAINING, Trigger.EXIT): State.STOPPING,
    (State.DRAINING, Trigger.END): State.STOPPED,
    (State.STOPPING, Trigger.STOP): State.STOPPING,
    (State.STOPPING, Trigger.END): State.STOPPED,
    (State.STOPPING, Trigger.REST): State.STANDBY,
    (State.STOPPING, Trigger.GO_ON): State.RUNNING,
    # A machine that is saved goes straight to its template; one that does not run has nothing to save.
    (State.STOPPED, Trigger.FREEZE): State.TEMPLATE,
    (State.STANDBY, Trigger.FREEZE): State.TEMPLATE,
    (State.RUNNING, Trigger.FREEZE): State.TEMPLATE,
    (State.STOPPING, Trigger.FREEZE): State.TEMPLATE,
    (State.STOPPED, Trigger.PARK): State.STANDBY,
    (State.STANDBY, Trigger.UNPARK): State.STOPPED,
}

TRANSITIONS: Mapping[tuple[State, Trigger], State] = MappingProxyType(
    {**_MOVES, **{(state, Trigger.DELETE): State.DELETED for state in State if state is not State.DELETED}}
)
"""Every move there is; a trigger without an entry for the state changes nothing."""

LIVE = frozenset({State.STARTING, State.RUNNING, State.DRAINING, State.STOPPING})
"""States in which an instance has a machine, and counts against the live quotas."""

FROZEN = frozenset({State.TEMPLATE, State.CHECKPOINT})
"""States that are for ever; such an instance is listed by routes of its own (Part D.9)."""


def after(state: State, trigger: Trigger) -> State | None:
    """Give the state to which `trigger` leads from `state`, or None if it means nothing there."""
    return TRANSITIONS.get((state, trigger))


class StopReason(IntFlag):
    """Why an instance stopped (specification, Part D.4)."""

    KERNEL = 1  # K: the kernel exited, `stop_code` is valid
    APP = 2  # A: the application exited, `exit_code` is valid
    PLATFORM = 4  # P: the platform did it; always set with USER
    USER = 8  # U: someone asked for it
    FORCED = 16  # F: without a clean shutdown
    SCALE_TO_ZERO = 32  # Z: scaled to zero, or suspended


class PlatformCode(IntEnum):
    """`stop_code` when the stop reason is PLATFORM alone (specification, Part D.5)."""

    UNKNOWN = 0
    NO_MEDIUM = 1


CLEAN_SHUTDOWN = 0x8100
"""The kernel's stop code of an orderly shutdown (specification, Part D.5)."""
