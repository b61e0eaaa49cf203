"""The reasons of stops, as the table of the specification has them (Part D.4)."""

from __future__ import annotations

from uuid import uuid4

import pytest

from ukrom.cloud import Ended, Run, Snapshot
from ukrom.cloud.instances.instance import Asked, Saving
from ukrom.cloud.instances.stops import stop_of

OUT_OF_MEMORY = 0x0C7F04


def run_of(asked, exit_code=None, *, memory=False, saving=False):
    return Run(
        asked=asked,
        exit_code=exit_code,
        memory=Snapshot(uuid4()) if memory else None,
        saving=Saving(uuid4(), lambda *_: None) if saving else None,
    )


@pytest.mark.parametrize(
    ("run", "ended", "reason", "stop_code"),
    [
        (run_of(Asked.NOTHING, 3), Ended(started=True), 3, 0x8100),
        (run_of(Asked.NOTHING), Ended(started=True, kernel_code=OUT_OF_MEMORY), 1, OUT_OF_MEMORY),
        (run_of(Asked.NOTHING), Ended(started=False), 0, None),
        (run_of(Asked.NOTHING), Ended(started=True, error="QEMU died"), 4, 0),
        (run_of(Asked.STOP, 143), Ended(started=True), 15, 0x8100),
        (run_of(Asked.STOP), Ended(started=True), 13, 0x8100),
        (run_of(Asked.STOP), Ended(started=False), 12, None),
        (run_of(Asked.FORCE), Ended(started=True), 28, None),
        (run_of(Asked.FORCE, 137), Ended(started=True), 31, 0x8100),
        (run_of(Asked.PLATFORM, 0), Ended(started=True), 7, 0x8100),
        (run_of(Asked.SLEEP, 1), Ended(started=True), 39, 0x8100),
        (run_of(Asked.SLEEP, memory=True, saving=True), Ended(started=True), 36, None),
        (run_of(Asked.SUSPEND, memory=True, saving=True), Ended(started=True), 44, None),
    ],
)
def test_reason_and_code_are_the_documented_ones(run, ended, reason, stop_code):
    stop = stop_of(run, ended)

    assert (int(stop.reason), stop.stop_code, stop.exit_code) == (reason, stop_code, run.exit_code)


@pytest.mark.parametrize("asked", [Asked.SLEEP, Asked.SUSPEND, Asked.TEMPLATE])
def test_machine_that_ends_before_its_memory_was_saved_did_so_by_itself(asked):
    stop = stop_of(run_of(asked, saving=True), Ended(started=True, kernel_code=OUT_OF_MEMORY))

    assert (int(stop.reason), stop.stop_code) == (1, OUT_OF_MEMORY)
    assert stop.failure == "the kernel crashed with stop code 0xc7f04"


@pytest.mark.parametrize("asked", list(Asked))
def test_every_order_has_a_reason(asked):
    assert stop_of(run_of(asked), Ended(started=True)) is not None
