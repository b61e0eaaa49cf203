from __future__ import annotations

from contextlib import suppress

import pytest

from ukrom.cloud import (
    DomainOrder,
    GroupOrder,
    Kind,
    NoAnswer,
    Ref,
    ScaleToZero,
    ServiceOrder,
    State,
)

ON = ScaleToZero("on", cooldown_time_ms=60_000)


@pytest.fixture
def group(cloud, space):
    """A service group that takes two requests per instance, and at most three."""
    order = GroupOrder(
        name="web",
        services=(ServiceOrder(443, 8080),),
        domains=(DomainOrder("web"),),
        soft_limit=2,
        hard_limit=3,
    )
    with cloud.guard:
        return space.create_group(order)


@pytest.fixture
def member(create, group, start, runner):
    """Make an instance of the group, in standby or running."""

    def make(*, runs=False):
        instance = create(service_group=GroupOrder(name="web"), scale_to_zero=ON)
        if runs:
            start(instance)
            runner.last.up()
            runner.last.listen(8080)
        return instance

    return make


@pytest.fixture
def ask(cloud, group):
    def do(kind=Kind.REQUEST):
        return cloud.gateway.lease(cloud.gateway.route("web.fra.unikraft.app", 443), kind)

    return do


def in_flight(instances):
    return [instance.traffic.in_flight for instance in instances]


def test_least_loaded_gets_the_next_one_up_to_the_soft_limit(member, ask):
    instances = [member(runs=True), member(runs=True)]
    for _ in range(4):
        ask().result(0)

    assert in_flight(instances) == [2, 2]


def test_request_beyond_the_soft_limit_wakes_the_next_standby(member, ask, runner):
    first, second = member(runs=True), member()
    for _ in range(2):
        ask().result(0)
    assert second.state is State.STANDBY

    third = ask()
    assert (second.state, third.done()) == (State.STARTING, False)
    runner.last.up()
    runner.last.listen(8080)

    assert third.result(0).instance_uuid == second.uuid
    assert in_flight([first, second]) == [2, 1]


def test_one_that_is_coming_takes_as_many_as_it_may_before_the_next_is_woken(member, ask):
    instances = [member(), member()]
    asked = [ask(), ask()]
    assert [one.state for one in instances] == [State.STARTING, State.STANDBY]
    assert [one.traffic.queued for one in instances] == [2, 0]

    asked.append(ask())

    assert [one.state for one in instances] == [State.STARTING, State.STARTING]
    assert [one.traffic.queued for one in instances] == [2, 1]


def test_with_nothing_to_wake_the_running_ones_get_more_up_to_the_hard_limit(member, ask):
    instance = member(runs=True)
    for _ in range(3):
        ask().result(0)
    assert in_flight([instance]) == [3]

    with pytest.raises(NoAnswer) as caught:
        ask().result(0)

    assert caught.value.reason == "hard-limit"
    assert str(caught.value) == "Every instance of 'web' has 3 requests already"


def test_what_is_held_counts_for_the_hard_limit(member, ask):
    instance = member()
    for _ in range(3):
        ask()
    assert instance.traffic.queued == 3

    with pytest.raises(NoAnswer) as caught:
        ask().result(0)

    assert caught.value.reason == "hard-limit"


def test_room_that_comes_free_is_given_again(member, ask):
    member(runs=True)
    leases = [ask().result(0) for _ in range(3)]
    leases[0].release()

    assert ask().result(0)


def test_who_gives_up_leaves_the_queue(member, ask):
    instance = member()
    asked = [ask() for _ in range(3)]
    asked[1].cancel()

    assert instance.traffic.queued == 2


def test_one_that_cannot_wake_is_passed_over(member, ask, runner):
    first, second = member(), member()
    asked = ask()
    runner.last.end(started=False, error="QEMU died")

    assert first.state is State.STOPPED
    assert second.state is State.STARTING
    assert second.traffic.queued == 1
    runner.last.up()
    runner.last.listen(8080)
    assert asked.result(0).instance_uuid == second.uuid


def test_when_none_can_wake_the_reason_is_told(member, ask, runner):
    member()
    runner.missing = "qemu"

    with pytest.raises(NoAnswer, match="qemu was not found"):
        ask().result(0)


def test_standby_is_not_woken_twice(member, ask, runner):
    member()
    ask()
    ask()

    assert len(runner.machines) == 1


def test_requests_and_connections_are_counted_apart(member, ask):
    instance = member(runs=True)
    request, connection = ask().result(0), ask(Kind.CONNECTION).result(0)
    traffic = instance.traffic
    assert (traffic.requests, traffic.connections, traffic.total, traffic.served) == (1, 1, 2, 0)

    request.release()
    connection.release()
    connection.release()

    assert (traffic.requests, traffic.connections, traffic.total, traffic.served) == (0, 0, 2, 2)
    assert traffic.wakeups_ms == []


def test_lease_of_a_deleted_instance_can_be_given_back(cloud, space, member, ask):
    instance = member(runs=True)
    lease = ask().result(0)
    with cloud.guard:
        cloud.remove(instance)
    lease.touch()
    lease.release()

    assert instance.traffic.in_flight == 0
    assert instance.alarms == {}


def test_request_for_a_group_that_is_deleted_meanwhile_is_told(cloud, space, member, ask):
    instance = member()
    asked = ask()
    with cloud.guard:
        cloud.remove(instance)
        with suppress(KeyError):
            space.delete_group(space.group(Ref(name="web")))

    with pytest.raises(NoAnswer) as caught:
        asked.result(0)
    assert caught.value.reason == "no-instance"
