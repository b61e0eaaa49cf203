from __future__ import annotations

import copy

import pytest

from ukrom.cloud import FileOrder, RomOrder
from ukrom.errors import StateError

SOME_DAY = "2026-01-01T00:00:00Z"


@pytest.fixture
def account(space):
    return space.account


@pytest.fixture
def state(cloud, account, create):
    create(name="web", roms=(RomOrder("rom", files=(FileOrder("a", "a"),)),))
    create(name="second")
    return cloud.dump(account)


@pytest.fixture
def refused(cloud, account):
    """Load what cannot be loaded; the account keeps all it had."""

    def do(document):
        before = cloud.dump(account)
        with pytest.raises(StateError) as caught:
            cloud.load(account, document)
        assert cloud.dump(account) == before
        return str(caught.value)

    return do


def changed(state, change):
    state = copy.deepcopy(state)
    change(state["metros"]["fra"])
    return state


@pytest.mark.parametrize("document", [{}, [], None, 1, "", "{", b"\xff", '{"format": "ukrom"}'])
def test_what_is_no_state_is_refused(refused, document):
    assert "not the state of an account" in refused(document)


def test_state_of_a_later_version_is_refused(refused, state):
    assert "version" in refused({**state, "version": 2})


def test_unknown_metro_is_refused(refused, state):
    state["metros"]["xyz"] = state["metros"].pop("fra")

    assert "'xyz'" in refused(state)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda fra: fra["instances"].append(fra["instances"][0]), "two instances with the name 'web'"),
        (lambda fra: fra["instances"][0].update(uuid=fra["instances"][1]["uuid"]), "twice"),
        (lambda fra: fra["service_groups"].clear(), "service group"),
        (lambda fra: fra["inline_images"].clear(), "inline image"),
        (lambda fra: fra["instances"][0].update(state="asleep"), "state"),
        (lambda fra: fra["instances"][0].update(more=1), "more"),
        (lambda fra: fra["instances"][0].pop("source"), "source"),
        (
            lambda fra: fra["instances"][0].update(alarms=[{"alarm": "x", "at": "2026-01-01T00:00:00Z"}]),
            "alarm",
        ),
        (lambda fra: fra["instances"][0].update(console="?"), "base64"),
    ],
)
def test_state_that_contradicts_itself_is_refused(refused, state, change, told):
    assert told in refused(changed(state, change))


def test_instances_that_another_account_has_are_refused(cloud, state):
    with pytest.raises(StateError, match="here already"):
        cloud.load(cloud.account("other"), state)


def test_domain_of_another_account_is_refused(cloud, account, state):
    cloud.reset(account)
    other = cloud.account("other")
    cloud.load(other, state)
    for kind in state["metros"]["fra"].values():
        for resource in kind:
            resource["uuid"] = "f" + resource["uuid"][1:]
    fra = state["metros"]["fra"]
    for instance in fra["instances"]:
        instance["group"] = "f" + instance["group"][1:]
        for rom in instance["roms"]:
            rom["inline"] = "f" + rom["inline"][1:]

    with pytest.raises(StateError, match="another account"):
        cloud.load(account, state)


def test_queued_change_without_sense_is_refused(refused, state):
    change = {"prop": "roms", "op": "set", "given": True, "value": {"$": "Cloud"}, "wire": [], "error": None}

    assert "'roms'" in refused(changed(state, lambda fra: fra["instances"][0].update(updates=[change])))
