"""What the API sends fits the shapes."""

from __future__ import annotations

import json

import httpx
import pytest
from pydantic import TypeAdapter

from ukrom.api import InProcessTransport
from ukrom.api.shapes import (
    Authorization,
    DeletedInstance,
    Health,
    ImageList,
    Instance,
    InstanceLog,
    MetroList,
    MovedInstance,
    QuotaList,
    Reference,
    Refused,
    RegistryImageList,
    SeenInstance,
    ServiceGroup,
    answer_shape,
)

APP = {"image": "org/app:1"}
FULL = {
    **APP,
    "name": "web",
    "autostart": True,
    "tags": ["a"],
    "annotations": {"k": "v"},
    "scale_to_zero": {"policy": "on"},
    "service_group": {"services": [{"port": 443, "handlers": ["tls", "http"]}], "domains": [{"name": "web"}]},
    "roms": [
        {"name": "image", "image": "org/my-rom1:latest"},
        {"name": "inline", "files": [{"path": "f", "data": "x"}], "at": "/rom"},
    ],
}
WEB = [{"name": "web"}]


def fit(shape, key, envelope):
    """Read an answer by its shape."""
    return TypeAdapter(answer_shape(shape, key)).validate_json(json.dumps(envelope))


@pytest.fixture
def web(call):
    return call("POST", "/instances", FULL)


def test_create_fits(web):
    [made] = fit(Instance, "instances", web)["data"]["instances"]

    assert made["state"] == "starting"


@pytest.mark.parametrize("query", ["", "?details=true", "?name=web&name=ghost", "?count=1&order=desc"])
def test_reads_of_instances_fit(call, web, query):
    read = fit(Instance, "instances", call("GET", f"/instances{query}"))

    assert read["data"]["instances"][0]["name"] == "web"


def test_stopped_instance_fits(call, web):
    call("PUT", "/instances/stop", WEB)
    call("GET", "/instances/wait", [{"name": "web", "state": "stopped"}])
    [read] = fit(Instance, "instances", call("GET", "/instances?name=web"))["data"]["instances"]

    assert "stopped_at" in read


@pytest.mark.parametrize(
    ("method", "path", "body", "shape"),
    [
        ("PUT", "/instances/stop", WEB, MovedInstance),
        ("PUT", "/instances/start", WEB, MovedInstance),
        ("GET", "/instances/wait", WEB, SeenInstance),
        ("GET", "/instances/wait", [{"name": "web", "state": "stopped", "timeout_s": 0}], SeenInstance),
        ("GET", "/instances/log", WEB, InstanceLog),
        ("DELETE", "/instances", WEB, DeletedInstance),
        ("DELETE", "/instances", [*WEB, {"name": "ghost"}], DeletedInstance),
    ],
)
def test_actions_on_instances_fit(call, web, method, path, body, shape):
    assert len(fit(shape, "instances", call(method, path, body))["data"]["instances"]) == len(body)


def test_service_groups_fit(call):
    body = {"name": "front", "services": [{"port": 80, "handlers": ["http"]}], "domains": [{"name": "front"}]}

    for shape, method, said in (
        (ServiceGroup, "POST", body),
        (ServiceGroup, "GET", None),
        (Reference, "DELETE", [{"name": "front"}]),
    ):
        [group] = fit(shape, "service_groups", call(method, "/services", said))["data"]["service_groups"]
        assert group["name"] == "front"


@pytest.mark.parametrize(
    ("path", "shape"),
    [("/images", ImageList), ("/image-store", ImageList), ("/users/quotas", QuotaList), ("/healthz", Health)],
)
def test_data_of_the_platform_fits(call, path, shape):
    assert fit(shape, "", call("GET", path))["status"] == "success"


@pytest.mark.parametrize(
    ("path", "shape"),
    [
        ("/metros", MetroList),
        ("/images?namespace=org", RegistryImageList),
        ("/images?namespace=org&details=true", RegistryImageList),
        ("/auth", Authorization),
    ],
)
def test_data_of_the_control_plane_fits(api, path, shape):
    url = f"https://controlplane.unikraft.cloud/v1{path}"
    with httpx.Client(transport=InProcessTransport(api), headers={"authorization": "Bearer token"}) as client:
        answer = client.get(url)

    assert fit(shape, "", answer.json())["status"] == "success"


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        ("POST", "/instances", {}, 400),
        ("GET", "/instances", {"authorization": "none"}, 401),
        ("GET", "/nothing", {}, 404),
        ("PUT", "/healthz", {}, 405),
        ("GET", "/audit", {}, 501),
    ],
)
def test_refusals_fit(client, method, path, headers, status):
    answer = client.request(method, path, headers=headers)

    assert answer.status_code == status
    assert TypeAdapter(Refused).validate_json(answer.content)["errors"][0]["status"] == status
