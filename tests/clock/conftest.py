from __future__ import annotations

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
