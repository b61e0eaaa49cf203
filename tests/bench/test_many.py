"""What is said about many instances, with few of them."""

from __future__ import annotations

import pytest


@pytest.fixture
def many(few, monkeypatch):
    many = few("many", MANY=30, KEPT=10, LISTED=10, PAGE=7, REPEAT=1, WARM_UP=1)
    # The lists over a socket are those of a process that is started for them.
    monkeypatch.setattr(many, "elsewhere", lambda *_: {"brief": 2.0, "details": 3.0})
    return many


@pytest.fixture
def section(many, monkeypatch):
    found = many.main([])
    monkeypatch.setattr(many, "elsewhere", lambda *_: found)
    return many.measure()


def test_all_that_is_measured_is_told(section):
    told = {figure.what: figure.value for figure in section.figures}

    assert told["List of 30, socket, client in another process"] == 2
    assert told["List with details of 30, socket, client in another process"] == 3
    assert {"Dump of 10", "Load of 10", "Reset of 30", "OpenAPI document, first time"} <= set(told)
    assert "All of 30 by pages of 7, in-process" in told


def test_growth_and_memory_have_budgets(section):
    budgets = {figure.what: figure.budget for figure in section.figures if figure.budget is not None}

    assert budgets == {
        "... of 30 against of 10, by item": 1.5,
        "Create of the last of them, median of 1,000, in-process": 0.7,
        "Memory of an instance with a service group and a domain": 10,
    }


def test_growth_is_that_of_one_item(many, monkeypatch):
    found = {f"{kind} {count}": count / 10 for kind in ("brief", "details") for count in (10, 30)}
    rest = ("brief socket", "details socket", "paged", "last creates", "bytes", "reset", "dump", "load")
    found |= dict.fromkeys((*rest, "openapi", "openapi again"), 1.0)
    monkeypatch.setattr(many, "elsewhere", lambda *_: found)

    growths = [figure.value for figure in many.measure().figures if "against" in figure.what]

    assert growths == pytest.approx([1, 1])
