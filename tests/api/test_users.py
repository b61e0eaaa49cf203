from __future__ import annotations

from dataclasses import replace

import httpx
import pytest
from pydantic import TypeAdapter

from ukrom.api import Api, InProcessTransport
from ukrom.api.shapes import Health, QuotaList, answer_shape
from ukrom.cloud import Cloud, Limits, Settings

APP = {"image": "org/app:1"}
SERVICES = [{"port": 443, "handlers": ["tls", "http"]}, {"port": 80, "handlers": ["http"]}]
GHOST = "00000000-0000-4000-8000-00000000dead"
FRA = "https://api.fra.unikraft.cloud/v1"
TOKEN = {"authorization": "Bearer token"}


@pytest.fixture
def quotas(call):
    return lambda: call("GET", "/users/quotas")["data"]["quotas"][0]


def test_answers_have_the_shapes_that_they_are_described_with(call):
    TypeAdapter(answer_shape(QuotaList)).validate_python(call("GET", "/users/quotas"))
    TypeAdapter(answer_shape(Health)).validate_python(call("GET", "/healthz"))


def test_everything_that_is_used_counts(call, quotas):
    call("POST", "/instances", {**APP, "memory_mb": 256, "vcpus": 2, "autostart": True})
    call("POST", "/instances", {**APP, "name": "template"})
    call("POST", "/instances/templates", [{"name": "template"}])
    call("POST", "/instances", {**APP, "service_group": {"services": SERVICES}})
    call("POST", "/services", {"name": "grp", "services": SERVICES[:1]})
    call("POST", "/volumes", {"name": "data", "size_mb": 64})

    assert quotas()["used"] == {
        "instances": 3,
        "live_instances": 1,
        "live_vcpus": 2,
        "live_memory_mb": 256,
        "service_groups": 2,
        "services": 3,
        "volumes": 1,
        "total_volume_mb": 64,
    }


def test_limit_of_live_instances_is_that_of_their_processors(quotas, cloud):
    cloud.settings = replace(cloud.settings, limits=replace(cloud.settings.limits, live_vcpus=7))
    hard = quotas()["hard"]

    assert (hard["live_instances"], hard["live_vcpus"]) == (7, 7)


def test_changes_count_as_creates_do(call, quotas):
    call("POST", "/services", {"name": "grp", "services": SERVICES})
    call("POST", "/volumes", {"name": "data", "size_mb": 64})
    call("PATCH", "/services", [{"name": "grp", "prop": "services", "op": "del", "value": [80]}])
    call("PATCH", "/volumes", [{"name": "data", "prop": "size_mb", "op": "set", "value": 128}])
    used = quotas()["used"]

    assert (used["services"], used["total_volume_mb"]) == (1, 128)


def test_what_is_deleted_is_not_used(call, quotas):
    before = quotas()["used"]
    call("POST", "/instances", {**APP, "name": "web", "service_group": {"services": SERVICES}})
    call("DELETE", "/instances", [{"name": "web"}])

    assert quotas()["used"] == before == dict.fromkeys(before, 0)


def test_limits_are_those_of_the_settings(store, runner):
    limits = Limits(instances=7, live_vcpus=3, services=2, max_memory_mb=512, total_volume_mb=99)
    cloud = Cloud(Settings(limits=limits), runner=runner, images=store)
    with httpx.Client(transport=InProcessTransport(Api(cloud)), base_url=FRA, headers=TOKEN) as client:
        (quota,) = client.get("/users/quotas").json()["data"]["quotas"]

    hard = quota["hard"]
    assert (hard["instances"], hard["live_vcpus"], hard["services"], hard["total_volume_mb"]) == (7, 3, 2, 99)
    assert quota["hard"].keys() == quota["used"].keys()
    assert quota["limits"] == {
        "min_memory_mb": 16,
        "max_memory_mb": 512,
        "min_vcpus": 1,
        "max_vcpus": 1,
        "min_volume_mb": 8,
        "max_volume_mb": 20480,
        "min_autoscale_size": 0,
        "max_autoscale_size": 16,
    }


def test_quotas_are_those_of_the_documented_account(store, runner):
    cloud = Cloud(Settings(), runner=runner, images=store)
    with httpx.Client(transport=InProcessTransport(Api(cloud)), base_url=FRA, headers=TOKEN) as client:
        (quota,) = client.get("/users/quotas").json()["data"]["quotas"]

    assert quota["hard"] == {
        "instances": 64,
        "live_instances": 64,
        "live_vcpus": 64,
        "live_memory_mb": 32768,
        "service_groups": 253,
        "services": 253,
        "volumes": 253,
        "total_volume_mb": 20480,
    }
    assert quota["limits"]["max_memory_mb"] == 8192
    assert quota["limits"]["max_vcpus"] == 1


def test_quotas_are_read_by_the_accounts_own_uuid_alone(call, refuse, quotas):
    mine = quotas()

    assert call("GET", f"/users/{mine['uuid']}/quotas")["data"]["quotas"] == [mine]
    assert refuse("GET", f"/users/{GHOST}/quotas", status=403).startswith(
        "Only the quotas of the token's own"
    )
    assert refuse("GET", "/users/me/quotas") == "Invalid uuid 'me'"
