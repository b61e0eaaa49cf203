from __future__ import annotations

import pytest

from ukrom.cloud.volumes.states import (
    MOUNT_TRANSITIONS,
    VOLUME_TRANSITIONS,
    MountPhase,
    MountTrigger,
    VolumeState,
    VolumeTrigger,
    after_volume,
)


def test_nothing_leads_out_of_a_template():
    assert VolumeState.TEMPLATE not in {state for state, _ in VOLUME_TRANSITIONS}


def test_only_what_no_guest_has_becomes_a_template():
    sources = {state for (state, _), target in VOLUME_TRANSITIONS.items() if target is VolumeState.TEMPLATE}

    assert sources == {VolumeState.AVAILABLE, VolumeState.IDLE}


def test_volume_is_made_in_the_documented_steps():
    state = VolumeState.UNINITIALIZED
    steps = [
        state := after_volume(state, trigger) for trigger in (VolumeTrigger.PREPARE, VolumeTrigger.SETTLE)
    ]

    assert steps == [VolumeState.INITIALIZING, VolumeState.AVAILABLE]


@pytest.mark.parametrize("state", [VolumeState.UNINITIALIZED, VolumeState.INITIALIZING, VolumeState.TEMPLATE])
def test_what_is_not_ready_is_not_attached(state):
    assert after_volume(state, VolumeTrigger.ATTACH) is state


def test_volume_is_only_mounted_once_it_is_attached():
    assert after_volume(VolumeState.AVAILABLE, VolumeTrigger.MOUNT) is VolumeState.AVAILABLE


@pytest.mark.parametrize("state", [VolumeState.BUSY, VolumeState.ERROR])
def test_states_that_nothing_here_causes_are_not_reached(state):
    assert state not in VOLUME_TRANSITIONS.values()


def test_guest_gets_nothing_but_at_a_start():
    gained = {trigger for (_, trigger), phase in MOUNT_TRANSITIONS.items() if phase is MountPhase.MOUNTED}

    assert gained == {MountTrigger.START}


def test_guest_loses_what_it_has_at_a_full_stop_only():
    lost = {
        trigger
        for (before, trigger), phase in MOUNT_TRANSITIONS.items()
        if before is not MountPhase.ATTACHED and phase in {MountPhase.ATTACHED, None}
    }

    assert lost == {MountTrigger.STOP}
