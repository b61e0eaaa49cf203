"""The life of one machine as a state machine."""

from __future__ import annotations

from enum import Enum, auto

__all__ = ["MachineState", "next_state"]


class MachineState(Enum):
    """Where a machine is between being asked for and being gone."""

    ASKED = auto()
    """Wanted, no process yet."""
    BOOTING = auto()
    """QEMU runs; the kernel boots or the agent prepares the instance."""
    RUNNING = auto()
    """The application's entry point was reached."""
    STOPPING = auto()
    """The application was asked to end, or has ended and the machine is going down."""
    ENDED = auto()
    """No process is left."""


_TRANSITIONS: dict[MachineState, frozenset[MachineState]] = {
    MachineState.ASKED: frozenset({MachineState.BOOTING, MachineState.ENDED}),
    MachineState.BOOTING: frozenset({MachineState.RUNNING, MachineState.STOPPING, MachineState.ENDED}),
    MachineState.RUNNING: frozenset({MachineState.STOPPING, MachineState.ENDED}),
    MachineState.STOPPING: frozenset({MachineState.STOPPING, MachineState.ENDED}),
    MachineState.ENDED: frozenset(),
}


def next_state(now: MachineState, wanted: MachineState) -> MachineState:
    """`wanted`, if it may follow `now`; otherwise `now`.

    Two things that end a machine may cross (its application exits while it is being stopped), so a
    step that comes too late is no error: the machine is already further.
    """
    return wanted if wanted in _TRANSITIONS[now] else now
