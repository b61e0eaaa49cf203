"""What is said about the API, beside moto and without it."""

from __future__ import annotations

import pytest

OURS = {"read": 1.0, "create": 2.0, "wait": 1.0, "patch": 1.0, "list": 3.0, "list with details": 5.0}
MOTO = {
    "moto": "5",
    "boto3": "1",
    "in process": {
        "read": 9.0,
        "create": 20.0,
        "wait": 9.0,
        "patch": 9.0,
        "list 100": 50.0,
        "list 1000": 500.0,
    },
    "server": {"read": 9.0, "create": 10.0, "wait": 9.0, "patch": 9.0, "list 100": 50.0},
}


@pytest.fixture
def api(benchmark):
    return benchmark("api")


def test_goal_is_for_creates_in_process(api):
    figures = list(api._against(MOTO, OURS, OURS))

    (judged,) = (figure for figure in figures if figure.budget is not None)
    assert judged.cells() == ("In-process create, times faster than moto's", "10 x", "at least 8 x", "met")


def test_lists_are_compared_with_details_on_both_sides(api):
    told = {figure.what: figure.value for figure in api._against(MOTO, OURS, OURS)}

    assert told["In-process list of 100, times faster than moto's"] == 10
    assert told["moto in process, describe_instances of 1,000"] == 500


def test_budgets_are_for_calls_that_mean_one_instance(api):
    judged = [figure.what for figure in api._rows("Door", OURS, 1.5) if figure.budget is not None]

    assert judged == [f"Door, {api.WORDS[call]}" for call in ("read", "create", "wait", "patch")]


def test_without_moto_the_rest_is_told(api, monkeypatch):
    def missing(_):
        raise ModuleNotFoundError("No module named 'boto3'")

    monkeypatch.setattr(api, "elsewhere", missing)

    peer = api._moto()

    assert list(api._against(peer, OURS, OURS)) == []
    assert "moto was not measured: it is not installed" in api._notes(peer)[-1]
