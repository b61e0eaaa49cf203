"""Why an instance stopped: the reason, its codes, and the same in a sentence (specification, D.4 and D.5)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .instance import Asked
from .states import CLEAN_SHUTDOWN, PlatformCode, StopReason

if TYPE_CHECKING:
    from ukrom.cloud.ports import Ended

    from .instance import Run

__all__ = ["REASONS", "SAVED_REASONS", "Stop", "stop_of"]


@dataclass(frozen=True, slots=True)
class Stop:
    """Why an instance stopped."""

    reason: StopReason
    stop_code: int | None = None
    """The kernel's, if the reason has the K bit; the platform's, if it is P alone."""
    exit_code: int | None = None
    failure: str | None = None
    """The reason in a sentence; None where nothing went wrong."""


_ORDERLY = StopReason.PLATFORM | StopReason.KERNEL

REASONS = {
    # What was asked of the machine, and what that alone says; its own exits are added.
    Asked.NOTHING: StopReason.KERNEL,
    Asked.STOP: StopReason.USER | _ORDERLY,
    Asked.FORCE: StopReason.FORCED | StopReason.USER | StopReason.PLATFORM,
    Asked.PLATFORM: _ORDERLY,
    Asked.SLEEP: StopReason.SCALE_TO_ZERO | _ORDERLY,
}
SAVED_REASONS = {
    # With its memory saved it is still alive: its kernel and application have nothing to report. [choice]
    Asked.SLEEP: StopReason.SCALE_TO_ZERO | StopReason.PLATFORM,
    Asked.SUSPEND: StopReason.SCALE_TO_ZERO | StopReason.USER | StopReason.PLATFORM,
}


def stop_of(run: Run, event: Ended) -> Stop:
    """Tell why the machine of a run ended, out of what was asked of it and what it reported."""
    asked = Asked.NOTHING if run.cut_off else run.asked
    if run.memory is not None and asked in SAVED_REASONS:
        return Stop(SAVED_REASONS[asked])
    if event.error is not None and asked is Asked.NOTHING:
        return Stop(StopReason.PLATFORM, PlatformCode.UNKNOWN, failure=event.error)
    reason = REASONS[asked]
    if not event.started and event.kernel_code is None:
        reason &= ~StopReason.KERNEL  # it was ended before its kernel could say anything
    if run.exit_code is not None:
        # The kernel goes down after its application, so its exit is known too.
        reason |= StopReason.APP | StopReason.KERNEL
    stop_code = CLEAN_SHUTDOWN if event.kernel_code is None else event.kernel_code
    failure = _failure(run, event, stop_code) if asked is Asked.NOTHING else None
    return Stop(reason, stop_code if reason & StopReason.KERNEL else None, run.exit_code, failure)


def _failure(run: Run, event: Ended, stop_code: int) -> str | None:
    if run.exit_code is not None:
        return None if not run.exit_code else f"the application exited with code {run.exit_code}"
    if stop_code != CLEAN_SHUTDOWN:
        return f"the kernel crashed with stop code {stop_code:#x}"
    return None if event.started else "the machine ended before the application was started"
