"""Figures beside their budgets, and how durations are taken. Nothing here is timed."""

from __future__ import annotations

import subprocess

import pytest


@pytest.fixture
def clock(measure, monkeypatch):
    """Time that passes only when a call says so."""

    class Clock:
        now = 0.0

        def passes(self, seconds):
            self.now += seconds

    clock = Clock()
    monkeypatch.setattr(measure.time, "perf_counter", lambda: clock.now)
    return clock


def test_figure_within_its_budget_is_met(measure):
    assert measure.Figure("call", 0.5, budget=0.7).cells() == ("call", "0.5 ms", "0.7 ms", "met")


def test_figure_above_its_budget_is_missed(measure):
    assert measure.Figure("call", 0.8, budget=0.7).cells() == ("call", "0.8 ms", "0.7 ms", "missed")


def test_figure_below_the_least_is_missed(measure):
    cells = measure.Figure("ratio", 7.5, "x", 8, at_least=True).cells()

    assert cells == ("ratio", "7.5 x", "at least 8 x", "missed")


def test_figure_without_budget_is_not_judged(measure):
    assert measure.Figure("call", 12.34).cells() == ("call", "12.3 ms", "", "")


@pytest.mark.parametrize(
    ("value", "unit", "shown"),
    [
        (0.04321, "ms", "0.0432 ms"),
        (123.4, "ms", "123 ms"),
        (4567.8, "ms", "4.57 s"),
        (15000, "ms", "15 s"),
        (239.4, "MiB", "239 MiB"),
    ],
)
def test_amount_shows_the_digits_that_mean_something(measure, value, unit, shown):
    assert measure.Figure("thing", value, unit).cells()[1] == shown


def test_missed_budget_is_told_with_its_reason(measure):
    figure = measure.Figure("call", 2, budget=1, if_missed="The way is long.")

    text = measure.Section("Calls", [figure], ["a note"]).text()

    assert text.splitlines() == [
        "## Calls",
        "",
        "| What | Measured | Budget |        |",
        "| ---- | -------- | ------ | ------ |",
        "| call | 2 ms     | 1 ms   | missed |",
        "",
        "- Missed: call. The way is long.",
        "- a note",
    ]


def test_missed_budget_without_reason_says_so(measure):
    text = measure.Section("Calls", [measure.Figure("call", 2, budget=1)]).text()

    assert "- Missed: call. The reason is not known yet." in text


def test_reason_is_not_told_of_a_budget_that_is_met(measure):
    figure = measure.Figure("call", 1, budget=2, if_missed="The way is long.")

    assert "The way is long." not in measure.Section("Calls", [figure]).text()


def test_median_leaves_out_the_warm_up_and_what_follows_a_call(measure, clock):
    takes = iter([9.0, 0.001, 0.002, 0.003])

    median = measure.median_ms(lambda: clock.passes(next(takes)), 3, after=lambda: clock.passes(5), warm_up=1)

    assert median == pytest.approx(2)


def test_machine_is_described_without_its_name(measure):
    described = {"cores", "cpu", "memory", "python", "kernel", "load average before"}

    assert set(measure.machine()) == described


@pytest.fixture
def ended(measure, monkeypatch):
    """Let processes of their own end in a certain way."""

    def end(status, output="", errors=""):
        done = subprocess.CompletedProcess([], status, output, errors)
        monkeypatch.setattr(measure.subprocess, "run", lambda *_, **__: done)

    return end


def test_process_of_its_own_gives_what_it_prints(measure, ended):
    ended(0, '{"read": 1.5}')

    assert measure.elsewhere("calls") == {"read": 1.5}


def test_process_that_lacks_a_module_says_which(measure, ended):
    ended(1, errors="Traceback\nModuleNotFoundError: No module named 'boto3'\n")

    with pytest.raises(ModuleNotFoundError, match="No module named 'boto3'"):
        measure.elsewhere("moto_calls")


def test_process_that_fails_is_told_with_its_errors(measure, ended):
    ended(1, errors="Traceback\nValueError: no\n")

    with pytest.raises(RuntimeError, match=r"bench\.calls could not be measured:\nTraceback\nValueError: no"):
        measure.elsewhere("calls")
