from __future__ import annotations

import pytest

from ukrom.cloud import (
    Autokill,
    Domain,
    ErrorCode,
    Happening,
    ImageOrder,
    MissingImage,
    Ref,
    ScaleToZero,
    State,
    StopOrder,
)

from .triples import by_image, inline, triple


def pending(instance):
    return [(update.change.prop, update.change.op.value, update.error) for update in instance.updates]


@pytest.mark.parametrize(
    ("prop", "value"),
    [
        ("tags", ("now",)),
        ("annotations", {"k": "v"}),
        ("delete_lock", True),
        ("autokill", Autokill(60_000)),
        ("sched_priority", "normal"),
    ],
)
def test_label_of_a_running_instance_changes_at_once(running, change, prop, value):
    change(running, prop, "set", value)

    assert getattr(running, prop) == value
    assert running.updates == []


@pytest.mark.parametrize(
    ("prop", "value"),
    [
        ("args", ("/other",)),
        ("env", {"B": "2"}),
        ("memory_mb", 512),
        ("vcpus", 2),
        ("hostname", "box"),
        ("scale_to_zero", ScaleToZero("off", cooldown_time_ms=5)),
    ],
)
def test_rest_waits_for_the_stop(running, change, stop, prop, value):
    before = getattr(running, prop)
    change(running, prop, "set", value)
    waiting = getattr(running, prop), pending(running)
    stop(running)

    assert waiting == (before, [(prop, "set", None)])
    assert getattr(running, prop) == value
    assert running.updates == []


def test_image_waits_for_the_stop(running, change, stop, store):
    store.put("org/other:2")
    change(running, "image", "set", ImageOrder("org/other:2"))
    before = running.source.order.reference
    stop(running)

    assert (before, running.source.order.reference) == ("org/web:1", "org/other:2")


@pytest.mark.parametrize("state", [State.STARTING, State.STOPPING, State.DRAINING])
def test_changes_wait_in_every_live_state(create, start, change, cloud, runner, state):
    web = create()
    start(web)
    if state is not State.STARTING:
        runner.last.up()
        web.traffic.requests += state is State.DRAINING
        with cloud.guard:
            cloud.lifecycle.stop(web, StopOrder(drain_timeout_ms=-1 if state is State.DRAINING else 0))
    assert web.state is state
    change(web, "memory_mb", "set", 256)

    assert pending(web) == [("memory_mb", "set", None)]


def test_changes_are_made_in_their_order(running, change, stop):
    change(running, "env", "set", {"A": "1", "B": "2"})
    change(running, "env", "add", {"C": "3"})
    change(running, "env", "del", ("A",))
    change(running, "memory_mb", "set", 256)
    change(running, "memory_mb", "set", 512)
    stop(running)

    assert running.env == {"B": "2", "C": "3"}
    assert running.memory_mb == 512


@pytest.mark.parametrize("end", ["exit", "crash", "stop"])
def test_every_kind_of_stop_lands_them(running, change, runner, stop, end):
    change(running, "memory_mb", "set", 256)
    if end == "exit":
        runner.last.exit(3)
    elif end == "crash":
        runner.last.end(kernel_code=0x0C7F04)
    else:
        stop(running)

    assert running.memory_mb == 256


def test_restart_has_what_was_changed(create, start, runner, change, clock):
    web = create(restart_policy="always", service=False)
    start(web)
    runner.last.up()
    change(web, "env", "set", {"NEW": "1"})
    runner.last.exit(0)
    clock.advance(0)

    assert len(runner.machines) == 2
    assert runner.last.spec.env == {"NEW": "1"}


def test_scaling_to_zero_lands_them(create, start, runner, change, clock):
    web = create(scale_to_zero=ScaleToZero("on", cooldown_time_ms=1000))
    start(web)
    runner.last.up()
    change(web, "memory_mb", "set", 256)
    clock.advance(1.5)
    runner.last.end()

    assert (web.state, web.memory_mb, web.updates) == (State.STANDBY, 256, [])


def test_change_is_checked_against_those_that_wait_before_it(running, change, refused):
    change(running, "roms", "set", tuple(inline(f"r{n}") for n in range(8)))
    change(running, "tags", "set", ("a",))

    assert refused(running, "roms", "add", (inline("ninth"),)) is ErrorCode.TOO_MANY
    change(running, "roms", "del", ("r0",))
    change(running, "roms", "add", (inline("ninth"),))
    assert refused(running, "roms", "del", ("r0",)) is ErrorCode.NOT_FOUND
    assert refused(running, "memory_mb", "set", 1) is ErrorCode.INVALID
    assert len(running.updates) == 3


def test_change_that_can_no_longer_be_made_stays_and_tells_why(running, create, change, stop, cloud):
    other = create(service=False, name="other")
    change(running, "dependencies", "set", (Ref(name="other"),))
    change(running, "memory_mb", "set", 256)
    with cloud.guard:
        cloud.remove(other)
    stop(running)

    assert pending(running) == [("dependencies", "set", "No instance with name 'other'")]
    assert running.memory_mb == 256


def test_failed_change_is_not_tried_again_and_goes_with_the_next(
    running, create, change, stop, start, runner, cloud
):
    other = create(service=False, name="other")
    change(running, "dependencies", "set", (Ref(name="other"),))
    with cloud.guard:
        cloud.remove(other)
    stop(running)
    create(service=False, name="other")
    start(running)
    runner.last.up()
    stop(running)
    again = running.dependencies
    change(running, "dependencies", "set", (Ref(name="other"),))

    assert again == ()
    assert len(running.dependencies) == 1
    assert running.updates == []


def test_failed_change_goes_with_a_queued_one_that_is_made(
    running, create, change, stop, start, runner, cloud
):
    other = create(service=False, name="other")
    change(running, "dependencies", "set", (Ref(name="other"),))
    change(running, "hostname", "set", "h")
    with cloud.guard:
        cloud.remove(other)
    stop(running)
    failed = pending(running)
    start(running)
    runner.last.up()
    change(running, "dependencies", "set", ())
    stop(running)

    assert [prop for prop, _, _ in failed] == ["dependencies"]
    assert running.updates == []


def test_image_that_is_gone_by_then_fails_where_that_is_told_early(make_cloud, order, runner, store):
    cloud = make_cloud(missing_image=MissingImage.AT_CREATE)
    store.put("org/other:2")
    space = cloud.space(cloud.account("token"))
    with cloud.guard:
        (web,) = space.create_instances(order(service=False))
        cloud.lifecycle.start(web)
    runner.last.up()
    with cloud.guard:
        cloud.changes.instance(space, web, triple("image", "set", ImageOrder("org/other:2")))
    del store.by_reference["org/other:2"]
    runner.last.exit(0)

    assert pending(web) == [("image", "set", "No image with name 'org/other:2'")]
    assert web.source.order.reference == "org/web:1"


def test_no_more_than_256_changes_wait(running, change, refused):
    for number in range(256):
        change(running, "hostname", "set", f"h{number}")

    assert refused(running, "hostname", "set", "last") is ErrorCode.TOO_MANY


@pytest.mark.parametrize(
    ("prop", "value"), [("env", {"B": "2"}), ("memory_mb", 256), ("roms", (inline("rom"),))]
)
def test_suspended_instance_keeps_what_it_ran_with_until_its_next_full_stop(
    running, change, stop, suspend, start, runner, prop, value
):
    suspend(running)
    before = getattr(running, prop)
    change(running, prop, "set", value)
    asleep = getattr(running, prop), pending(running)
    start(running)
    runner.last.up()
    awake = getattr(running, prop), pending(running)
    stop(running)

    assert asleep == awake == (before, [(prop, "set", None)])
    assert getattr(running, prop) != before
    assert running.updates == []


def test_stop_of_a_suspended_instance_lands_them_too(running, change, stop, suspend):
    suspend(running)
    change(running, "memory_mb", "set", 256)
    stop(running)

    assert (running.snapshot, running.memory_mb, running.updates) == (None, 256, [])


def test_suspended_instance_changes_its_policies_at_once(running, change, suspend):
    suspend(running)
    change(running, "hostname", "set", "box")
    change(running, "tags", "set", ("a",))

    assert (running.hostname, running.tags, running.updates) == ("box", ("a",), [])


def test_stateful_standby_keeps_changes_waiting(create, start, runner, change, clock):
    web = create(scale_to_zero=ScaleToZero("on", stateful=True, cooldown_time_ms=1000))
    start(web)
    runner.last.up()
    change(web, "env", "set", {"A": "1"})
    clock.advance(1.5)
    runner.last.saved(runner.last.suspends[0])
    runner.last.end()

    assert (web.state, web.env, pending(web)) == (State.STANDBY, None, [("env", "set", None)])


def test_user_stop_with_a_new_policy_stays_a_stop(running, change, stop):
    change(running, "scale_to_zero", "set", ScaleToZero("on"))
    stop(running)

    assert (running.state, running.policy) == (State.STOPPED, "on")


def test_standby_whose_policy_was_cleared_is_stopped(create, start, runner, change, clock):
    web = create(scale_to_zero=ScaleToZero("on", cooldown_time_ms=1000))
    start(web)
    runner.last.up()
    change(web, "scale_to_zero", "set")
    clock.advance(1.5)
    runner.last.end()

    assert (web.state, web.policy) == (State.STOPPED, "off")


def test_template_has_no_changes_that_wait(running, change, cloud, runner):
    change(running, "memory_mb", "set", 256)
    with cloud.guard:
        cloud.lifecycle.freeze(running, lambda _: None)
    runner.last.saved(runner.last.suspends[0])
    runner.last.end()

    assert (running.state, running.updates, running.memory_mb) == (State.TEMPLATE, [], 128)


def test_deleted_instance_takes_its_changes_with_it(running, change, cloud, space):
    change(running, "roms", "set", (inline("rom"), by_image("image")))
    with cloud.guard:
        cloud.remove(running)

    assert space.inline_images == {}


def test_volumes_are_let_go_and_changes_made_before_restarts_are_thought_of(cloud):
    listeners = [type(call.__self__).__name__ for call in cloud.happenings._listeners[Happening.STOPPED]]

    assert listeners.index("Volumes") < listeners.index("Changes") < listeners.index("Restarts")


def test_changes_leave_the_service_alone(running, change, cloud):
    change(running, "hostname", "set", "box")

    assert cloud.domains.owners[running.group.domains[0]] is running.group
    assert isinstance(running.group.domains[0], Domain)
