from __future__ import annotations

import re
from dataclasses import replace

import pytest

from ukrom.cloud import (
    Cloud,
    DomainOrder,
    ErrorCode,
    FileOrder,
    GroupOrder,
    ImageOrder,
    Limits,
    Ref,
    Refusal,
    RomOrder,
    ScaleToZero,
    ServiceOrder,
    Settings,
    State,
)
from ukrom.errors import SettingsError

HTTPS = ServiceOrder(443, 8080)


def group(*domains, **fields):
    return GroupOrder(services=(HTTPS,), domains=tuple(map(DomainOrder, domains)) or None, **fields)


@pytest.fixture
def refused(create):
    def check(code, **fields):
        with pytest.raises(Refusal) as caught:
            create(**fields)
        assert caught.value.code is code
        return caught.value.message

    return check


@pytest.fixture
def create_group(cloud, space):
    def make(order):
        with cloud.guard:
            return space.create_group(order)

    return make


def test_name_is_made_of_the_images_name(create):
    assert re.fullmatch(r"web-[a-z0-9]{5}", create().name)


def test_taken_name_is_refused(create, refused):
    create(name="web")

    message = refused(ErrorCode.ALREADY_EXISTS, name="web")
    assert message == "An instance with the name 'web' already exists"


def test_name_is_free_again_after_a_delete(cloud, create):
    instance = create(name="web")
    with cloud.guard:
        cloud.remove(instance)

    assert create(name="web").uuid != instance.uuid


@pytest.mark.parametrize("name", ["", "a/b", "-a", "a b", "ä"])
def test_bad_name_is_refused(refused, name):
    refused(ErrorCode.INVALID, name=name)


def test_longest_name_is_accepted_and_a_longer_one_refused(create, refused):
    assert create(name="x" * 255)
    refused(ErrorCode.TOO_LONG, name="x" * 256)


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"image": None}, ErrorCode.INVALID),
        ({"memory_mb": 15}, ErrorCode.INVALID),
        ({"memory_mb": 8193}, ErrorCode.INVALID),
        ({"vcpus": 0}, ErrorCode.INVALID),
        ({"vcpus": 33}, ErrorCode.INVALID),
        ({"replicas": 254}, ErrorCode.INVALID),
        ({"timeout_s": 5}, ErrorCode.INVALID),
        ({"timeout_s": -2, "autostart": True}, ErrorCode.INVALID),
        ({"hostname": "a.b"}, ErrorCode.INVALID),
        ({"args": ("x",) * 254}, ErrorCode.TOO_MANY),
        ({"args": ("a\0",)}, ErrorCode.INVALID),
        ({"env": {"A=B": "x"}}, ErrorCode.INVALID),
        ({"env": {str(i): "" for i in range(254)}}, ErrorCode.TOO_MANY),
        ({"tags": tuple(map(str, range(17)))}, ErrorCode.TOO_MANY),
        ({"tags": ("x" * 257,)}, ErrorCode.TOO_LONG),
        ({"tags": ("a b",)}, ErrorCode.INVALID),
        ({"annotations": {"-bad": "x"}}, ErrorCode.INVALID),
        ({"not_emulated": ("template",)}, ErrorCode.NOT_SUPPORTED),
        ({"scale_to_zero": ScaleToZero("on", cooldown_time_ms=86_400_001)}, ErrorCode.INVALID),
        ({"scale_to_zero": ScaleToZero("on", notify_time_ms=1000)}, ErrorCode.INVALID),
        ({"scale_to_zero": ScaleToZero("on"), "service": False}, ErrorCode.INVALID),
        ({"scale_to_zero": ScaleToZero("on"), "features": frozenset({"delete-on-stop"})}, ErrorCode.NOT_BOTH),
        ({"restart_policy": "always", "features": frozenset({"delete-on-stop"})}, ErrorCode.NOT_BOTH),
    ],
)
def test_what_is_beyond_the_limits_is_refused_and_leaves_nothing(refused, space, fields, code):
    refused(code, **fields)

    assert not space.instances
    assert not space.groups


@pytest.mark.parametrize(
    "fields",
    [
        {"memory_mb": 16},
        {"memory_mb": 8192},
        {"vcpus": 32},
        {"args": ("x",) * 253},
        {"env": {str(i): "" for i in range(253)}},
        {"tags": tuple(map(str, range(16)))},
        {"tags": ("x" * 256,)},
        {"annotations": {"example.com/a": "x"}},
        {"scale_to_zero": ScaleToZero("on", cooldown_time_ms=86_400_000, notify_time_ms=999)},
    ],
)
def test_what_is_at_the_limits_is_accepted(create, fields):
    assert create(**fields).state in {State.STOPPED, State.STANDBY}


def test_duplicate_tags_collapse(create):
    assert create(tags=("a", "b", "a")).tags == ("a", "b")


def test_replicas_share_group_and_inline_content_but_not_names(cloud, space, order):
    roms = (RomOrder(name="cfg", files=(FileOrder("a", "b"),)),)
    with cloud.guard:
        made = space.create_instances(order(name="web", replicas=2, roms=roms))

    assert made[0].name == "web"
    assert len({instance.name for instance in made}) == len({instance.uuid for instance in made}) == 3
    assert len({instance.group.uuid for instance in made}) == 1
    assert len({instance.roms[0].source.uuid for instance in made}) == 1
    assert len({instance.interface.private_ip for instance in made}) == 3


def test_inline_content_goes_with_its_last_holder(cloud, space, order):
    roms = (RomOrder(name="cfg", files=(FileOrder("a", "b"),)),)
    with cloud.guard:
        first, second = space.create_instances(order(replicas=1, roms=roms))
        cloud.remove(first)
        assert len(space.inline_images) == 1
        cloud.remove(second)

    assert space.inline_images == {}


def test_instance_quota_is_one_for_all_replicas(store, runner, clock, order):
    cloud = Cloud(Settings(limits=Limits(instances=2)), runner=runner, images=store, clock=clock)
    space = cloud.space(cloud.account("token"))
    with cloud.guard:
        with pytest.raises(Refusal, match=r"Failed to create\. Quota exceeded") as caught:
            space.create_instances(order(replicas=2))
        assert caught.value.code is ErrorCode.QUOTA
        assert len(space.create_instances(order(replicas=1))) == 2


def test_accounts_and_metros_do_not_see_each_other(make_cloud, order):
    cloud = make_cloud(metros=("fra", "dal"))
    alice, bob = cloud.account("alice"), cloud.account("bob")
    with cloud.guard:
        (instance,) = cloud.space(alice, "fra").create_instances(order(name="web"))
        for other in (cloud.space(bob, "fra"), cloud.space(alice, "dal")):
            with pytest.raises(Refusal, match="No instance with name 'web'"):
                other.instance(Ref(name="web"))
            with pytest.raises(Refusal, match=f"No instance with uuid '{instance.uuid}'"):
                other.instance(Ref(uuid=instance.uuid))
            other.create_instances(order(name="web"))

    assert [snapshot.metro for snapshot in cloud.instances(alice)] == ["fra", "dal"]


def test_group_and_domain_share_a_random_name(create_group):
    made = create_group(group())

    assert re.fullmatch(r"[a-z]+-[a-z]+-[a-z0-9]{8}", made.name)
    assert [domain.fqdn("unikraft.app") for domain in made.domains] == [f"{made.name}.fra.unikraft.app"]


def test_named_group_gets_a_domain_with_a_suffix(create_group):
    made = create_group(group(name="My.Service"))

    assert re.fullmatch(r"my-service-[a-z0-9]{8}", made.domains[0].label)


def test_domains_are_kept_exactly(create_group):
    made = create_group(group("test-http-python-rom1", "Example.com."))

    assert [domain.fqdn("kraft.cloud") for domain in made.domains] == [
        "test-http-python-rom1.fra.kraft.cloud",
        "example.com",
    ]


@pytest.mark.parametrize("taken", ["web", "web.fra.unikraft.app.", "web.fra0.kraft.cloud."])
def test_domain_in_use_is_refused_under_any_spelling(create_group, taken):
    create_group(group("web"))
    with pytest.raises(Refusal, match="already in use") as caught:
        create_group(group(taken))

    assert caught.value.code is ErrorCode.ALREADY_EXISTS


def test_domain_in_use_by_another_account_is_refused(cloud, create_group):
    create_group(group("web"))
    with cloud.guard, pytest.raises(Refusal, match="already in use"):
        cloud.space(cloud.account("other")).create_group(group("web"))


@pytest.mark.parametrize("name", ["api", "index", "www", "WWW"])
def test_reserved_domain_is_refused(create_group, name):
    with pytest.raises(Refusal, match="is reserved") as caught:
        create_group(group(name))

    assert caught.value.code is ErrorCode.CANNOT_BE_USED


@pytest.mark.parametrize(
    "name",
    [
        "x.dal.unikraft.app.",
        "x.dal.kraft.cloud.",
        "API.fra.unikraft.cloud.",
        "controlplane.unikraft.cloud.",
        "build.unikraft.cloud.",
        "unikraft.cloud.",
        "index.unikraft.io.",
        "unikraft.app.",
        "fra.unikraft.app.",
        "kraft.host.",
        "web.internal.",
    ],
)
def test_host_name_of_the_platform_is_refused(make_cloud, name):
    cloud = make_cloud(metros=("fra", "dal"))
    space = cloud.space(cloud.account("token"))
    with cloud.guard, pytest.raises(Refusal, match="is reserved") as caught:
        space.create_group(group(name))

    assert caught.value.code is ErrorCode.CANNOT_BE_USED
    assert not space.groups


@pytest.mark.parametrize("name", ["notunikraft.cloud.", "unikraft.cloud.example.com.", "internal.example."])
def test_host_name_that_only_looks_like_the_platforms_is_granted(create_group, name):
    assert [domain.label for domain in create_group(group(name)).domains] == [name.rstrip(".")]


def test_full_name_under_the_own_metro_is_the_short_one(create_group):
    (domain,) = create_group(group("web.fra.kraft.cloud.")).domains

    assert (domain.metro, domain.label) == ("fra", "web")


@pytest.mark.parametrize(
    "name", ["", "-a", "a_b", "a..b", "x" * 64, "localhost.", ".", "web.mars.unikraft.app."]
)
def test_bad_domain_is_refused(create_group, name):
    with pytest.raises(Refusal) as caught:
        create_group(group(name))

    assert caught.value.code is ErrorCode.INVALID


def test_domain_given_twice_is_refused(create_group):
    with pytest.raises(Refusal, match="given twice"):
        create_group(group("web", "web"))


def test_domain_is_free_again_when_its_group_is_gone(cloud, space, create_group):
    made = create_group(group("web"))
    with cloud.guard:
        space.delete_group(made)

    assert create_group(group("web"))


def test_ephemeral_group_goes_with_its_last_instance(cloud, space, order):
    with cloud.guard:
        first, second = space.create_instances(order(replicas=1))
        cloud.remove(first)
        assert list(space.groups)
        cloud.remove(second)

    assert not space.groups
    assert cloud.gateway.public_ports() == frozenset()


def test_persistent_group_outlives_its_instances(cloud, space, create, create_group):
    made = create_group(group(name="web"))
    instance = create(service_group=GroupOrder(name="web"))
    assert instance.group is made
    with cloud.guard:
        with pytest.raises(Refusal, match=f"still has instances: '{instance.name}'") as caught:
            space.delete_group(made)
        assert caught.value.code is ErrorCode.ATTACHED
        cloud.remove(instance)

    assert list(space.groups) == [made]


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        (GroupOrder(name="ghost"), ErrorCode.NOT_FOUND),
        (GroupOrder(), ErrorCode.MISSING_ID),
        (GroupOrder(name="web", domains=(DomainOrder("new"),)), ErrorCode.NOT_BOTH),
        (GroupOrder(name="web", services=(HTTPS,)), ErrorCode.ALREADY_EXISTS),
        (GroupOrder(services=()), ErrorCode.INVALID),
        (GroupOrder(services=(HTTPS,), soft_limit=0), ErrorCode.INVALID),
        (GroupOrder(services=(HTTPS,), hard_limit=65536), ErrorCode.INVALID),
        (GroupOrder(services=(HTTPS,), domains=(DomainOrder("x", Ref(name="cert")),)), ErrorCode.NOT_FOUND),
    ],
)
def test_group_that_cannot_be_had_is_refused_and_no_instance_is_made(
    create_group, refused, space, asked, code
):
    create_group(group(name="web"))
    refused(code, service_group=asked)

    assert not space.instances
    assert len(space.groups) == 1


def test_uuid_and_another_way_to_name_a_group_exclude_each_other(create_group, refused):
    made = create_group(group(name="web"))
    for asked in (GroupOrder(uuid=made.uuid, name="web"), GroupOrder(uuid=made.uuid, services=(HTTPS,))):
        refused(ErrorCode.NOT_BOTH, service_group=asked)


def test_same_seed_gives_the_same_names_and_uuids(make_cloud, order):
    def names():
        cloud = make_cloud()
        with cloud.guard:
            made = cloud.space(cloud.account("token")).create_instances(order(replicas=3))
        return [(instance.name, instance.uuid, instance.group.name) for instance in made]

    assert names() == names()


def test_reset_deletes_one_account_and_kills_its_machines(cloud, running, runner, order):
    other = cloud.account("other")
    with cloud.guard:
        cloud.space(other).create_instances(order())
        cloud.space(running.account).create_group(group("web"))
    running.delete_lock = True

    cloud.reset(running.account)

    assert runner.last.kills == 1
    assert cloud.instances(running.account) == ()
    assert len(cloud.instances(other)) == 1
    assert cloud.gateway.route("web.fra.unikraft.app", 443) is None


def test_machine_can_be_had_while_there_is_one(cloud, running, runner):
    assert cloud.machine(running.uuid) is runner.last
    runner.last.exit(0)

    assert cloud.machine(running.uuid) is None


def test_settings_that_make_no_sense_are_refused():
    with pytest.raises(SettingsError, match="no metro"):
        Settings(metros=())
    with pytest.raises(SettingsError, match=r"'example\.com' is not one"):
        replace(Settings(), suffix="example.com")


def test_image_reads_back_pinned_once_it_is_there(create, store):
    assert create().source.shown == store.resolve("org/web:1").reference
    assert create(image=ImageOrder("org/nope:1")).source.shown == "org/nope:1"
