from __future__ import annotations

import pytest

from ukrom.cloud import (
    Ability,
    AttachOrder,
    ErrorCode,
    Limits,
    MountPhase,
    Ref,
    RomOrder,
    ScaleToZero,
    State,
    VolumeOrder,
    VolumeState,
)
from ukrom.cloud.orders import FileOrder


def where(instance):
    return [(mount.volume, mount.at, mount.readonly) for mount in instance.volumes]


def readers(volume):
    return [(instance, mount.readonly) for instance, mount in volume.mounted_by()]


@pytest.fixture
def shared(make):
    """A volume for many writers."""
    return make(filesystem="virtiofs", access_mode="rwx")


@pytest.fixture
def sleeper(create, up):
    """An instance that runs and can be scaled to zero."""
    return up(create(scale_to_zero=ScaleToZero("on", cooldown_time_ms=60_000)))


def test_volume_is_idle_while_its_instance_is_stopped(make, attach, create):
    volume, instance = make(), create()
    attach(volume, instance, "/mnt//data/", readonly=True)

    assert volume.state is VolumeState.IDLE
    assert list(volume.attached_to.values()) == [instance]
    assert where(instance) == [(volume, "/mnt/data", True)]
    assert readers(volume) == []


def test_volume_is_mounted_while_its_instance_runs(make, attach, create, up, stop, runner):
    volume, instance = make(), create()
    attach(volume, instance, readonly=True)
    up(instance)
    running, seen = volume.state, readers(volume)
    (device,) = runner.last.spec.volumes
    stop(instance)

    assert (running, seen) == (VolumeState.MOUNTED, [(instance, True)])
    assert (device.uuid, device.size_mb, device.at, device.readonly) == (volume.uuid, 64, "/data", True)
    assert (device.filesystem, device.source) == ("ext4", None)
    assert (volume.state, readers(volume)) == (VolumeState.IDLE, [])


def test_volume_is_not_mounted_by_a_start_that_fails(make, attach, create, start, runner):
    volume, instance = make(), create()
    attach(volume, instance)
    runner.missing = "qemu-system-x86_64"
    start(instance)

    assert instance.state is State.STOPPED
    assert volume.state is VolumeState.IDLE


def test_volume_stays_mounted_in_standby(make, attach, create, up, sleep):
    volume = make()
    instance = create(scale_to_zero=ScaleToZero("on"))
    attach(volume, instance)
    sleep(up(instance))

    assert instance.state is State.STANDBY
    assert volume.state is VolumeState.MOUNTED


def test_volume_attached_to_a_running_instance_waits_for_its_next_wakeup(
    make, attach, sleeper, up, sleep, runner
):
    volume = make()
    attach(volume, sleeper)
    running = volume.state
    sleep(sleeper)
    asleep = volume.state
    up(sleeper)

    assert (running, asleep) == (VolumeState.IDLE, VolumeState.IDLE)
    assert [machine.spec.volumes == () for machine in runner.machines] == [True, False]
    assert volume.state is VolumeState.MOUNTED


def test_volume_attached_to_a_running_instance_is_there_after_a_full_stop_too(
    make, attach, running, up, stop
):
    volume = make()
    attach(volume, running)
    stop(running)
    up(running)

    assert volume.state is VolumeState.MOUNTED


def test_volume_is_detached_from_a_stopped_instance_at_once(make, attach, detach, create):
    volume, instance = make(), create()
    attach(volume, instance)
    detach(volume, instance)

    assert (volume.state, volume.attached_to, instance.volumes) == (VolumeState.AVAILABLE, {}, [])


def test_volume_detached_from_a_running_instance_stays_until_its_full_stop(
    make, attach, detach, create, up, stop
):
    volume, instance = make(), create()
    attach(volume, instance)
    up(instance)
    detach(volume)
    running = (volume.state, readers(volume), where(instance))
    stop(instance)

    assert running == (VolumeState.MOUNTED, [(instance, False)], [(volume, "/data", False)])
    assert (volume.state, volume.attached_to, instance.volumes) == (VolumeState.AVAILABLE, {}, [])


def test_standby_is_not_enough_to_let_a_detached_volume_go(
    make, attach, detach, create, up, sleep, stop, runner
):
    volume = make()
    instance = create(scale_to_zero=ScaleToZero("on"))
    attach(volume, instance)
    up(instance)
    detach(volume)
    sleep(instance)
    asleep = volume.state
    up(instance)
    awake = runner.last.spec.volumes
    stop(instance)

    assert (asleep, [device.uuid for device in awake]) == (VolumeState.MOUNTED, [volume.uuid])
    assert volume.state is VolumeState.AVAILABLE


def test_detaching_in_standby_waits_for_the_full_stop(cloud, make, attach, detach, create, up, sleep):
    volume = make()
    instance = create(scale_to_zero=ScaleToZero("on"))
    attach(volume, instance)
    sleep(up(instance))
    detach(volume)
    asleep = volume.state
    with cloud.guard:
        cloud.sleeping.unpark(instance)

    assert (asleep, instance.state) == (VolumeState.MOUNTED, State.STOPPED)
    assert (volume.state, instance.volumes) == (VolumeState.AVAILABLE, [])


def test_volume_that_no_guest_got_yet_is_detached_at_once(make, attach, detach, running):
    volume = make()
    attach(volume, running)
    detach(volume, running)

    assert (volume.state, running.volumes) == (VolumeState.AVAILABLE, [])


def test_detaching_twice_does_no_harm(make, attach, detach, create, up, stop):
    volume, instance = make(), create()
    attach(volume, instance)
    up(instance)
    detach(volume)
    detach(volume, instance)
    stop(instance)

    assert volume.state is VolumeState.AVAILABLE


def test_volume_that_is_leaving_is_not_to_be_had_yet(make, attach, detach, create, up, stop, refused):
    volume, instance, other = make(), create(), create()
    attach(volume, instance)
    up(instance)
    detach(volume)
    refused(ErrorCode.ATTACHED, attach, volume, other)
    refused(ErrorCode.ATTACHED, attach, volume, instance)
    stop(instance)
    attach(volume, other)

    assert list(volume.attached_to.values()) == [other]


def test_volume_for_one_instance_is_not_attached_to_another(make, attach, create, refused):
    volume, first, second = make(name="data"), create(name="a"), create(name="b")
    attach(volume, first)
    message = refused(ErrorCode.ATTACHED, attach, volume, second, readonly=True)

    assert message == "Volume 'data' is attached to 'a', and its access mode is 'rwo'"
    assert second.volumes == []


def test_volume_is_not_attached_twice_to_one_instance(shared, attach, create, refused):
    instance = create()
    attach(shared, instance, "/a")

    refused(ErrorCode.ATTACHED, attach, shared, instance, "/b")
    assert len(instance.volumes) == 1


def test_shared_volume_is_mounted_as_long_as_one_instance_runs(shared, attach, create, up, stop, detach):
    first, second = create(), create()
    attach(shared, first)
    attach(shared, second)
    up(first)
    up(second)
    stop(second)
    one = (shared.state, [instance for instance, _ in shared.mounted_by()])
    detach(shared, second)
    attached = list(shared.attached_to.values())

    assert one == (VolumeState.MOUNTED, [first])
    assert (attached, shared.state) == ([first], VolumeState.MOUNTED)


def test_volume_is_detached_from_every_instance_unless_one_is_named(shared, attach, create, detach):
    for instance in (create(), create()):
        attach(shared, instance)
    detach(shared)

    assert (shared.state, shared.attached_to) == (VolumeState.AVAILABLE, {})


def test_volume_for_readers_is_attached_to_many_but_for_writing_to_none(make, attach, create, refused):
    volume, first, second = make(access_mode="rox"), create(), create()
    refused(ErrorCode.INVALID, attach, volume, first)
    attach(volume, first, readonly=True)
    attach(volume, second, readonly=True)

    assert len(volume.attached_to) == 2


def test_volume_that_is_not_attached_is_not_detached(make, attach, detach, create, refused):
    volume, instance, other = make(name="data"), create(), create(name="web")
    refused(ErrorCode.NOT_ATTACHED, detach, volume)
    attach(volume, instance)
    message = refused(ErrorCode.NOT_ATTACHED, detach, volume, other)

    assert message == "Volume 'data' is not attached to 'web'"
    assert list(volume.attached_to.values()) == [instance]


def test_volume_is_not_attached_before_it_is_ready(make_cloud, order, refused, clock):
    cloud = make_cloud(volume_settle_s=5.0)
    space = cloud.space(cloud.account("token"))
    with cloud.guard:
        volume = cloud.volumes.create(space, VolumeOrder(size_mb=64))
        (instance,) = space.create_instances(order())
        wanted = AttachOrder(Ref(uuid=instance.uuid), "/data")
        refused(ErrorCode.CANNOT_BE_USED, cloud.volumes.attach, space, volume, wanted)
    clock.advance(5)
    with cloud.guard:
        cloud.volumes.attach(space, volume, wanted)

    assert volume.state is VolumeState.IDLE


def test_fifth_volume_is_refused(make, attach, create, refused):
    instance = create()
    for number in range(4):
        attach(make(), instance, f"/v{number}")

    refused(ErrorCode.TOO_MANY, attach, make(), instance, "/v4")
    assert len(instance.volumes) == 4


@pytest.mark.parametrize("at", ["", "data", "/", "/a/../b", "/a/./b", "/a:b", "/a\0b"])
def test_bad_mount_path_is_refused(make, attach, create, refused, at):
    volume, instance = make(), create()

    refused(ErrorCode.INVALID, attach, volume, instance, at)
    assert volume.state is VolumeState.AVAILABLE


def test_mount_path_of_a_rom_or_of_another_volume_is_taken(make, attach, create, refused):
    rom = RomOrder(name="code", files=(FileOrder("a.py", "pass"),), at="/code")
    instance = create(roms=(rom,))
    attach(make(), instance, "/data")

    refused(ErrorCode.INVALID, attach, make(), instance, "/code/")
    refused(ErrorCode.INVALID, attach, make(), instance, "//data")


def test_missing_instance_or_template_gets_no_volume(cloud, space, make, create, freeze, refused):
    template = freeze(create(name="t"))
    for ref in (Ref(name="ghost"), Ref(uuid=template.uuid)):
        with cloud.guard:
            refused(ErrorCode.NOT_FOUND, cloud.volumes.attach, space, make(), AttachOrder(ref, "/data"))


def test_runner_without_volumes_gets_none(make, attach, create, runner, refused):
    volume, instance = make(), create()
    runner.abilities = frozenset({Ability.SNAPSHOTS})
    message = refused(ErrorCode.NOT_SUPPORTED, attach, volume, instance)

    assert message == "Volumes of instances are not emulated yet by the runner 'scripted'"
    assert volume.state is VolumeState.AVAILABLE


def test_volume_outlives_its_instance(make, attach, create, up, remove, space):
    volume, instance = make(), create()
    attach(volume, instance)
    remove(up(instance))

    assert (volume.state, volume.attached_to) == (VolumeState.AVAILABLE, {})
    assert list(space.volumes) == [volume]


def test_volume_of_an_instance_that_is_deleted_on_stop_outlives_it(make, attach, create, up, stop, space):
    volume, instance = make(), create(features=frozenset({"delete-on-stop"}))
    attach(volume, instance)
    up(instance)
    stop(instance)

    assert not space.instances
    assert volume.state is VolumeState.AVAILABLE


def test_limit_of_volumes_is_a_setting(make_cloud, order, refused):
    cloud = make_cloud(limits=Limits(volumes_per_instance=0))
    space = cloud.space(cloud.account("token"))
    with cloud.guard:
        volume = cloud.volumes.create(space, VolumeOrder(size_mb=8))
        (instance,) = space.create_instances(order())
    with cloud.guard:
        wanted = AttachOrder(Ref(uuid=instance.uuid), "/data")
        refused(ErrorCode.TOO_MANY, cloud.volumes.attach, space, volume, wanted)


def test_attachment_is_kept_by_dump_and_load(cloud, space, make, attach, detach, create, up):
    volume, instance = make(), create()
    attach(volume, instance)
    up(instance)
    detach(volume)
    cloud.load(space.account, cloud.dump(space.account))
    (loaded,) = space.instances
    (mount,) = loaded.volumes

    assert (mount.phase, mount.volume.state) == (MountPhase.LEAVING, VolumeState.MOUNTED)
    assert list(mount.volume.attached_to.values()) == [loaded]
