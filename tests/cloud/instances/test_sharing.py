"""Inline content and snapshots live exactly as long as somebody holds them (specification, E.11, D.9)."""

from __future__ import annotations

from collections import Counter

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, multiple, rule

from ukrom.cloud import (
    Cloud,
    FileOrder,
    ImageOrder,
    InlineImage,
    InstanceOrder,
    Limits,
    Ref,
    Refusal,
    RomOrder,
    Saved,
    Settings,
    Snapshot,
    State,
    TemplateOrder,
)

from ..conftest import ManualClock, MemoryStore, ScriptedRunner  # noqa: TID252 - of the folder above.


class Sharing(RuleBasedStateMachine):
    """Creates, conversions, clones, branches, starts, stops and deletes in any order."""

    everything = Bundle("everything")

    def __init__(self):
        super().__init__()
        store = MemoryStore()
        store.put("org/web:1")
        self.runner = ScriptedRunner()
        settings = Settings(limits=Limits(instances=10_000, live_vcpus=10_000, live_memory_mb=10_000_000))
        self.cloud = Cloud(settings, runner=self.runner, images=store, clock=ManualClock(), seed=1)
        self.space = self.cloud.space(self.cloud.account("token"))
        self.made = set()

    def create(self, **fields):
        with self.cloud.guard:
            result = self.space.create_instances(InstanceOrder(**fields))
            if not isinstance(result, list):
                steps, result = result, []
                self.cloud.waits.spawn(steps, result.extend)
        return result

    def machine(self, instance):
        return None if instance.run is None else instance.run.machine

    @rule(target=everything, inline=st.booleans(), replicas=st.integers(0, 2))
    def make(self, inline, replicas):
        roms = (RomOrder("r", files=(FileOrder("a", "b"),)),) if inline else ()
        return multiple(*self.create(image=ImageOrder("org/web:1"), roms=roms, replicas=replicas))

    @rule(target=everything, model=everything, own=st.booleans())
    def clone(self, model, own):
        roms = (RomOrder(files=(FileOrder("a", "b"),)),) if own else ()
        try:
            return multiple(*self.create(template=TemplateOrder(Ref(uuid=model.uuid)), roms=roms))
        except Refusal:
            return multiple()

    @rule(target=everything, source=everything)
    def branch(self, source):
        try:
            made = self.create(branch_from=Ref(uuid=source.uuid))
        except Refusal:
            return multiple()
        if source.run is not None and source.run.saving is not None:
            self.report(source, source.run.machine.saves[-1])
        return multiple(*made)

    @rule(instance=everything)
    def convert(self, instance):
        try:
            with self.cloud.guard:
                self.cloud.templates.convert(self.space.instance(Ref(uuid=instance.uuid)), None)
        except Refusal:
            return
        machine = self.machine(instance)
        if machine is not None:
            self.report(instance, machine.suspends[-1])
            machine.end()

    @rule(instance=everything)
    def start(self, instance):
        if instance.state is State.STOPPED:
            with self.cloud.guard:
                self.cloud.lifecycle.start(instance)
            self.runner.last.up()

    @rule(instance=everything)
    def suspend(self, instance):
        if instance.state is State.RUNNING:
            with self.cloud.guard:
                self.cloud.lifecycle.suspend(instance, 0)
            machine = self.machine(instance)
            self.report(instance, machine.suspends[-1])
            machine.end()

    @rule(instance=everything)
    def exit(self, instance):
        machine = self.machine(instance)
        if machine is not None:
            machine.exit(0)

    @rule(instance=consumes(everything))
    def delete(self, instance):
        with self.cloud.guard:
            self.cloud.remove(instance)

    def report(self, instance, uuid):
        self.made.add(uuid)
        self.machine(instance).report(Saved(Snapshot(uuid), 1))

    @invariant()
    def inline_content_has_holders(self):
        holders = {}
        for instance in self.space.instances:
            for rom in instance.roms:
                if isinstance(rom.source, InlineImage):
                    holders.setdefault(rom.source.uuid, set()).add(instance.uuid)

        assert {uuid: image.holders for uuid, image in self.space.inline_images.items()} == holders

    @invariant()
    def snapshots_are_dropped_once_and_only_when_nobody_holds_them(self):
        held = {one.snapshot.uuid for one in self.space.instances if one.snapshot is not None}
        dropped = Counter(snapshot.uuid for snapshot in self.runner.dropped)

        assert set(dropped.values()) <= {1}
        assert set(dropped) == self.made - held

    def teardown(self):
        self.cloud.close()

        assert self.space.inline_images == {}
        assert {snapshot.uuid for snapshot in self.runner.dropped} == self.made


TestSharing = Sharing.TestCase
TestSharing.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
