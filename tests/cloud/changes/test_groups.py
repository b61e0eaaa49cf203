from __future__ import annotations

import pytest

from ukrom.cloud import (
    Autokill,
    DomainOrder,
    ErrorCode,
    GroupOrder,
    Limits,
    Ref,
    Refusal,
    ServiceOrder,
)

from .triples import ABSENT, triple

HTTPS = ServiceOrder(443, 8080)
HTTP = ServiceOrder(80, handlers=frozenset({"http", "redirect"}))
POSTGRES = ServiceOrder(5432)


@pytest.fixture
def make(cloud, space):
    def do(name="web", *domains):
        orders = tuple(DomainOrder(domain) for domain in domains) or None
        with cloud.guard:
            return space.create_group(GroupOrder(name=name, services=(HTTPS,), domains=orders))

    return do


@pytest.fixture
def group(make):
    return make("web", "web")


@pytest.fixture
def alter(cloud, space):
    def do(group, prop, op, value=ABSENT):
        with cloud.guard:
            cloud.changes.group(space, group, triple(prop, op, value))

    return do


@pytest.fixture
def refused(alter):
    def do(group, prop, op, value=ABSENT):
        with pytest.raises(Refusal) as caught:
            alter(group, prop, op, value)
        return caught.value.code

    return do


def ports(group):
    return [service.port for service in group.services]


def hosts(group):
    return [domain.fqdn("unikraft.app") for domain in group.domains]


def test_services_are_set_added_and_taken_out(group, alter, cloud, space):
    alter(group, "services", "add", (HTTP,))
    both = ports(group), cloud.gateway.public_ports(), space.published
    alter(group, "services", "del", (ServiceOrder(443),))
    left = ports(group), cloud.gateway.public_ports(), space.published
    alter(group, "services", "set", (POSTGRES, HTTPS))

    assert both == ([443, 80], {443, 80}, 2)
    assert left == ([80], {80}, 1)
    assert (ports(group), cloud.gateway.public_ports(), space.published) == ([5432, 443], {443, 5432}, 2)


def test_port_that_stays_is_never_closed(group, alter, cloud):
    seen = []
    cloud.gateway.on_ports_changed(seen.append)
    alter(group, "services", "set", (ServiceOrder(443, 9090), POSTGRES))

    assert seen
    assert all(443 in ports for ports in seen)


def test_requests_go_to_the_new_destination(group, alter, cloud):
    alter(group, "services", "set", (ServiceOrder(443, 9090),))

    assert cloud.gateway.route("web.fra.unikraft.app", 443).destination_port == 9090


@pytest.mark.parametrize(
    ("op", "value", "code"),
    [
        ("set", ABSENT, ErrorCode.INVALID),
        ("set", (), ErrorCode.INVALID),
        ("set", (ServiceOrder(80, handlers=frozenset({"tls"})),), ErrorCode.INVALID),
        ("set", (HTTPS, HTTPS), ErrorCode.INVALID),
        ("set", (ServiceOrder(53, protocol="udp", ip="1.2.3.4"),), ErrorCode.NOT_SUPPORTED),
        ("set", (ServiceOrder(443, ip="1.2.3.4"),), ErrorCode.NOT_SUPPORTED),
        ("add", (HTTPS,), ErrorCode.ALREADY_EXISTS),
        ("del", (POSTGRES,), ErrorCode.NOT_FOUND),
        ("del", (HTTPS,), ErrorCode.INVALID),
    ],
)
def test_services_that_cannot_be_are_refused(group, refused, op, value, code):
    assert refused(group, "services", op, value) is code
    assert ports(group) == [443]


@pytest.mark.parametrize("prop", ["services", "domains"])
@pytest.mark.parametrize("op", ["add", "del"])
def test_add_and_del_without_a_value_change_nothing(group, alter, prop, op):
    before = getattr(group, prop)
    alter(group, prop, op)

    assert getattr(group, prop) == before


def test_quota_of_services_holds(make_cloud):
    cloud = make_cloud(limits=Limits(services=2))
    space = cloud.space(cloud.account("token"))
    with cloud.guard:
        group = space.create_group(GroupOrder(services=(HTTPS,)))
        cloud.changes.group(space, group, triple("services", "add", (HTTP,)))
        with pytest.raises(Refusal) as caught:
            cloud.changes.group(space, group, triple("services", "add", (POSTGRES,)))
        cloud.changes.group(space, group, triple("services", "set", (POSTGRES, HTTPS)))

    assert caught.value.code is ErrorCode.QUOTA
    assert ports(group) == [5432, 443]


def test_domains_are_set_added_and_taken_out(group, alter, cloud):
    alter(group, "domains", "add", (DomainOrder("two"), DomainOrder("example.com.")))
    three = hosts(group)
    alter(group, "domains", "del", (DomainOrder("web"),))
    two = hosts(group)
    gone = cloud.gateway.route("web.fra.unikraft.app", 443)
    alter(group, "domains", "set", (DomainOrder("two"), DomainOrder("new")))

    assert three == ["web.fra.unikraft.app", "two.fra.unikraft.app", "example.com"]
    assert two == three[1:]
    assert gone is None
    assert hosts(group) == ["two.fra.unikraft.app", "new.fra.unikraft.app"]
    assert set(cloud.domains.owners) == set(group.domains)
    assert cloud.gateway.route("new.fra.kraft.cloud", 443).group_uuid == group.uuid


@pytest.mark.parametrize("value", [ABSENT, ()])
def test_cleared_domains_become_one_by_chance(group, alter, value):
    alter(group, "domains", "set", value)
    (host,) = hosts(group)

    assert host.startswith("web-")
    assert host.endswith(".fra.unikraft.app")


def test_all_domains_can_be_taken_out(group, alter, cloud):
    alter(group, "domains", "del", (DomainOrder("web"),))

    assert hosts(group) == []
    assert cloud.gateway.route("web.fra.unikraft.app", 443) is None


@pytest.mark.parametrize(
    ("op", "value", "code"),
    [
        ("add", (DomainOrder("web"),), ErrorCode.ALREADY_EXISTS),
        ("add", (DomainOrder("two"), DomainOrder("TWO")), ErrorCode.ALREADY_EXISTS),
        ("set", (DomainOrder("two"), DomainOrder("two")), ErrorCode.ALREADY_EXISTS),
        ("add", (DomainOrder("taken"),), ErrorCode.ALREADY_EXISTS),
        ("set", (DomainOrder("taken"),), ErrorCode.ALREADY_EXISTS),
        ("add", (DomainOrder("www"),), ErrorCode.CANNOT_BE_USED),
        ("add", (DomainOrder("no_label"),), ErrorCode.INVALID),
        ("add", (DomainOrder("fine", Ref(name="cert")),), ErrorCode.NOT_FOUND),
        ("del", (DomainOrder("ghost"),), ErrorCode.NOT_FOUND),
    ],
)
def test_domains_that_cannot_be_are_refused(make, group, refused, cloud, op, value, code):
    other = make("other", "taken")

    assert refused(group, "domains", op, value) is code
    assert hosts(group) == ["web.fra.unikraft.app"]
    assert set(cloud.domains.owners.values()) == {group, other}


def test_domain_that_was_taken_out_is_free_for_others(make, group, alter):
    alter(group, "domains", "set", (DomainOrder("new"),))

    assert hosts(make("other", "web")) == ["web.fra.unikraft.app"]


def test_limits_change_and_clear(group, alter):
    alter(group, "hard_limit", "set", 20)
    alter(group, "soft_limit", "set", 5)
    changed = group.soft_limit, group.hard_limit
    alter(group, "soft_limit", "set")
    alter(group, "hard_limit", "set")

    assert changed == (5, 20)
    assert (group.soft_limit, group.hard_limit) == (1, 65535)


@pytest.mark.parametrize(
    ("prop", "op", "value"),
    [
        ("soft_limit", "set", 0),
        ("soft_limit", "set", 21),
        ("hard_limit", "set", 65536),
        ("hard_limit", "set", 4),
        ("soft_limit", "add", 1),
        ("hard_limit", "del", ABSENT),
        ("autokill", "set", Autokill(-1)),
        ("autokill", "add", Autokill(1)),
    ],
)
def test_numbers_that_make_no_sense_are_refused(group, alter, refused, prop, op, value):
    alter(group, "hard_limit", "set", 20)
    alter(group, "soft_limit", "set", 5)

    assert refused(group, prop, op, value) is ErrorCode.INVALID
    assert (group.soft_limit, group.hard_limit) == (5, 20)


def test_name_cannot_be_changed(group, refused):
    assert refused(group, "name", "set", "other") is ErrorCode.UNKNOWN


def test_empty_group_dies_in_time_after_its_policy_was_set(group, alter, clock, space):
    alter(group, "autokill", "set", Autokill(5000))
    clock.advance(4.9)
    before = len(space.groups)
    clock.advance(0.2)

    assert (before, len(space.groups)) == (1, 0)


def test_cleared_policy_kills_nobody(group, alter, clock, space):
    alter(group, "autokill", "set", Autokill(5000))
    alter(group, "autokill", "set")
    clock.advance(60)

    assert len(space.groups) == 1
