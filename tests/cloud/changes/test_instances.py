from __future__ import annotations

import pytest

from ukrom.cloud import Autokill, ErrorCode, ImageOrder, Ref, ScaleToZero, State, StopOrder


@pytest.fixture
def web(create):
    return create(service=False, tags=("a", "b"), env={"A": "1"}, args=("/app", "-v"), annotations={"k": "v"})


@pytest.mark.parametrize(
    ("prop", "value", "attribute"),
    [
        ("args", ("/other",), "args"),
        ("env", {"B": "2"}, "env"),
        ("memory_mb", 512, "memory_mb"),
        ("vcpus", 4, "vcpus"),
        ("tags", ("c",), "tags"),
        ("delete_lock", True, "delete_lock"),
        ("autokill", Autokill(5000, 3), "autokill"),
        ("hostname", "box", "hostname"),
        ("annotations", {"n": "w"}, "annotations"),
        ("sched_priority", "normal", "sched_priority"),
    ],
)
def test_set_replaces(web, change, prop, value, attribute):
    change(web, prop, "set", value)

    assert getattr(web, attribute) == value
    assert web.updates == []


@pytest.mark.parametrize(
    ("prop", "value", "attribute", "default"),
    [
        ("args", ("/other",), "args", None),
        ("env", {"B": "2"}, "env", None),
        ("memory_mb", 512, "memory_mb", 128),
        ("vcpus", 4, "vcpus", 1),
        ("tags", ("c",), "tags", ()),
        ("delete_lock", True, "delete_lock", False),
        ("autokill", Autokill(5000, 3), "autokill", Autokill()),
        ("annotations", {"n": "w"}, "annotations", None),
        ("sched_priority", "normal", "sched_priority", "normal"),
        ("scale_to_zero", ScaleToZero(), "scale_to_zero", None),
    ],
)
def test_set_without_a_value_clears(web, change, prop, value, attribute, default):
    change(web, prop, "set", value)
    change(web, prop, "set")

    assert getattr(web, attribute) == default


def test_cleared_hostname_is_the_name(web, change):
    change(web, "hostname", "set", "box")
    change(web, "hostname", "set")

    assert web.hostname == web.name


def test_image_can_be_set_and_not_cleared(web, change, refused, store):
    store.put("org/other:2")
    change(web, "image", "set", ImageOrder("org/other:2"))

    assert web.source.image is store.by_reference["org/other:2"]
    assert refused(web, "image", "set") is ErrorCode.INVALID
    assert refused(web, "image", "set", ImageOrder("")) is ErrorCode.INVALID
    assert refused(web, "image", "set", ImageOrder("no image")) is ErrorCode.INVALID
    assert web.source.image is store.by_reference["org/other:2"]


def test_image_that_does_not_exist_shows_at_the_start(web, change, start):
    change(web, "image", "set", ImageOrder("org/ghost:1"))
    start(web)

    assert (web.state, int(web.stop_reason), web.stop_code) == (State.STOPPED, 4, 1)


@pytest.mark.parametrize(
    ("prop", "added", "expected"),
    [
        ("args", ("-q",), ("/app", "-v", "-q")),
        ("env", {"B": "2", "A": "one"}, {"A": "one", "B": "2"}),
        ("tags", ("b", "c"), ("a", "b", "c")),
        ("annotations", {"n": "w"}, {"k": "v", "n": "w"}),
    ],
)
def test_add_keeps_what_is_there(web, change, prop, added, expected):
    change(web, prop, "add", added)

    assert getattr(web, prop) == expected


@pytest.mark.parametrize(
    ("prop", "gone", "expected"),
    [
        ("args", ("-v", "-x"), ("/app",)),
        ("env", ("A", "B"), {}),
        ("tags", ("a", "z"), ("b",)),
        ("annotations", ("k", "z"), {}),
    ],
)
def test_del_takes_out_what_is_there_and_passes_over_the_rest(web, change, prop, gone, expected):
    change(web, prop, "del", gone)

    assert getattr(web, prop) == expected


@pytest.mark.parametrize("prop", ["args", "env", "tags", "annotations", "roms", "dependencies"])
@pytest.mark.parametrize("op", ["add", "del"])
def test_add_and_del_without_a_value_change_nothing(web, change, prop, op):
    before = getattr(web, prop)
    change(web, prop, op)

    assert getattr(web, prop) == before


@pytest.mark.parametrize(
    "prop",
    ["image", "memory_mb", "vcpus", "scale_to_zero", "delete_lock", "autokill", "hostname", "sched_priority"],
)
@pytest.mark.parametrize("op", ["add", "del"])
def test_scalar_can_only_be_set(web, refused, prop, op):
    assert refused(web, prop, op) is ErrorCode.INVALID


@pytest.mark.parametrize(
    ("prop", "op", "value", "code"),
    [
        ("memory_mb", "set", 1, ErrorCode.INVALID),
        ("memory_mb", "set", 1 << 40, ErrorCode.INVALID),
        ("vcpus", "set", 0, ErrorCode.INVALID),
        ("hostname", "set", "not_a.label", ErrorCode.INVALID),
        ("tags", "set", ("no spaces",), ErrorCode.INVALID),
        ("tags", "add", tuple(f"t{n}" for n in range(15)), ErrorCode.TOO_MANY),
        ("tags", "set", ("x" * 257,), ErrorCode.TOO_LONG),
        ("env", "add", {f"K{n}": "" for n in range(253)}, ErrorCode.TOO_MANY),
        ("env", "set", {"A=B": ""}, ErrorCode.INVALID),
        ("args", "add", ("x",) * 252, ErrorCode.TOO_MANY),
        ("args", "set", ("\0",), ErrorCode.INVALID),
        ("annotations", "add", {"/": ""}, ErrorCode.INVALID),
        ("autokill", "set", Autokill(-1), ErrorCode.INVALID),
        ("sched_priority", "set", "admin", ErrorCode.NOT_ALLOWED),
        ("scale_to_zero", "set", ScaleToZero("on"), ErrorCode.INVALID),
        ("schedules", "set", ({"name": "s"},), ErrorCode.NOT_SUPPORTED),
        ("schedules", "del", ("s",), ErrorCode.NOT_FOUND),
        ("plugins", "add", ({"name": "p"},), ErrorCode.NOT_SUPPORTED),
        ("restart_policy", "set", "always", ErrorCode.UNKNOWN),
    ],
)
def test_value_that_a_create_would_refuse_is_refused(web, refused, prop, op, value, code):
    assert refused(web, prop, op, value) is code
    assert (web.tags, web.env, web.args) == (("a", "b"), {"A": "1"}, ("/app", "-v"))


@pytest.mark.parametrize("prop", ["schedules", "plugins"])
def test_having_none_of_what_is_not_emulated_is_fine(web, change, prop):
    change(web, prop, "set")
    change(web, prop, "set", ())
    change(web, prop, "del")

    assert web.updates == []


def test_scale_to_zero_parks_and_unparks(create, change):
    web = create()
    change(web, "scale_to_zero", "set", ScaleToZero("on"))
    parked = web.state
    change(web, "scale_to_zero", "set", ScaleToZero("off"))

    assert (parked, web.state) == (State.STANDBY, State.STOPPED)


def test_stateful_scale_to_zero_needs_a_runner_that_saves_memory(create, refused, runner):
    runner.abilities = frozenset()

    assert refused(create(), "scale_to_zero", "set", ScaleToZero("on", True)) is ErrorCode.NOT_SUPPORTED


def test_scale_to_zero_and_delete_on_stop_exclude_each_other(create, refused):
    web = create(features=frozenset({"delete-on-stop"}))

    assert refused(web, "scale_to_zero", "set", ScaleToZero("on")) is ErrorCode.NOT_BOTH


def test_autokill_counts_from_its_change(create, start, runner, stop, change, clock, space):
    web = create(service=False)
    start(web)
    runner.last.up()
    stop(web)
    change(web, "autokill", "set", Autokill(5000))
    clock.advance(4.9)
    before = len(space.instances)
    clock.advance(0.2)

    assert (before, len(space.instances)) == (1, 0)


def test_cleared_autokill_kills_nobody(create, start, runner, stop, change, clock, space):
    web = create(service=False, autokill=Autokill(5000))
    start(web)
    runner.last.up()
    stop(web)
    change(web, "autokill", "set")
    clock.advance(60)

    assert len(space.instances) == 1


def test_dependencies_are_set_added_and_taken_out(web, create, change):
    one, two = create(service=False, name="one"), create(service=False, name="two")
    change(web, "dependencies", "set", (Ref(name="one"),))
    change(web, "dependencies", "add", (Ref(uuid=two.uuid), Ref(name="one")))
    both = web.dependencies
    change(web, "dependencies", "del", (Ref(name="one"),))
    left = web.dependencies
    change(web, "dependencies", "set")

    assert both == (one.uuid, two.uuid)
    assert left == (two.uuid,)
    assert web.dependencies == ()


def test_dependency_on_what_is_gone_can_still_be_taken_out(web, create, change, cloud):
    one = create(service=False)
    change(web, "dependencies", "set", (Ref(uuid=one.uuid),))
    with cloud.guard:
        cloud.remove(one)
    change(web, "dependencies", "del", (Ref(uuid=one.uuid),))

    assert web.dependencies == ()


def test_dependency_on_nobody_or_itself_is_refused(web, create, change, refused):
    one, two = create(service=False), create(service=False)
    change(one, "dependencies", "set", (Ref(uuid=web.uuid),))
    change(two, "dependencies", "set", (Ref(uuid=one.uuid),))

    assert refused(web, "dependencies", "add", (Ref(name="ghost"),)) is ErrorCode.NOT_FOUND
    assert refused(web, "dependencies", "add", (Ref(uuid=web.uuid),)) is ErrorCode.INVALID
    assert refused(web, "dependencies", "add", (Ref(uuid=two.uuid),)) is ErrorCode.INVALID
    assert web.dependencies == ()


def test_new_machine_gets_what_was_changed(web, change, start, runner):
    change(web, "env", "add", {"B": "2"})
    change(web, "args", "set", ("/other",))
    change(web, "memory_mb", "set", 256)
    change(web, "hostname", "set", "box")
    start(web)
    spec = runner.last.spec

    assert (spec.env, spec.args, spec.memory_mb, spec.hostname) == (
        {"A": "1", "B": "2"},
        ("/other",),
        256,
        "box",
    )


def test_locked_instance_that_is_let_go_is_killed_in_time(create, start, runner, change, clock, cloud, space):
    web = create(service=False, autokill=Autokill(1000))
    change(web, "delete_lock", "set", True)
    start(web)
    runner.last.up()
    with cloud.guard:
        cloud.lifecycle.stop(web, StopOrder())
    runner.last.end()
    clock.advance(10)
    locked = len(space.instances)
    change(web, "delete_lock", "set", False)
    clock.advance(2)

    assert (locked, len(space.instances)) == (1, 0)
