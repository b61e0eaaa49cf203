"""Random sequences of what can happen to volumes and to the instances that have them."""

from __future__ import annotations

from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, multiple, rule

from ukrom.cloud import (
    AttachOrder,
    CloneVolumeOrder,
    Cloud,
    GroupOrder,
    Image,
    ImageOrder,
    InstanceOrder,
    MountOrder,
    MountPhase,
    Ref,
    Refusal,
    ScaleToZero,
    ServiceOrder,
    State,
    StopOrder,
    StoredBlob,
    StubRunner,
    TemplateOrder,
    VolumeOrder,
    VolumeState,
)

MODES = ("rwo", "rox", "rwx")
HTTPS = ServiceOrder(443, 8080)


class OneImage:
    """A store that has one image under every reference."""

    def resolve(self, reference):
        blob = StoredBlob(Path("/blob"), 4096, f"sha256:{0:064x}", "erofs")
        return Image(reference, blob.digest, "x86_64", blob)

    def images(self):
        return ()


class VolumesInUse(RuleBasedStateMachine):
    """Attach, detach, start, stop, sleep, copy, freeze and delete, in any order."""

    volumes = Bundle("volumes")
    instances = Bundle("instances")

    def __init__(self):
        super().__init__()
        self.runner = StubRunner()
        self.cloud = Cloud(runner=self.runner, images=OneImage(), seed=1)
        self.space = self.cloud.space(self.cloud.account("token"))
        self.kept = set()
        """Volumes that must be there, for nobody deleted them and they go with nothing."""
        self.frozen = set()
        self.leaving = set()
        """Attachments whose end was asked for, as pairs of UUIDs."""

    @initialize(target=volumes)
    def some_volumes(self):
        return multiple(self.make("rwo"), self.make("rwx"))

    @initialize(target=instances)
    def some_instances(self):
        return multiple(self.create([], True), self.create([], True), self.create(["rwo"], False))

    def teardown(self):
        self.cloud.close()

    def attempt(self, call, *args):
        """Do something that may be refused."""
        try:
            with self.cloud.guard:
                return call(*args)
        except Refusal:
            return None

    @rule(target=volumes, mode=st.sampled_from(MODES))
    def make_one(self, mode):
        return self.make(mode)

    def make(self, mode):
        order = VolumeOrder(size_mb=8, filesystem="virtiofs", access_mode=mode)
        with self.cloud.guard:
            volume = self.cloud.volumes.create(self.space, order)
        self.kept.add(volume)
        return volume

    @rule(target=volumes, source=volumes)
    def copy(self, source):
        if source not in tuple(self.space.volumes):
            return multiple()
        volume = self.attempt(self.cloud.volumes.clone, self.space, source, CloneVolumeOrder())
        if volume is None:
            return multiple()
        self.kept.add(volume)
        return volume

    @rule(target=instances, new=st.lists(st.sampled_from(MODES), max_size=2), sleeps=st.booleans())
    def create_one(self, new, sleeps):
        return self.create(new, sleeps)

    def create(self, new, sleeps):
        orders = tuple(
            MountOrder(
                f"/new{number}",
                new=VolumeOrder(size_mb=8, filesystem="virtiofs", access_mode=mode),
                readonly=mode == "rox",
            )
            for number, mode in enumerate(new)
        )
        order = InstanceOrder(
            image=ImageOrder("org/web:1"),
            service_group=GroupOrder(services=(HTTPS,)),
            volumes=orders,
            scale_to_zero=ScaleToZero("on", cooldown_time_ms=3_600_000) if sleeps else None,
        )
        with self.cloud.guard:
            return self.space.create_instances(order)[0]

    @rule(target=instances, origin=instances)
    def clone(self, origin):
        if origin.state is State.TEMPLATE:
            order = InstanceOrder(template=TemplateOrder(Ref(uuid=origin.uuid)))
        elif origin.state in {State.STOPPED, State.STANDBY}:
            order = InstanceOrder(branch_from=Ref(uuid=origin.uuid))
        else:
            return multiple()
        made = self.attempt(self.space.create_instances, order)
        return multiple(*(made or ()))

    @rule(volume=volumes, instance=instances, at=st.sampled_from(["/a", "/b"]))
    def attach(self, volume, instance, at):
        if volume in tuple(self.space.volumes):
            order = AttachOrder(Ref(uuid=instance.uuid), at, readonly=volume.access_mode == "rox")
            before = instance.uuid in volume.attached_to
            self.attempt(self.cloud.volumes.attach, self.space, volume, order)
            if not before:
                self.leaving.discard((instance.uuid, volume.uuid))

    @rule(volume=volumes)
    def detach(self, volume):
        if volume.state is not VolumeState.TEMPLATE:
            self.leaving |= {(uuid, volume.uuid) for uuid in volume.attached_to}
            self.attempt(self.cloud.volumes.detach, volume)

    @rule(instance=instances)
    def detach_one(self, instance):
        for mount in instance.volumes[:1]:
            if mount.volume.state is not VolumeState.TEMPLATE:
                self.attempt(self.cloud.volumes.detach, mount.volume, instance)
                self.leaving.add((instance.uuid, mount.volume.uuid))
                self.kept.add(mount.volume)

    @rule(instance=instances)
    def start(self, instance):
        if instance.state is not State.DELETED:
            self.attempt(self.cloud.lifecycle.start, instance)

    @rule(instance=instances, force=st.booleans())
    def stop(self, instance, force):
        self.attempt(self.cloud.lifecycle.stop, instance, StopOrder(force=force))

    @rule(instance=instances, stateful=st.booleans())
    def sleep(self, instance, stateful):
        if instance.state is State.RUNNING and instance.policy != "off":
            with self.cloud.guard:
                self.cloud.lifecycle.sleep(instance, stateful=stateful)

    @rule(instance=instances)
    def crash(self, instance):
        if instance.run is not None:
            instance.run.machine.crash(0x8200)

    @rule(instance=instances)
    def freeze(self, instance):
        if instance.state is not State.DELETED:
            self.attempt(self.cloud.templates.convert, instance, None)
            self.kept -= {
                mount.volume for mount in instance.volumes if mount.volume.state is VolumeState.TEMPLATE
            }

    @rule(volume=volumes)
    def convert(self, volume):
        if volume in tuple(self.space.volumes):
            self.attempt(self.cloud.volumes.freeze, volume)

    @rule(volume=volumes)
    def delete(self, volume):
        if volume in tuple(self.space.volumes):
            self.attempt(self.cloud.volumes.delete, self.space, volume)
            if volume not in tuple(self.space.volumes):
                self.kept.discard(volume)

    @rule(instance=consumes(instances))
    def remove(self, instance):
        if instance.state is not State.DELETED:
            with self.cloud.guard:
                self.cloud.remove(instance)

    @invariant()
    def no_machine_shares_a_volume_that_is_for_one(self):
        in_machines = [
            device.uuid
            for machine in self.runner.machines
            if machine.alive
            for device in machine.spec.volumes
        ]
        for volume in self.space.volumes:
            if not volume.shareable:
                assert in_machines.count(volume.uuid) <= 1
                assert len(volume.attached_to) <= 1

    @invariant()
    def guests_have_what_the_cloud_says(self):
        for instance in self.space.instances:
            machine = instance.run.machine if instance.run is not None else None
            if machine is not None:
                has = {device.uuid for device in machine.spec.volumes}
                assert has == {
                    mount.volume.uuid for mount in instance.volumes if mount.phase is not MountPhase.ATTACHED
                }

    @invariant()
    def nothing_is_lost(self):
        assert self.kept <= set(self.space.volumes)

    @invariant()
    def nothing_is_left_behind(self):
        for volume in self.space.volumes:
            assert volume.persistent or volume.attached_to

    @invariant()
    def both_sides_of_an_attachment_agree(self):
        there = set(self.space.volumes)
        pairs = {
            (instance.uuid, mount.volume.uuid)
            for instance in self.space.instances
            for mount in instance.volumes
        }
        assert pairs == {(uuid, volume.uuid) for volume in there for uuid in volume.attached_to}
        assert len(pairs) == sum(len(instance.volumes) for instance in self.space.instances)

    @invariant()
    def states_are_those_of_the_attachments(self):
        for volume in self.space.volumes:
            if volume.state is VolumeState.TEMPLATE:
                assert not volume.mounted_by()
            elif volume.mounted_by():
                assert volume.state is VolumeState.MOUNTED
            else:
                assert volume.state is (VolumeState.IDLE if volume.attached_to else VolumeState.AVAILABLE)

    @invariant()
    def stopped_instances_have_nothing_mounted(self):
        for instance in self.space.instances:
            if instance.state is State.STOPPED:
                assert {mount.phase for mount in instance.volumes} <= {MountPhase.ATTACHED}

    @invariant()
    def what_was_detached_is_gone_after_a_full_stop(self):
        for instance in self.space.instances:
            if instance.state in {State.STOPPED, State.TEMPLATE}:
                attached = {(instance.uuid, mount.volume.uuid) for mount in instance.volumes}
                assert not attached & self.leaving

    @invariant()
    def templates_stay_templates(self):
        assert all(volume.state is VolumeState.TEMPLATE for volume in self.frozen)
        self.frozen |= {volume for volume in self.space.volumes if volume.state is VolumeState.TEMPLATE}

    @invariant()
    def paths_and_numbers_are_within_the_rules(self):
        for instance in self.space.instances:
            paths = [mount.at for mount in instance.volumes]
            assert len(paths) == len(set(paths)) <= 4


VolumesInUse.TestCase.settings = settings(max_examples=150, stateful_step_count=50, deadline=None)
TestVolumesInUse = VolumesInUse.TestCase
