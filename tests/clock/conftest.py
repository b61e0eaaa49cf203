from __future__ import annotations

import threading

import pytest

from ukrom.clock import RealClock, VirtualClock


@pytest.fixture(params=[RealClock, VirtualClock])
def any_clock(request):
    """Each of the clocks; both make calls by themselves as time flows."""
    clock = request.param()
    yield clock
    clock.close()


@pytest.fixture
def clock():
    clock = VirtualClock()
    yield clock
    clock.close()


@pytest.fixture
def frozen(clock):
    clock.freeze()
    return clock


@pytest.fixture
def real_time_passes():
    """Let some real time pass, in which other threads come to their turn."""
    flowing = RealClock()

    def passes():
        done = threading.Event()
        flowing.call_later(0.01, done.set)
        assert done.wait(30)

    yield passes
    flowing.close()
