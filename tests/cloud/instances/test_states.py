from __future__ import annotations

import pytest

from ukrom.cloud import FROZEN, TRANSITIONS, State, StopReason, Trigger, after


def test_nothing_leads_out_of_deletion():
    assert State.DELETED not in {state for state, _ in TRANSITIONS}


@pytest.mark.parametrize("state", sorted(FROZEN, key=str))
def test_frozen_states_lead_to_deletion_only(state):
    assert {trigger for one, trigger in TRANSITIONS if one is state} == {Trigger.DELETE}


def test_standby_is_reached_from_a_stop_or_by_policy_only():
    sources = {state for (state, _), target in TRANSITIONS.items() if target is State.STANDBY}

    assert sources == {State.STOPPING, State.STOPPED}


@pytest.mark.parametrize("state", [State.STARTING, State.RUNNING, State.DRAINING, State.STOPPING])
def test_every_live_state_ends_when_its_machine_does(state):
    assert after(state, Trigger.END) is State.STOPPED


def test_running_is_only_reached_from_starting_or_from_a_stop_that_failed():
    sources = {state for (state, _), target in TRANSITIONS.items() if target is State.RUNNING}

    assert sources == {State.STARTING, State.STOPPING}


def test_meaningless_trigger_changes_nothing():
    assert after(State.STOPPED, Trigger.STOP) is None


@pytest.mark.parametrize(
    ("reason", "value"),
    [
        (StopReason.USER | StopReason.PLATFORM | StopReason.APP | StopReason.KERNEL, 15),
        (StopReason.FORCED | StopReason.USER | StopReason.PLATFORM, 28),
        (StopReason.APP | StopReason.KERNEL, 3),
        (StopReason.PLATFORM, 4),
        (StopReason.SCALE_TO_ZERO | StopReason.PLATFORM | StopReason.APP | StopReason.KERNEL, 39),
    ],
)
def test_stop_reasons_have_the_documented_values(reason, value):
    assert int(reason) == value
