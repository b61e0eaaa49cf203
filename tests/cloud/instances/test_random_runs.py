"""Random orders, reports and requests: only moves of the table are made, and nothing is left over."""

from __future__ import annotations

from contextlib import contextmanager, suppress

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.cloud.conftest import ManualClock, MemoryStore, ScriptedRunner
from ukrom.cloud import (
    FROZEN,
    LIVE,
    TRANSITIONS,
    Autokill,
    Cloud,
    DomainOrder,
    GroupOrder,
    ImageOrder,
    Instance,
    InstanceOrder,
    Kind,
    NoAnswer,
    Ref,
    Refusal,
    SaveFailed,
    ScaleToZero,
    ScaleToZeroDisabled,
    ServiceOrder,
    State,
    StopOrder,
)

WEB = GroupOrder(
    name="web", services=(ServiceOrder(443, 8080),), domains=(DomainOrder("web"),), soft_limit=2, hard_limit=4
)
POLICIES = (None, ScaleToZero("on"), ScaleToZero("idle"), ScaleToZero("on", stateful=True))
MOVES = {(source, target) for (source, _), target in TRANSITIONS.items()}
numbers = st.integers(0, 5)


@contextmanager
def watched_moves():
    """Note every change of the state of any instance."""
    moves = []

    def note(instance, name, value):
        if name == "state" and (before := getattr(instance, "state", value)) is not value:
            moves.append((before, value))
        object.__setattr__(instance, name, value)

    Instance.__setattr__ = note
    try:
        yield moves
    finally:
        del Instance.__setattr__


class Runs(RuleBasedStateMachine):
    """A few instances of one service group, and all that may happen to them."""

    @initialize()
    def set_up(self):
        self.clock, self.runner, store = ManualClock(), ScriptedRunner(), MemoryStore()
        store.put("org/web:1")
        self.cloud = Cloud(runner=self.runner, images=store, clock=self.clock, seed=1)
        self.space = self.cloud.space(self.cloud.account("token"))
        self.known, self.leases, self.asked = [], [], []
        self.watch = watched_moves()
        self.moves = self.watch.__enter__()
        with self.cloud.guard:
            self.space.create_group(WEB)
        for policy in POLICIES:
            self.create(policy, "always", False)
            self.start(len(self.known) - 1)
            self.come_up(len(self.known) - 1)

    @rule(
        policy=st.sampled_from(POLICIES),
        restart=st.sampled_from(["never", "always", "on-failure"]),
        kill=st.booleans(),
    )
    def create(self, policy, restart, kill):
        order = InstanceOrder(
            image=ImageOrder("org/web:1"),
            service_group=GroupOrder(name="web"),
            scale_to_zero=policy,
            restart_policy=restart,
            autokill=Autokill(20_000, 5) if kill else None,
            dependencies=(Ref(self.known[-1].uuid),) if kill and self._there() else (),
        )
        with self.cloud.guard:
            self.known += self.space.create_instances(order)

    def _there(self):
        return bool(self.known) and self.known[-1].state not in {State.DELETED, *FROZEN}

    def _order(self, number, call):
        there = [one for one in self.known if one.state is not State.DELETED]
        if there:
            with self.cloud.guard, suppress(Refusal):
                call(there[number % len(there)])

    def _machine(self, number):
        alive = [one.run.machine for one in self.known if one.run is not None and one.run.machine is not None]
        return alive[number % len(alive)] if alive else None

    @rule(number=numbers)
    def start(self, number):
        self._order(number, self.cloud.lifecycle.start)

    @rule(number=numbers, force=st.booleans(), drain=st.sampled_from([0, 3000]))
    def stop(self, number, force, drain):
        order = StopOrder(force=force, drain_timeout_ms=0 if force else drain)
        self._order(number, lambda instance: self.cloud.lifecycle.stop(instance, order))

    @rule(number=numbers, drain=st.sampled_from([0, 3000]))
    def suspend(self, number, drain):
        self._order(number, lambda instance: self.cloud.lifecycle.suspend(instance, drain))

    @precondition(lambda self: len(self.known) > 6)
    @rule(number=numbers)
    def freeze(self, number):
        self._order(number, lambda instance: self.cloud.lifecycle.freeze(instance, lambda _: None))

    @precondition(lambda self: len(self.known) > 5)
    @rule(number=numbers)
    def remove(self, number):
        self._order(number, self.cloud.remove)

    @rule(number=numbers)
    def come_up(self, number):
        coming = [one for one in self.known if one.state is State.STARTING and one.run.machine is not None]
        if coming:
            machine = coming[number % len(coming)].run.machine
            machine.up()
            machine.listen(8080)

    @rule(number=numbers, code=st.sampled_from([0, 1]))
    def exit(self, number, code):
        if (machine := self._machine(number)) is not None:
            machine.exit(code)

    @rule(number=numbers, saved=st.booleans())
    def save(self, number, saved):
        if (machine := self._machine(number)) is not None and machine.suspends:
            if saved:
                machine.saved(machine.suspends[-1])
                machine.end()
            else:
                machine.report(SaveFailed(machine.suspends[-1], "no"))

    @rule(number=numbers)
    def crash(self, number):
        if (machine := self._machine(number)) is not None:
            machine.end(kernel_code=818948)

    @rule(number=numbers, count=st.sampled_from([0, 1]))
    def veto(self, number, count):
        if (machine := self._machine(number)) is not None:
            machine.report(ScaleToZeroDisabled(count))

    @rule(kind=st.sampled_from(Kind))
    def ask(self, kind):
        route = self.cloud.gateway.route("web.fra.unikraft.app", 443)
        self.asked.append(self.cloud.gateway.lease(route, kind))
        self._collect()

    @precondition(lambda self: self.leases)
    @rule(number=numbers)
    def release(self, number):
        self.leases.pop(number % len(self.leases)).release()

    @precondition(lambda self: self.asked)
    @rule(number=numbers)
    def give_up(self, number):
        self.asked.pop(number % len(self.asked)).cancel()

    @rule(seconds=st.sampled_from([0.0, 0.5, 1.0, 5.0, 30.0]))
    def pass_time(self, seconds):
        self.clock.advance(seconds)

    def _collect(self):
        for future in [one for one in self.asked if one.done()]:
            self.asked.remove(future)
            with suppress(NoAnswer):
                self.leases.append(future.result(0))

    @invariant()
    def only_moves_of_the_table_are_made(self):
        assert set(self.moves) <= MOVES

    @invariant()
    def what_is_gone_or_frozen_is_quiet(self):
        for instance in self.known:
            if instance.state is State.DELETED:
                assert (instance.alarms, instance.run, instance.snapshot) == ({}, None, None)
            assert (instance.run is not None) is (instance.state in LIVE)

    @invariant()
    def every_lease_and_queue_is_counted(self):
        self._collect()
        assert sum(one.traffic.in_flight for one in self.known) == len(self.leases)
        assert sum(one.traffic.queued for one in self.known) == len(self.asked)

    @invariant()
    def snapshots_are_dropped_once(self):
        dropped = [snapshot.uuid for snapshot in self.runner.dropped]
        held = {one.snapshot.uuid for one in self.known if one.snapshot is not None}
        assert len(set(dropped)) == len(dropped)
        assert held.isdisjoint(dropped)

    def teardown(self):
        self.watch.__exit__(None, None, None)
        self.cloud.close()
        self._collect()
        assert self.asked == []
        assert self.cloud.waits.sleeping == {}
        for lease in self.leases:
            lease.release()
        self.clock.advance(86_400)
        for instance in self.known:
            assert (instance.alarms, instance.traffic.in_flight) == ({}, 0)


TestRuns = Runs.TestCase
TestRuns.settings = settings(max_examples=60, stateful_step_count=40, deadline=None, derandomize=True)
