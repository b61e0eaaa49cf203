"""Dumps that somebody edited: what could only break later is refused, and nothing is lost."""

from __future__ import annotations

import copy

import pytest

from ukrom.cloud import DomainOrder, FileOrder, GroupOrder, RomOrder, ServiceOrder, VolumeOrder
from ukrom.errors import StateError


@pytest.fixture
def state(cloud, space, create):
    running = create(name="web", roms=(RomOrder("rom", files=(FileOrder("a", "a"),)),))
    with cloud.guard:
        cloud.lifecycle.start(running)
    create(name="second", roms=())
    return cloud.dump(space.account)


def web(state):
    return next(one for one in state["metros"]["fra"]["instances"] if one["name"] == "web")


def second(state):
    return next(one for one in state["metros"]["fra"]["instances"] if one["name"] == "second")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda state: web(state).update(run=None), "'web' is starting and lacks a run"),
        (lambda state: second(state).update(run=web(state)["run"]), "'second' is stopped and has a run"),
        (lambda state: web(state).update(interfaces=[]), "interfaces"),
        (lambda state: web(state)["interfaces"][0].update(private_ip="here"), "private_ip"),
        (lambda state: web(state).update(created_at="2026-01-01T00:00:00"), "created_at"),
        (lambda state: web(state).update(alarms=[{"alarm": "cool", "at": "2026-01-01T00:00:00"}]), "alarms"),
    ],
)
def test_instance_that_could_only_break_later_is_refused(cloud, space, state, change, told):
    before = cloud.dump(space.account)
    edited = copy.deepcopy(state)
    change(edited)

    with pytest.raises(StateError) as caught:
        cloud.load(space.account, edited)

    assert told in str(caught.value)
    assert cloud.dump(space.account) == before


def test_domain_of_two_groups_is_refused(cloud, space, state):
    with cloud.guard:
        for name in ("one", "two"):
            services = (ServiceOrder(443, 8080),)
            space.create_group(GroupOrder(name=name, services=services, domains=(DomainOrder(name),)))
    state = cloud.dump(space.account)
    groups = state["metros"]["fra"]["service_groups"]
    groups[1]["domains"] = groups[0]["domains"]

    with pytest.raises(StateError, match="twice"):
        cloud.load(space.account, state)


def test_volume_that_another_account_has_is_refused(cloud, space):
    with cloud.guard:
        cloud.volumes.create(space, VolumeOrder(name="data", size_mb=8))
    state = cloud.dump(space.account)

    with pytest.raises(StateError, match="here already"):
        cloud.load(cloud.account("other"), state)
