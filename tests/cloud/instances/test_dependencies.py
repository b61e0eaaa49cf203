from __future__ import annotations

from dataclasses import replace

import pytest

from ukrom.cloud import ErrorCode, ImageOrder, Limits, Ref, Refusal, Settings, State, StopOrder


@pytest.fixture
def database(create):
    return create(name="db", service=False)


@pytest.fixture
def web(create, database):
    return create(name="web", service=False, dependencies=(Ref(name="db"),))


def test_what_it_depends_on_starts_first(web, database, start, runner):
    start(web)
    assert [machine.spec.name for machine in runner.machines] == ["db"]
    assert (web.state, database.state) == (State.STARTING, State.STARTING)

    runner.last.up()

    assert [machine.spec.name for machine in runner.machines] == ["db", "web"]
    runner.last.up()
    assert web.state is State.RUNNING


def test_what_runs_already_is_not_waited_for(web, database, start, runner):
    start(database)
    runner.last.up()
    start(web)

    assert [machine.spec.name for machine in runner.machines] == ["db", "web"]


def test_chain_starts_from_its_end(create, web, start, runner):
    top = create(name="top", service=False, dependencies=(Ref(name="web"),))
    start(top)
    for name in ("db", "web", "top"):
        assert runner.last.spec.name == name
        runner.last.up()

    assert top.state is State.RUNNING


def test_dependency_that_does_not_come_up_stops_it(web, start, runner):
    start(web)
    runner.last.end(started=False, error="QEMU died")

    assert (web.state, web.stop_reason, web.stop_code) == (State.STOPPED, 4, 0)
    assert web.failure == "it depends on 'db', which did not come up"


def test_dependency_whose_image_is_missing_stops_it(create, start):
    create(name="db", service=False, image=ImageOrder("org/missing:1"))
    web = create(name="web", service=False, dependencies=(Ref(name="db"),))

    assert start(web) is None
    assert (web.state, web.stop_reason) == (State.STOPPED, 4)
    assert web.failure == "it depends on 'db', which did not come up"


def test_machine_of_a_deleted_one_that_waited_is_not_waited_for(cloud, web, start, runner):
    start(web)
    with cloud.guard:
        run = cloud.remove(web)
    runner.last.up()

    assert run.ended
    assert [machine.spec.name for machine in runner.machines] == ["db"]


def test_dependency_that_is_gone_stops_it(cloud, web, database, start):
    with cloud.guard:
        cloud.remove(database)

    assert start(web) is None
    assert (web.state, web.stop_reason) == (State.STOPPED, 4)
    assert "is gone" in web.failure


def test_dependency_on_its_way_down_stops_it(cloud, web, database, start, runner):
    start(database)
    runner.last.up()
    with cloud.guard:
        cloud.lifecycle.stop(database, StopOrder())
    start(web)

    assert (web.state, web.stop_reason) == (State.STOPPED, 4)


@pytest.mark.parametrize(("force", "reason"), [(False, 12), (True, 28)])
def test_stop_while_it_waits_ends_it_at_once(cloud, web, start, runner, force, reason):
    start(web)
    with cloud.guard:
        cloud.lifecycle.stop(web, StopOrder(force=force))
    assert (web.state, web.stop_reason) == (State.STOPPED, reason)

    runner.last.up()

    assert len(runner.machines) == 1


def test_deletion_while_it_waits_ends_the_wait(cloud, web, start, runner):
    start(web)
    with cloud.guard:
        cloud.remove(web)
    runner.last.up()

    assert len(runner.machines) == 1
    assert cloud.waits.sleeping == {}


def test_unknown_dependency_is_refused(create):
    with pytest.raises(Refusal) as caught:
        create(service=False, dependencies=(Ref(name="ghost"),))

    assert caught.value.code is ErrorCode.NOT_FOUND


@pytest.fixture
def limited(cloud, create, start, runner):
    """Set live limits, run an instance of 128 MiB and 2 processors, and start another."""

    def do(**limits):
        cloud.settings = replace(Settings(), limits=Limits(**{"max_vcpus": 2, **limits}))
        first, second = (create(service=False, vcpus=2) for _ in range(2))
        start(first)
        runner.last.up()
        start(second)
        return first, second

    return do


@pytest.mark.parametrize(
    ("limits", "failure"),
    [
        ({"live_vcpus": 3}, "quota exceeded: live_vcpus would be 4, and 3 are allowed"),
        ({"live_memory_mb": 255}, "quota exceeded: live_memory_mb would be 256, and 255 are allowed"),
    ],
)
def test_start_over_a_live_quota_fails(limited, limits, failure):
    first, second = limited(**limits)

    assert first.state is State.RUNNING
    assert (second.state, second.stop_reason, second.stop_code) == (State.STOPPED, 4, 0)
    assert second.failure == failure


@pytest.mark.parametrize("limits", [{"live_vcpus": 4}, {"live_memory_mb": 256}])
def test_start_at_a_live_quota_succeeds(limited, limits):
    _, second = limited(**limits)

    assert second.state is State.STARTING


def test_instance_that_stopped_makes_room(limited, start, runner):
    _, second = limited(live_vcpus=3)
    runner.last.exit(0)
    start(second)

    assert second.state is State.STARTING
