"""What an instance may begin as, and what is settled by that (specification, C.2, D.9, D.11, E.10)."""

from __future__ import annotations

import re

import pytest

from ukrom.cloud import (
    Autokill,
    ErrorCode,
    FileOrder,
    GroupOrder,
    ImageOrder,
    InterfaceOrder,
    MountOrder,
    Ref,
    RomOrder,
    ScaleToZero,
    ServiceOrder,
    State,
    TemplateOrder,
    VolumeOrder,
)

WEB = ImageOrder("org/web:1")
BASE = RomOrder("base", files=(FileOrder("a", "A"),), at="/base")
TEMPLATE = TemplateOrder(Ref(name="tpl"))


@pytest.mark.parametrize(
    ("fields", "code", "message"),
    [
        ({}, ErrorCode.INVALID, "An instance needs one of 'image', 'template' and 'branch_from'"),
        (
            {"image": WEB, "template": TEMPLATE},
            ErrorCode.NOT_BOTH,
            "Cannot specify 'image' when 'template' is set",
        ),
        (
            {"image": WEB, "branch_from": Ref(name="web")},
            ErrorCode.NOT_BOTH,
            "Cannot specify 'image' when 'branch_from' is set",
        ),
        (
            {"template": TEMPLATE, "branch_from": Ref(name="web")},
            ErrorCode.NOT_BOTH,
            "Cannot specify 'branch_from' when creating an instance from a template",
        ),
    ],
)
def test_instance_has_exactly_one_origin(declined, fields, code, message):
    assert declined(**fields) == (code, message)


SETTLED = {"args": ("/x",), "env": {"A": "1"}, "memory_mb": 512, "vcpus": 2}


@pytest.mark.parametrize("field", SETTLED)
def test_what_a_template_has_settled_is_refused(declined, create, convert, field):
    convert(create(name="tpl", service=False))

    assert declined(template=TEMPLATE, **{field: SETTLED[field]}) == (
        ErrorCode.NOT_BOTH,
        f"Cannot specify '{field}' when creating an instance from a template",
    )


@pytest.mark.parametrize("field", SETTLED)
def test_what_the_source_of_a_branch_has_settled_is_refused(declined, create, field):
    create(name="web")

    assert declined(branch_from=Ref(name="web"), **{field: SETTLED[field]}) == (
        ErrorCode.NOT_BOTH,
        f"Cannot specify '{field}' when branching from an existing instance",
    )


def test_clone_of_a_missing_template_is_refused(declined, create):
    create(name="tpl")

    assert declined(template=TEMPLATE) == (ErrorCode.NOT_FOUND, "No instance template with name 'tpl'")


def test_clone_inherits_what_the_template_is(make, hot, runner, start):
    template = hot(
        name="tpl",
        memory_mb=512,
        vcpus=2,
        args=("/worker",),
        env={"MODE": "x"},
        annotations={"a": "1", "b": "1"},
        autokill=Autokill(1000, 5),
        tags=("t",),
        roms=(BASE,),
    )
    clone = make(template=TEMPLATE, annotations={"b": "2"})
    start(clone)

    assert re.fullmatch(r"web-[a-z0-9]{5}", clone.name)
    assert (clone.state, clone.template, clone.tags) == (State.STARTING, template.uuid, ())
    assert (clone.annotations, clone.autokill) == ({"a": "1", "b": "2"}, Autokill(1000, 5))
    spec = runner.last.spec
    assert (spec.memory_mb, spec.vcpus, spec.args, spec.env) == (512, 2, ("/worker",), {"MODE": "x"})
    assert [(rom.name, rom.at) for rom in spec.roms] == [("base", "/base")]
    assert spec.hostname == clone.name


def test_clone_has_what_its_request_adds(make, hot):
    hot(name="tpl", roms=(BASE,))
    clone = make(
        template=TEMPLATE,
        name="job",
        roms=(RomOrder("job", files=(FileOrder("id", "1"),)), RomOrder("fn", image=ImageOrder("org/rom:1"))),
        service_group=GroupOrder(services=(ServiceOrder(443, 8080),)),
        scale_to_zero=ScaleToZero("on"),
        tags=("x",),
        autokill=Autokill(7),
        volumes=(MountOrder("/data", new=VolumeOrder(size_mb=16)),),
    )

    assert (clone.name, clone.tags, clone.autokill, clone.policy) == ("job", ("x",), Autokill(7), "on")
    assert [rom.name for rom in clone.roms] == ["base", "job", "fn"]
    assert [mount.at for mount in clone.volumes] == ["/data"]


def test_clone_resumes_from_the_templates_memory_at_every_start(make, hot, start, runner):
    template = hot(name="tpl")
    clone = make(template=TEMPLATE)
    for _ in range(2):
        start(clone)
        runner.last.up()
        assert runner.last.snapshot is template.snapshot
        runner.last.exit(0)


def test_clone_of_a_cold_template_boots_afresh(make, create, convert, start, runner):
    convert(create(name="tpl", service=False))
    start(make(template=TEMPLATE))

    assert runner.last.snapshot is None


def test_replicas_are_clones_as_well(attempt, hot):
    hot(name="tpl", roms=(BASE,))
    clones = attempt(template=TEMPLATE, name="job", replicas=2).instances

    assert clones[0].name == "job"
    assert len({clone.name for clone in clones}) == 3
    assert len({clone.roms[0].source.uuid for clone in clones}) == 1
    assert len({clone.snapshot.uuid for clone in clones}) == 1


def test_clone_keeps_the_image_that_its_template_had(make, hot, store, start, runner):
    hot(name="tpl", image=ImageOrder("org/web:1", "always"))
    store.put("org/web:1")
    start(make(template=TEMPLATE))

    assert runner.last.spec.image.digest == f"sha256:{0:064x}"


@pytest.mark.parametrize(
    ("rom", "code"),
    [
        (RomOrder("base", image=ImageOrder("org/rom:1")), ErrorCode.ALREADY_EXISTS),
        (RomOrder("other", image=ImageOrder("org/rom:1"), at="/base/"), ErrorCode.INVALID),
    ],
)
def test_rom_that_clashes_with_an_inherited_one_is_refused(declined, hot, space, rom, code):
    hot(name="tpl", roms=(BASE,))

    assert declined(template=TEMPLATE, roms=(rom,))[0] is code
    assert len(space.instances) == 1


def test_inherited_roms_count(declined, make, hot):
    hot(name="tpl", roms=(BASE,))
    roms = tuple(RomOrder(f"r{index}", image=ImageOrder("org/rom:1")) for index in range(8))
    code, message = declined(template=TEMPLATE, roms=roms)

    assert code is ErrorCode.TOO_MANY
    assert message == "Too many ROMs: 8 given beside 1 that are there already, at most 8 per instance"
    assert len(make(template=TEMPLATE, roms=roms[:7]).roms) == 8


def test_nameless_roms_of_template_and_clone_get_different_names(make, hot):
    hot(name="tpl", roms=(RomOrder(image=ImageOrder("org/rom:1")),))
    clone = make(template=TEMPLATE, roms=(RomOrder(image=ImageOrder("org/rom:1")),))

    assert [rom.name for rom in clone.roms] == ["rom0", "rom1"]


def test_merged_annotations_count(declined, hot):
    hot(name="tpl", annotations={f"a{index}": "" for index in range(256)})

    assert declined(template=TEMPLATE, annotations={"b": ""})[0] is ErrorCode.TOO_MANY


def test_clone_gets_copies_of_the_templates_volumes(make, create, convert):
    template = create(
        name="tpl", service=False, volumes=(MountOrder("/data", new=VolumeOrder("data", size_mb=16)),)
    )
    convert(template)
    clone = make(template=TEMPLATE)

    (mount,) = clone.volumes
    assert (mount.at, mount.volume.source) == ("/data", template.volumes[0].volume.uuid)
    assert mount.volume.name != "data"


def test_rom_and_volume_cannot_have_one_mount_path(declined, space):
    volumes = (MountOrder("/base", new=VolumeOrder(size_mb=16)),)

    assert declined(image=WEB, roms=(BASE,), volumes=volumes)[0] is ErrorCode.INVALID
    assert not space.volumes
    assert not space.instances


def test_clone_outlives_its_template(make, hot, cloud, start, runner, space):
    template = hot(name="tpl", roms=(BASE,))
    clone = make(template=TEMPLATE)
    snapshot = template.snapshot
    with cloud.guard:
        cloud.remove(template)
    assert (runner.dropped, len(space.inline_images)) == ([], 1)

    start(clone)
    assert runner.last.snapshot is snapshot
    with cloud.guard:
        cloud.remove(clone)

    assert (runner.dropped, space.inline_images) == ([snapshot], {})


def test_interfaces_are_those_that_were_asked_for(make):
    instance = make(
        image=WEB, name="web", interfaces=(InterfaceOrder("lan"), InterfaceOrder(autoconfig=False))
    )

    assert [(one.name, one.autoconfig) for one in instance.interfaces] == [("lan", True), ("web-eth1", False)]
    assert len({one.private_ip for one in instance.interfaces}) == 2
    assert instance.interface.name == "lan"


def test_interface_of_an_instance_with_a_long_name_has_a_short_one(make):
    (interface,) = make(image=WEB, name="x" * 255).interfaces

    assert re.fullmatch(r"eth-[a-z0-9]{5}", interface.name)


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"interfaces": (InterfaceOrder("a"), InterfaceOrder("a"))}, ErrorCode.ALREADY_EXISTS),
        ({"interfaces": (InterfaceOrder("a/b"),)}, ErrorCode.INVALID),
        ({"interfaces": (InterfaceOrder(),) * 9}, ErrorCode.TOO_MANY),
        ({"gateway": "nowhere"}, ErrorCode.INVALID),
        ({"nameserver": ""}, ErrorCode.INVALID),
        ({"sched_priority": "high"}, ErrorCode.NOT_ALLOWED),
        ({"autokill": Autokill(-1)}, ErrorCode.INVALID),
        ({"dependencies": (Ref(name="ghost"),)}, ErrorCode.NOT_FOUND),
    ],
)
def test_what_cannot_be_is_refused(declined, space, fields, code):
    assert declined(image=WEB, **fields)[0] is code
    assert not space.instances


def test_network_and_dependencies_are_kept(make, create):
    other = create(name="db")
    instance = make(
        image=WEB,
        gateway="10.0.0.1",
        nameserver="fd00::1",
        sched_priority="normal",
        dependencies=(Ref(name="db"),),
    )

    assert (instance.gateway, instance.nameserver) == ("10.0.0.1", "fd00::1")
    assert instance.dependencies == (other.uuid,)
