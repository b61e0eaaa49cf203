from __future__ import annotations

import threading

import pytest

from ukrom.cloud.guard import Guard


def test_report_inside_a_section_waits_for_its_end():
    guard, seen = Guard(), []
    with guard:
        guard.post(lambda: seen.append("report"))
        seen.append("section")

    assert seen == ["section", "report"]


def test_report_outside_is_worked_off_at_once():
    guard, seen = Guard(), []
    guard.post(lambda: seen.append(guard.held))

    assert seen == [True]


def test_inner_section_does_not_work_off_reports():
    guard, seen = Guard(), []
    with guard:
        with guard:
            guard.post(lambda: seen.append("report"))
        seen.append("outer")

    assert seen == ["outer", "report"]


def test_later_calls_come_unlocked():
    guard, seen = Guard(), []

    def from_elsewhere():
        with guard:
            seen.append("other thread got the lock")

    def later():
        thread = threading.Thread(target=from_elsewhere)
        thread.start()
        thread.join(5)

    with guard:
        guard.later(later)

    assert seen == ["other thread got the lock"]


def test_failing_section_lets_go_of_the_lock():
    guard = Guard()
    with pytest.raises(ZeroDivisionError), guard:
        _ = 1 / 0

    assert not guard.held
    done = threading.Event()
    thread = threading.Thread(target=lambda: guard.post(done.set))
    thread.start()
    thread.join(5)
    assert done.is_set()


def test_an_error_in_one_report_keeps_neither_reports_nor_answers_from_the_others(caplog):
    guard, seen = Guard(), []
    with guard:
        guard.post(lambda: 1 / 0)
        guard.post(lambda: seen.append("report"))
        guard.later(lambda: 1 / 0)
        guard.later(lambda: seen.append("answer"))

    assert seen == ["report", "answer"]
    assert caplog.text.count("ZeroDivisionError") == 2
