"""Service groups (specification, B.2, C.8, F.6, F.7)."""

from __future__ import annotations

import pytest
from unikraft_cloud import NotFoundError
from unikraft_cloud.core.errors import AlreadyExistsError

from .conftest import IMAGE
from .refusals import refused

pytestmark = pytest.mark.anyio

GHOST = "00000000-0000-4000-8000-00000000dead"
HTTPS = [{"port": 443, "destination_port": 8080, "handlers": ["tls", "http"]}]


@pytest.mark.covers("POST /v1/services", kind="change")
async def test_created_group_is_persistent_and_has_its_services(ukc, fresh):
    name, domain = fresh("grp"), fresh("site")
    made = await ukc.services.create(
        name=name, services=HTTPS, domains=[{"name": domain}], soft_limit=2, hard_limit=10
    )
    (service,) = made.services

    assert (made.name, made.persistent, made.autoscale) == (name, True, False)
    assert (service.port, service.destination_port) == (443, 8080)
    assert sorted(service.handlers) == ["http", "tls"]
    assert (made.soft_limit, made.hard_limit) == (2, 10)
    assert [found.fqdn.split(".")[0] for found in made.domains] == [domain]


@pytest.mark.covers("POST /v1/services", kind="change")
async def test_group_without_domain_has_one_made_of_its_name(ukc, fresh):
    name = fresh("grp")
    made = await ukc.services.create(name=name, services=[{"port": 443, "handlers": ["tls", "http"]}])
    label = made.domains[0].fqdn.split(".")[0]

    assert label.startswith(f"{name}-")
    assert len(label) == len(name) + 9
    assert made.services[0].destination_port == 443


@pytest.mark.covers("POST /v1/services", kind="change")
async def test_instance_joins_a_persistent_group_and_leaves_it_behind(ukc, fresh):
    name = fresh("grp")
    group = await ukc.services.create(name=name, services=HTTPS)
    made = await ukc.instances.create(image=IMAGE, service_group={"name": name})
    joined = await ukc.services.get(uuid=group.uuid)
    await ukc.instances.get(uuid=made.uuid).delete()
    left = await ukc.services.get(uuid=group.uuid)

    assert [member.uuid for member in joined.instances] == [made.uuid]
    assert not left.instances


@pytest.mark.covers("POST /v1/services", kind="refusal")
async def test_taken_group_name_is_refused(ukc, fresh):
    name = fresh("grp")
    await ukc.services.create(name=name, services=HTTPS)
    with pytest.raises(AlreadyExistsError):
        await ukc.services.create(name=name, services=HTTPS)


@pytest.mark.covers("POST /v1/services", kind="refusal")
@pytest.mark.parametrize(
    "services",
    [
        [{"port": 80, "handlers": ["tls"]}],
        [{"port": 443, "handlers": ["tls"]}],
        [{"port": 8443, "handlers": ["http"]}],
        [{"port": 443, "handlers": ["tls", "http", "redirect"]}],
        [{"port": 443, "handlers": ["tls", "http"]}] * 2,
    ],
)
async def test_handlers_that_do_not_fit_the_port_are_refused(platform, services):
    assert await refused(platform.services.create_service_group(body={"services": services}))


@pytest.mark.covers("POST /v1/services", kind="refusal")
@pytest.mark.parametrize(
    "limits", [{"soft_limit": 5, "hard_limit": 4}, {"soft_limit": 0}, {"hard_limit": 65536}]
)
async def test_limits_out_of_order_or_range_are_refused(platform, limits):
    body = {"services": HTTPS, **limits}

    assert await refused(platform.services.create_service_group(body=body))


@pytest.mark.covers("POST /v1/services", kind="refusal")
async def test_negative_autokill_of_a_group_is_refused(platform, ukc, fresh):
    name = fresh("grp")
    body = {"name": name, "services": HTTPS, "autokill": {"time_ms": -1}}

    assert await refused(platform.services.create_service_group(body=body))
    with pytest.raises(NotFoundError):
        await ukc.services.get(name=name)


@pytest.mark.covers("POST /v1/services", kind="refusal")
async def test_domain_of_another_group_is_refused(platform, fresh):
    body = {"services": HTTPS, "domains": [{"name": fresh("site")}]}
    await platform.services.create_service_group(body=body)

    assert await refused(platform.services.create_service_group(body=body))


@pytest.mark.covers("POST /v1/services", kind="refusal")
@pytest.mark.parametrize(
    "name",
    [
        "api.fra.unikraft.cloud.",
        "controlplane.unikraft.cloud.",
        "index.unikraft.io.",
        "web.internal.",
        "unikraft.app.",
    ],
)
async def test_host_name_of_the_platform_is_granted_to_nobody(platform, name):
    body = {"services": HTTPS, "domains": [{"name": name}]}

    assert await refused(platform.services.create_service_group(body=body))


@pytest.mark.covers("GET /v1/services", kind="change")
async def test_group_is_listed_by_reference(platform, fresh):
    name = fresh("grp")
    await platform.services.create_service_group(body={"name": name, "services": HTTPS})
    listed = await platform.services.get_service_groups()
    (found,) = [item for item in listed.data.service_groups if item.name == name]

    assert found.model_fields_set == {"status", "uuid", "name"}


@pytest.mark.covers("GET /v1/services/{uuid}", kind="change")
async def test_group_is_read_by_the_uuid_in_the_path(platform, fresh):
    made = await platform.services.create_service_group(body={"name": fresh("grp"), "services": HTTPS})
    uuid = made.data.service_groups[0].uuid
    answer = await platform.services.get_service_group_by_uuid(uuid, details=True)

    assert answer.data.service_groups[0].services[0].port == 443


@pytest.mark.covers("GET /v1/services", kind="refusal")
async def test_missing_group_is_not_found(ukc, fresh):
    with pytest.raises(NotFoundError) as caught:
        await ukc.services.get(name=fresh("ghost"))

    assert caught.value.absent


@pytest.mark.covers("GET /v1/services/{uuid}", kind="refusal")
async def test_missing_uuid_of_a_group_is_not_found(platform):
    answer = await platform.services.get_service_group_by_uuid(GHOST)

    assert answer.data.service_groups[0].error == 8


@pytest.mark.covers("DELETE /v1/services", kind="change")
async def test_deleted_group_is_gone(ukc, fresh):
    made = await ukc.services.create(name=fresh("grp"), services=HTTPS)
    deleted = await ukc.services.get(uuid=made.uuid).delete()

    assert deleted.uuid == made.uuid
    with pytest.raises(NotFoundError):
        await ukc.services.get(uuid=made.uuid)


@pytest.mark.covers("DELETE /v1/services/{uuid}", kind="change")
async def test_group_is_deleted_by_the_uuid_in_the_path(platform):
    made = await platform.services.create_service_group(body={"services": HTTPS})
    uuid = made.data.service_groups[0].uuid
    deleted = await platform.services.delete_service_group_by_uuid(uuid)
    read = await platform.services.get_service_group_by_uuid(uuid)

    assert deleted.data.service_groups[0].uuid == uuid
    assert read.data.service_groups[0].error == 8


@pytest.mark.covers("DELETE /v1/services", kind="refusal")
async def test_bulk_delete_of_groups_names_the_missing_one(platform, fresh):
    made = await platform.services.create_service_group(body={"name": fresh("grp"), "services": HTTPS})
    body = [{"uuid": made.data.service_groups[0].uuid}, {"uuid": GHOST}]
    answer = await platform.services.delete_service_groups(body=body)

    assert answer.status == "partial_success"
    assert [item.error for item in answer.data.service_groups] == [None, 8]


@pytest.mark.covers("DELETE /v1/services/{uuid}", kind="refusal")
async def test_delete_of_a_missing_group_by_path_is_not_found(platform):
    answer = await platform.services.delete_service_group_by_uuid(GHOST)

    assert answer.data.service_groups[0].error == 8
