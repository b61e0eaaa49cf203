"""What the end of a run says about the starts of its VMs."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from pytest_ukrom.starts import note_starts, starts
from ukrom.qemu import StartRecord


def report(when="call"):
    return SimpleNamespace(when=when, user_properties=[])


def session(*records, trouble=()):
    return SimpleNamespace(starts=lambda: list(records), trouble=lambda: list(trouble))


def test_run_without_vms_says_nothing():
    assert list(starts({"passed": [report()], "warnings": [object()]})) == []


def test_starts_are_counted_by_how_they_began():
    first, second = report(), report("teardown")
    note_starts(session(StartRecord(0, spare=False, seconds=3, waited=0)), first)
    more = [
        StartRecord(2, spare=False, seconds=0.5, waited=0),
        StartRecord(2, spare=True, seconds=0.2, waited=0),
    ]
    note_starts(session(*more, StartRecord(1, spare=False, seconds=1, waited=0)), second)

    (line,) = starts({"passed": [first], "": [second, first]})

    kinds = ["1 cold", "1 from a booted kernel", "1 from a snapshot of their image", "1 in a prepared VM"]
    assert line == f"ukrom: 4 VMs started: {', '.join(kinds)}"


def test_waiting_is_told():
    waited = report()
    records = [StartRecord(2, spare=False, seconds=9, waited=seconds) for seconds in (0, 1.25, 7.5)]
    note_starts(session(*records), waited)

    (line,) = starts({"passed": [waited]})

    assert line.endswith("; 2 waited for their turn, 7.5 s at most")


def test_layers_that_are_done_without_are_told_once():
    why = "No snapshot layer can be stored in /x: full.\nMake room."
    ends = [report("teardown"), report("teardown")]
    for end in ends:
        note_starts(session(trouble=[why]), end)

    assert list(starts({"passed": ends})) == [
        "ukrom: No snapshot layer can be stored in /x: full. Make room."
    ]


@pytest.mark.parametrize("options", [[], ["-q"]])
def test_stub_runs_say_nothing_of_starts(suite, options):
    result = suite("def test_it(ukrom, web):\n    ukrom.run(web(ukrom))\n", "--ukrom-runner=stub", *options)

    result.assert_outcomes(passed=1)
    result.stdout.no_fnmatch_line("*VMs started*")
