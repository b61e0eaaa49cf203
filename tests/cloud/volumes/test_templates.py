from __future__ import annotations

import pytest

from ukrom.cloud import (
    ErrorCode,
    InstanceOrder,
    Limits,
    MountOrder,
    Ref,
    RomOrder,
    TemplateOrder,
    VolumeOrder,
    VolumeState,
)
from ukrom.cloud.orders import FileOrder


def new(at="/data", **fields):
    return MountOrder(at, new=VolumeOrder(**({"size_mb": 64} | fields)))


@pytest.fixture
def clone_of(cloud, space):
    """Clone an instance template."""

    def do(template, **fields):
        order = InstanceOrder(template=TemplateOrder(Ref(uuid=template.uuid)), **fields)
        with cloud.guard:
            (clone,) = space.create_instances(order)
        return clone

    return do


@pytest.fixture
def branch_of(cloud, space):
    """Branch an instance that does not run."""

    def do(source, **fields):
        with cloud.guard:
            (branch,) = space.create_instances(InstanceOrder(branch_from=Ref(uuid=source.uuid), **fields))
        return branch

    return do


def test_volume_becomes_a_template_in_place(make, convert, space):
    volume = make(name="data", tags=("a",))
    uuid = volume.uuid
    convert(volume)

    assert (volume.state, volume.uuid, volume.name, volume.tags) == (
        VolumeState.TEMPLATE,
        uuid,
        "data",
        ("a",),
    )
    assert space.volume_template(Ref(name="data")) is volume


def test_template_is_no_volume_and_a_volume_no_template(make, convert, refused, space):
    template, volume = convert(make(name="t")), make(name="v")

    assert refused(ErrorCode.NOT_FOUND, space.volume, Ref(name="t")) == "No volume with name 't'"
    message = refused(ErrorCode.NOT_FOUND, space.volume_template, Ref(name="v"))
    assert message == "No volume template with name 'v'"
    refused(ErrorCode.NOT_FOUND, space.volume_template, Ref(uuid=volume.uuid))
    refused(ErrorCode.NOT_FOUND, space.volume, Ref(uuid=template.uuid))


def test_attached_volume_becomes_no_template(make, attach, create, convert, refused):
    volume, instance = make(), create()
    attach(volume, instance)

    refused(ErrorCode.ATTACHED, convert, volume)
    assert volume.state is VolumeState.IDLE


def test_volume_that_is_not_ready_becomes_no_template(make_cloud, refused):
    cloud = make_cloud(volume_settle_s=5.0)
    space = cloud.space(cloud.account("token"))
    with cloud.guard:
        volume = cloud.volumes.create(space, VolumeOrder(size_mb=64))
        refused(ErrorCode.CANNOT_BE_USED, cloud.volumes.freeze, volume)


def test_volume_is_made_of_a_template(make, convert):
    template = convert(make(filesystem="my-xfs"))
    volume, larger = (
        make(template=Ref(uuid=template.uuid)),
        make(template=Ref(uuid=template.uuid), size_mb=128),
    )

    assert (volume.size_mb, volume.filesystem, volume.source) == (64, "my-xfs", template.uuid)
    assert (larger.size_mb, volume.state) == (128, VolumeState.AVAILABLE)


@pytest.mark.parametrize("fields", [{"size_mb": 32}, {"filesystem": "my-xfs"}])
def test_volume_that_its_template_does_not_fit_into_is_refused(make, convert, refused, fields):
    refused(ErrorCode.INVALID, make, template=Ref(uuid=convert(make()).uuid), **fields)


def test_template_may_go_before_the_volumes_made_of_it(make, convert, delete, space):
    template = convert(make())
    volume = make(template=Ref(uuid=template.uuid))
    delete(template)

    assert list(space.volumes) == [volume]


def test_locked_template_is_not_deleted(make, convert, delete, refused):
    template = convert(make())
    template.delete_lock = True

    refused(ErrorCode.NOT_ALLOWED, delete, template)


def test_volumes_of_an_instance_become_templates_with_it(make, attach, create, up, freeze):
    volume, instance = make(), create(volumes=(new("/new"),))
    attach(volume, instance)
    freeze(up(instance))

    assert [mount.volume.state for mount in instance.volumes] == [VolumeState.TEMPLATE] * 2
    assert list(volume.attached_to.values()) == [instance]


def test_volumes_of_a_stopped_instance_become_templates_with_it(create, freeze):
    instance = freeze(create(volumes=(new(),)))

    assert instance.volumes[0].volume.state is VolumeState.TEMPLATE


def test_volume_that_was_detached_before_does_not_become_a_template(make, attach, detach, create, up, freeze):
    volume, instance = make(), create()
    attach(volume, instance)
    up(instance)
    detach(volume)
    freeze(instance)

    assert (volume.state, instance.volumes) == (VolumeState.AVAILABLE, [])


def test_volume_that_others_share_stays_one(make, attach, create, up, freeze):
    volume = make(filesystem="virtiofs", access_mode="rwx")
    first, second = create(), create()
    attach(volume, first)
    attach(volume, second)
    freeze(first)
    up(second)

    assert volume.state is VolumeState.MOUNTED
    assert list(volume.attached_to.values()) == [first, second]


def test_volume_templates_go_with_their_instance_template(make, attach, create, freeze, remove, space):
    volume, instance = make(), create(volumes=(new("/new"),))
    attach(volume, instance)
    remove(freeze(instance))

    assert not space.volumes


def test_locked_volume_template_outlives_its_instance_template(create, freeze, remove, space):
    instance = freeze(create(volumes=(new(),)))
    volume = instance.volumes[0].volume
    volume.delete_lock = True
    remove(instance)

    assert list(space.volumes) == [volume]
    assert (volume.state, volume.attached_to) == (VolumeState.TEMPLATE, {})


def test_volume_template_is_not_deleted_under_its_instance_template(create, freeze, delete, refused):
    instance = freeze(create(volumes=(new(),)))

    refused(ErrorCode.ATTACHED, delete, instance.volumes[0].volume)


def test_clone_gets_copies_of_the_templates_volumes(create, freeze, clone_of, up, runner, remove, space):
    template = freeze(create(volumes=(new("/data", name="data"),)))
    (original,) = (mount.volume for mount in template.volumes)
    clone = clone_of(template)
    (mount,) = clone.volumes
    up(clone)
    (device,) = runner.last.spec.volumes

    assert mount.volume is not original
    assert mount.volume.name.startswith("vol-")
    assert (mount.at, mount.volume.size_mb, mount.volume.source) == ("/data", 64, original.uuid)
    assert (device.uuid, device.source) == (mount.volume.uuid, original.uuid)
    assert (mount.volume.state, original.state) == (VolumeState.MOUNTED, VolumeState.TEMPLATE)
    remove(template)
    assert list(space.volumes) == [mount.volume]
    remove(clone)
    assert not space.volumes


def test_clone_may_have_further_volumes_beside_the_templates(create, freeze, clone_of, make):
    volume = make()
    template = freeze(create(volumes=(new("/a"),)))
    clone = clone_of(template, volumes=(new("/b"), MountOrder("/c", Ref(uuid=volume.uuid))))

    assert sorted(mount.at for mount in clone.volumes) == ["/a", "/b", "/c"]


def test_templates_volumes_count_with_the_clones_own(create, freeze, clone_of, refused, space):
    template = freeze(create(volumes=tuple(new(f"/v{number}") for number in range(4))))

    refused(ErrorCode.TOO_MANY, clone_of, template, volumes=(new("/more"),))
    assert len(space.instances) == 1


def test_mount_path_of_a_templates_volume_is_taken_in_the_clone(create, freeze, clone_of, refused):
    template = freeze(create(volumes=(new("/data"),)))

    refused(ErrorCode.INVALID, clone_of, template, volumes=(new("/data"),))


def test_rom_of_a_clone_is_refused_where_a_templates_volume_is_mounted(create, freeze, clone_of, refused):
    template = freeze(create(volumes=(new("/a"),)))
    rom = RomOrder(name="code", files=(FileOrder("a.py", "pass"),), at="/a/")

    refused(ErrorCode.INVALID, clone_of, template, roms=(rom,))


def test_clone_whose_copies_have_no_room_is_refused(make_cloud, order, refused):
    cloud = make_cloud(limits=Limits(total_volume_mb=100))
    space = cloud.space(cloud.account("token"))
    with cloud.guard:
        (template,) = space.create_instances(order(volumes=(new(),)))
        cloud.templates.convert(template, None)
    again = InstanceOrder(template=TemplateOrder(Ref(uuid=template.uuid)))
    with cloud.guard:
        refused(ErrorCode.QUOTA, space.create_instances, again)

    assert len(space.volumes) == 1


def test_branch_gets_copies_without_the_names(create, branch_of):
    source = create(volumes=(new("/data", name="data"),))
    branch = branch_of(source)
    (original,), (copy,) = source.volumes, branch.volumes

    assert copy.volume is not original.volume
    assert copy.volume.name.startswith("vol-")
    assert (copy.at, copy.volume.source) == ("/data", original.volume.uuid)
    assert (original.volume.state, copy.volume.state) == (VolumeState.IDLE, VolumeState.IDLE)


def test_volume_of_an_instance_that_was_branched_still_goes_with_it(create, branch_of, remove, space):
    source = create(volumes=(new(),))
    branch = branch_of(source)
    remove(source)

    assert list(space.volumes) == [branch.volumes[0].volume]
