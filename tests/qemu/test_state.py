import pytest

from ukrom.qemu.state import MachineState, next_state


def test_a_machine_goes_from_asked_to_ended():
    state = MachineState.ASKED
    for wanted in (MachineState.BOOTING, MachineState.RUNNING, MachineState.STOPPING, MachineState.ENDED):
        state = next_state(state, wanted)
        assert state is wanted


@pytest.mark.parametrize("late", list(MachineState))
def test_nothing_follows_the_end(late):
    assert next_state(MachineState.ENDED, late) is MachineState.ENDED


def test_a_step_that_comes_too_late_changes_nothing():
    assert next_state(MachineState.STOPPING, MachineState.RUNNING) is MachineState.STOPPING
