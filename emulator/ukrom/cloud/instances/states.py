"""What states an instance has, how it goes from one to the other, and why it stopped.

Specification, Parts D.1, D.2, D.4 and D.5.
"""

from __future__ import annotations

from enum import Enum, IntEnum, IntFlag, auto
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["CLEAN_SHUTDOWN", "TRANSITIONS", "PlatformCode", "State", "StopReason", "Trigger", "after"]


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


class Trigger(Enum):
    """What moves an instance from one state to another."""

    START = auto()  # asked to start
    UP = auto()  # its machine runs the application
    DRAIN = auto()  # asked to stop, once its connections are done
    STOP = auto()  # asked to stop
    EXIT = auto()  # its application ended
    END = auto()  # its machine is gone, or never came to be


TRANSITIONS: Mapping[tuple[State, Trigger], State] = MappingProxyType(
    {
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
    }
)
"""Every move there is; a trigger without an entry for the state changes nothing."""


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
    SCALE_TO_ZERO = 32  # Z


class PlatformCode(IntEnum):
    """`stop_code` when the stop reason is PLATFORM alone (specification, Part D.5)."""

    UNKNOWN = 0
    NO_MEDIUM = 1


CLEAN_SHUTDOWN = 0x8100
"""The kernel's stop code of an orderly shutdown (specification, Part D.5)."""
