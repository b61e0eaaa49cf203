from __future__ import annotations

import pytest

from ukrom.cloud import DomainOrder, GroupOrder, NoAnswer, ServiceOrder, StopOrder

WEB = GroupOrder(services=(ServiceOrder(443, 8080), ServiceOrder(5432, 5432)), domains=(DomainOrder("web"),))


@pytest.fixture
def instance(create, start):
    instance = create(service_group=WEB, name="web")
    start(instance)
    return instance


@pytest.fixture
def route(cloud, instance):
    return cloud.gateway.route("web.fra.unikraft.app", 443)


def no_answer(future):
    with pytest.raises(NoAnswer) as caught:
        future.result(0)
    return caught.value.reason, caught.value.message


@pytest.mark.parametrize(
    "host",
    [
        "web.fra.unikraft.app",
        "WEB.Fra.Unikraft.App",
        "web.fra.kraft.cloud",
        "web.fra0.kraft.cloud",
        "web.fra.kraft.host",
        "web.fra.unikraft.app.",
    ],
)
def test_every_spelling_of_a_host_leads_to_the_service(cloud, instance, host):
    route = cloud.gateway.route(host, 443)

    assert route.fqdn == "web.fra.unikraft.app"
    assert (route.port, route.destination_port) == (443, 8080)
    assert route.handlers == {"tls", "http"}
    assert route.group_uuid == instance.group.uuid


@pytest.mark.parametrize(
    ("host", "port"),
    [("web.fra.unikraft.app", 80), ("web.dal.unikraft.app", 443), ("other.fra.unikraft.app", 443), ("", 443)],
)
def test_nothing_is_where_nothing_was_published(cloud, instance, host, port):
    assert cloud.gateway.route(host, port) is None


def test_suffix_to_report_is_a_setting(make_cloud, order):
    cloud = make_cloud(suffix="kraft.cloud")
    with cloud.guard:
        cloud.space(cloud.account("token")).create_instances(order(service_group=WEB))

    assert cloud.gateway.route("web.fra.unikraft.app", 443).fqdn == "web.fra.kraft.cloud"


def test_own_host_name_is_found(cloud, create):
    create(service_group=GroupOrder(services=(ServiceOrder(443),), domains=(DomainOrder("example.com."),)))

    assert cloud.gateway.route("Example.COM", 443).fqdn == "example.com"


def test_ports_are_told_when_they_change(cloud, create):
    seen = []
    cloud.gateway.on_ports_changed(seen.append)
    first = create(service_group=WEB)
    create()
    with cloud.guard:
        cloud.remove(first)

    assert seen == [{443, 5432}, {443}]
    assert cloud.gateway.public_ports() == {443}


def test_lease_waits_until_the_application_listens(cloud, route, runner):
    future = cloud.gateway.lease(route)
    runner.last.up()
    assert not future.done()

    runner.last.listen(8080)

    lease = future.result(0)
    assert lease.instance_name == "web"
    assert lease.endpoint.address == ("127.0.0.1", 48080)


def test_lease_counts_until_it_is_released(cloud, instance, route, runner):
    runner.last.up()
    runner.last.listen(8080)
    lease = cloud.gateway.lease(route).result(0)
    assert instance.traffic.in_flight == 1

    lease.release()
    lease.release()

    assert instance.traffic.in_flight == 0


def test_cancelled_lease_holds_nothing(cloud, instance, route, runner):
    cloud.gateway.lease(route).cancel()
    runner.last.up()
    runner.last.listen(8080)

    assert instance.traffic.in_flight == 0
    assert not cloud.waits.sleeping


def test_lease_fails_as_soon_as_the_instance_stops(cloud, route, runner):
    future = cloud.gateway.lease(route)
    runner.last.up()
    runner.last.exit(1)

    reason, message = no_answer(future)
    assert reason == "stopped"
    assert message == "The instance 'web' is stopped: the application exited with code 1"


def test_lease_of_a_stopped_instance_fails_at_once(cloud, route, runner):
    runner.last.end(error="QEMU died")

    assert no_answer(cloud.gateway.lease(route)) == ("stopped", "The instance 'web' is stopped: QEMU died")


def test_lease_fails_when_the_instance_is_deleted(cloud, instance, route):
    future = cloud.gateway.lease(route)
    with cloud.guard:
        cloud.remove(instance)

    assert no_answer(future)[0] == "no-instance"


def test_lease_fails_when_the_cloud_closes(cloud, route):
    future = cloud.gateway.lease(route)
    cloud.close()

    assert no_answer(future)[0] == "no-instance"


def test_service_without_instances_says_so(cloud, space):
    with cloud.guard:
        space.create_group(WEB)
    route = cloud.gateway.route("web.fra.unikraft.app", 443)

    assert no_answer(cloud.gateway.lease(route)) == (
        "no-instance",
        "The service web.fra.unikraft.app has no instance",
    )


def test_application_on_another_port_is_told_after_a_grace(cloud, route, runner, clock):
    future = cloud.gateway.lease(route)
    runner.last.up()
    runner.last.listen(3000)
    runner.last.listen(9000)
    clock.advance(2.9)
    assert not future.done()

    clock.advance(0.2)

    reason, message = no_answer(future)
    assert reason == "wrong-port"
    assert message == "The application in 'web' does not listen on port 8080, but on 3000, 9000"


def test_application_that_listens_for_itself_alone_is_told_what_to_do(cloud, route, runner, clock):
    future = cloud.gateway.lease(route)
    runner.last.up()
    runner.last.listen(8080, reachable=False)
    clock.advance(3.1)

    assert no_answer(future) == (
        "wrong-port",
        (
            "The application in 'web' does not listen on port 8080, but on 127.0.0.1:8080; "
            "bind 0.0.0.0 to be reached from outside"
        ),
    )


def test_application_that_opens_a_second_port_in_time_is_reached(cloud, route, runner, clock):
    future = cloud.gateway.lease(route)
    runner.last.up()
    runner.last.listen(9000)
    clock.advance(2)
    runner.last.listen(8080)

    assert future.result(0).instance_name == "web"


def test_application_that_never_listens_times_out(cloud, route, runner, clock):
    future = cloud.gateway.lease(route)
    runner.last.up()
    clock.advance(59)
    assert not future.done()

    clock.advance(2)

    assert no_answer(future) == ("timeout", "Nothing listened on port 8080 within 60 s in 'web' (running)")


def test_wrong_port_of_one_instance_is_no_verdict_while_another_starts(
    cloud, space, order, start, runner, clock
):
    with cloud.guard:
        first, second = space.create_instances(order(service_group=WEB, replicas=1))
    start(first)
    runner.last.up()
    runner.last.listen(9000)
    start(second)
    future = cloud.gateway.lease(cloud.gateway.route("web.fra.unikraft.app", 443))
    clock.advance(10)
    assert not future.done()

    runner.last.up()
    runner.last.listen(8080)

    assert future.result(0).instance_uuid == second.uuid


def test_slow_runner_stretches_the_deadlines(cloud, route, runner, clock):
    runner.speed = 10.0
    future = cloud.gateway.lease(route)
    runner.last.up()
    runner.last.listen(9000)
    clock.advance(29)
    assert not future.done()
    clock.advance(2)

    assert no_answer(future)[0] == "wrong-port"


def test_least_connections_first(cloud, space, order, start, runner):
    with cloud.guard:
        instances = space.create_instances(order(service_group=WEB, replicas=1))
    for instance in instances:
        start(instance)
        runner.last.up()
        runner.last.listen(8080)
    route = cloud.gateway.route("web.fra.unikraft.app", 443)
    leases = [cloud.gateway.lease(route).result(0) for _ in range(4)]

    assert [instance.traffic.in_flight for instance in instances] == [2, 2]
    leases[0].release()
    assert cloud.gateway.lease(route).result(0).instance_uuid == leases[0].instance_uuid


def test_hard_limit_refuses_and_does_not_queue(cloud, create, start, runner):
    start(
        create(
            service_group=GroupOrder(
                services=(ServiceOrder(443, 8080),), domains=(DomainOrder("web"),), hard_limit=1
            )
        )
    )
    runner.last.up()
    runner.last.listen(8080)
    route = cloud.gateway.route("web.fra.unikraft.app", 443)
    lease = cloud.gateway.lease(route).result(0)
    assert no_answer(cloud.gateway.lease(route))[0] == "hard-limit"

    lease.release()

    assert cloud.gateway.lease(route).result(0)


def test_stopping_instance_gets_no_new_requests(cloud, instance, route, runner):
    runner.last.up()
    runner.last.listen(8080)
    with cloud.guard:
        cloud.lifecycle.stop(instance, StopOrder())

    assert no_answer(cloud.gateway.lease(route)) == ("stopped", "The instance 'web' is stopping")
