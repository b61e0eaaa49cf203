"""Whatever is set, cancelled and jumped over: exactly what is due fires, in order, at its time."""

from __future__ import annotations

import contextlib
import itertools

from hypothesis import given
from hypothesis import strategies as st

from ukrom.clock import VirtualClock

# Above zero: what is due at once is fired by the clock's own thread, at a moment of its choice.
DELAYS_MS = st.integers(1, 20)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("set"), DELAYS_MS),
        st.tuples(st.just("chain"), DELAYS_MS),
        st.tuples(st.just("cancel"), st.integers(0, 30)),
        st.tuples(st.just("advance"), st.integers(0, 30)),
    ),
    max_size=60,
)


class Model:
    """The same by brute force: a list that is searched for the next due timer."""

    def __init__(self):
        self.time = 0
        self.order = itertools.count()
        self.pending = []
        self.fired = []

    def set(self, number, delay, chain=None):
        self.pending.append((self.time + delay, next(self.order), number, chain))

    def cancel(self, number):
        self.pending = [timer for timer in self.pending if timer[2] != number]

    def advance(self, span):
        end = self.time + span
        while due := [timer for timer in self.pending if timer[0] <= end]:
            timer = min(due)
            self.pending.remove(timer)
            self.time = timer[0]
            self.fired.append((timer[2], self.time))
            if timer[3] is not None:
                self.set(-timer[2], timer[3])
        self.time = end


class Driven:
    """The clock under test, with times in whole milliseconds from the beginning."""

    def __init__(self, clock):
        self.clock = clock
        self.start = clock.now()
        self.timers = {}
        self.fired = []

    @property
    def time(self):
        return round((self.clock.now() - self.start).total_seconds() * 1000)

    def set(self, number, delay, chain=None):
        def fire():
            self.fired.append((number, self.time))
            if chain is not None:
                self.set(-number, chain)

        self.timers[number] = self.clock.call_later(delay / 1000, fire)

    def cancel(self, number):
        if number in self.timers:
            self.timers[number].cancel()

    def advance(self, span):
        self.clock.advance(span / 1000)


@given(STEPS)
def test_exactly_the_due_timers_fire_in_order_at_their_times(steps):
    with contextlib.closing(VirtualClock()) as clock, clock.freeze():
        model, driven = Model(), Driven(clock)
        for number, (verb, value) in enumerate(steps, start=1):
            for one in (model, driven):
                match verb:
                    case "set":
                        one.set(number, value)
                    case "chain":
                        one.set(number, value, chain=value)
                    case "cancel":
                        one.cancel(value)
                    case _:
                        one.advance(value)

        assert driven.fired == model.fired
        assert driven.time == model.time
