"""PATCH of service groups (specification, A.13, B.2, C.13, F.6)."""

from __future__ import annotations

import pytest
from unikraft_cloud import NotFoundError, UnikraftCloudError

from .refusals import refused

pytestmark = pytest.mark.anyio

GHOST = "00000000-0000-4000-8000-00000000dead"
HTTPS = {"port": 443, "destination_port": 8080, "handlers": ["tls", "http"]}
HTTP = {"port": 80, "destination_port": 443, "handlers": ["http", "redirect"]}


@pytest.fixture
async def group(ukc, fresh):
    return await ukc.services.create(name=fresh("grp"), services=[HTTPS], domains=[{"name": fresh("site")}])


@pytest.mark.covers("PATCH /v1/services", kind="change")
async def test_limits_and_services_of_a_group_change(ukc, group):
    await ukc.services.get(uuid=group.uuid).update(hard_limit=20, soft_limit=5)
    await ukc.services.get(uuid=group.uuid).edit().add(services=[HTTP]).apply()
    read = await ukc.services.get(uuid=group.uuid)

    assert (read.soft_limit, read.hard_limit) == (5, 20)
    assert [service.port for service in read.services] == [443, 80]


@pytest.mark.covers("PATCH /v1/services", kind="change")
async def test_domain_is_added_to_a_group(ukc, group, fresh):
    name = fresh("second")
    await ukc.services.get(uuid=group.uuid).edit().add(domains=[{"name": name}]).apply()
    read = await ukc.services.get(uuid=group.uuid)

    assert [domain.fqdn.split(".")[0] for domain in read.domains] == [
        group.domains[0].fqdn.split(".")[0],
        name,
    ]


@pytest.mark.covers("PATCH /v1/services/{uuid}", kind="change")
async def test_autokill_of_a_group_is_set_and_cleared_by_path(platform, ukc, group):
    body = {"id": "k", "prop": "autokill", "op": "set"}
    answer = await platform.services.update_service_group_by_uuid(
        group.uuid, body={**body, "value": {"time_ms": 60000}}
    )
    before = await ukc.services.get(uuid=group.uuid)
    await platform.services.update_service_group_by_uuid(group.uuid, body=body)
    after = await ukc.services.get(uuid=group.uuid)

    assert answer.data.service_groups[0].id == "k"
    assert before.autokill.time_ms == 60000
    assert after.autokill is None or not after.autokill.time_ms


@pytest.mark.covers("PATCH /v1/services", kind="refusal")
@pytest.mark.parametrize(
    ("prop", "op", "value"),
    [
        ("name", "set", "other"),
        ("persistent", "set", False),
        ("soft_limit", "set", 65535 + 1),
        ("soft_limit", "set", 0),
        ("services", "set", [{"port": 80, "handlers": ["tls"]}]),
        ("services", "set", []),
        ("domains", "set", "site"),
    ],
)
async def test_change_of_a_group_that_makes_no_sense_is_refused(platform, ukc, group, prop, op, value):
    body = [{"uuid": group.uuid, "prop": prop, "op": op, "value": value}]
    said = await refused(platform.services.update_service_groups(body=body))

    assert said
    assert await ukc.services.get(uuid=group.uuid) == group


@pytest.mark.covers("PATCH /v1/services/{uuid}", kind="refusal")
async def test_soft_limit_above_the_hard_one_is_refused_with_400(platform, ukc, group):
    body = {"prop": "soft_limit", "op": "set", "value": 11}
    await ukc.services.get(uuid=group.uuid).update(hard_limit=10)
    with pytest.raises(UnikraftCloudError) as caught:
        await platform.services.update_service_group_by_uuid(group.uuid, body=body)
    read = await ukc.services.get(uuid=group.uuid)

    assert caught.value.status == 400
    assert (read.soft_limit, read.hard_limit) == (1, 10)


@pytest.mark.covers("PATCH /v1/services", kind="refusal")
async def test_domain_of_another_group_is_not_taken_over(platform, ukc, group, fresh):
    other = await ukc.services.create(name=fresh("other"), services=[HTTPS])
    taken = [{"name": group.domains[0].fqdn.split(".")[0]}]
    body = [{"uuid": other.uuid, "prop": "domains", "op": "add", "value": taken}]

    assert await refused(platform.services.update_service_groups(body=body))


@pytest.mark.covers("PATCH /v1/services", kind="refusal")
async def test_change_of_a_missing_group_is_not_found(ukc, fresh):
    with pytest.raises(NotFoundError):
        await ukc.services.get(name=fresh("ghost")).update(hard_limit=20)


@pytest.mark.covers("PATCH /v1/services/{uuid}", kind="refusal")
async def test_change_of_a_missing_uuid_of_a_group_is_not_found(platform):
    body = {"prop": "hard_limit", "op": "set", "value": 20}

    assert await refused(platform.services.update_service_group_by_uuid(GHOST, body=body))
