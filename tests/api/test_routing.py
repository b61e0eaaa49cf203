from __future__ import annotations

import httpx
import pytest

from ukrom.api import CONTROL_PLANE, NOT_EMULATED, PLATFORM, Api, InProcessTransport
from ukrom.cloud import Cloud, Settings

UUID = "11111111-2222-4333-8444-555555555555"
HEADERS = {"authorization": "Bearer token"}


@pytest.fixture
def ask(api):
    with httpx.Client(transport=InProcessTransport(api), headers=HEADERS) as client:
        yield client.get


@pytest.mark.parametrize("prefix", ["", "/v1", "/v1/v1"])
@pytest.mark.parametrize(
    "base",
    [
        "https://api.fra.unikraft.cloud",
        "https://api.fra.kraft.cloud",
        "https://api.fra0.kraft.cloud",
        "http://127.0.0.1:8080",
        "http://localhost",
        "http://emulator:9000",
    ],
)
def test_platform_is_there_under_every_name(ask, base, prefix):
    assert ask(f"{base}{prefix}/instances/").json()["data"] == {"instances": []}


def test_unknown_metro_is_told(ask):
    answer = ask("https://api.mars.unikraft.cloud/v1/instances")

    assert answer.status_code == 404
    assert answer.json()["message"] == "no metro 'mars' here; the emulator has: fra"


def test_unknown_route_is_told(refuse):
    assert refuse("GET", "/nowhere", status=404) == "no route for GET /v1/nowhere"
    assert refuse("GET", "/", status=404) == "no route for GET /v1/"
    assert refuse("PUT", f"/instances/{UUID}/dance", status=404).startswith("no route for PUT")


def test_wrong_method_is_told(refuse):
    message = refuse("PUT", "/instances", status=405)

    assert message == "method PUT is not valid for /v1/instances; it takes POST, GET, DELETE, PATCH"


@pytest.mark.parametrize(
    ("method", "path"),
    [(methods.split()[0], path) for methods, path in NOT_EMULATED],
)
def test_what_is_not_emulated_says_so(client, ask, method, path):
    path = path.replace("{uuid}", UUID).replace("*", "x/y")
    host = "https://controlplane.unikraft.cloud/v1" if path.startswith(("/nodes", "/auth")) else ""
    answer = client.request(method, host + path)

    assert answer.status_code == 501
    assert "is not emulated yet" in answer.json()["message"]


def test_literal_parts_win_over_uuids(refuse):
    assert "is not emulated yet" in refuse("GET", "/instances/checkpoints", status=501)
    assert refuse("GET", "/instances/web") == "Invalid uuid 'web'"


def test_every_operation_has_one_row_and_a_route_of_its_own():
    for table in (PLATFORM, CONTROL_PLANE):
        routes = [(operation.method, path) for operation in table for path in operation.paths]
        assert len(routes) == len(set(routes))
        assert len({operation.name for operation in table}) == len(table)


def test_control_plane_lists_metros(ask):
    (metro,) = ask("https://controlplane.unikraft.cloud/v1/metros").json()["data"]["metros"]

    assert metro["iata_code"] == "FRA"
    assert metro["endpoint"] == "https://api.fra.unikraft.cloud/v1"


def test_local_control_plane_reports_its_own_address(ask):
    (metro,) = ask("http://127.0.0.1:8080/v1/metros").json()["data"]["metros"]

    assert metro["endpoint"] == "http://127.0.0.1:8080/v1"


def test_control_plane_lists_the_repositories_of_a_namespace(ask):
    url = "https://controlplane.unikraft.cloud/v1/images?namespace=org"
    assert [image["name"] for image in ask(url).json()["data"]["images"]] == [
        "org/app",
        "org/cfg",
        "org/http-python",
        "org/my-rom1",
        "org/my-rom2",
    ]
    app, *_ = ask(url + "&details=true").json()["data"]["images"]
    assert app["tags"][0]["name"] == "1"
    assert ask("http://localhost/v1/images?namespace=other").json()["data"]["images"] == []


def test_auth_names_the_account(ask):
    assert ask("https://controlplane.unikraft.cloud/v1/auth").json()["data"]["organization_name"] == "token"


def test_metros_are_apart(store, runner):
    api = Api(Cloud(Settings(metros=("fra", "dal")), runner=runner, images=store))
    with httpx.Client(transport=InProcessTransport(api), headers=HEADERS) as client:
        client.post("https://api.dal.unikraft.cloud/v1/instances", json={"image": "org/app:1"})
        listed = [
            len(client.get(f"https://api.{metro}.unikraft.cloud/v1/instances").json()["data"]["instances"])
            for metro in ("fra", "dal")
        ]
        metros = client.get("https://controlplane.unikraft.cloud/v1/metros").json()["data"]["metros"]

    assert listed == [0, 1]
    assert [metro["name"] for metro in metros] == ["fra", "dal"]


def test_images_are_listed_and_filtered(call, store):
    images = {image["url"]: image for image in call("GET", "/images")["data"]["images"]}
    rom = images[store.by_name["org/my-rom1:latest"].reference]
    app = images[store.by_name["org/app:1"].reference]

    assert len(images) == 5
    assert (rom["initrd_or_rom"], app["initrd_or_rom"]) == (True, False)
    assert app["created_at"] == "2026-05-28T13:53:40Z"
    for query in (
        "?tag=org%2Fapp%3A1",
        "?tag=index.unikraft.io/org/app:1",
        f"?digest={app['url'].split('@')[1]}",
    ):
        assert [image["url"] for image in call("GET", f"/image-store{query}")["data"]["images"]] == [
            app["url"]
        ]
    body = [{"tag": "org/app:1"}, {"tag": "org/my-rom1"}]
    assert len(call("GET", "/images", body)["data"]["images"]) == 2


def test_quotas_count_what_is_there(call, refuse):
    call(
        "POST",
        "/instances",
        [{"image": "org/app:1"}, {"image": "org/app:1", "autostart": True, "memory_mb": 256}],
    )
    (quota,) = call("GET", "/users/quotas")["data"]["quotas"]

    assert quota["used"]["instances"] == 2
    assert (quota["used"]["live_instances"], quota["used"]["live_memory_mb"]) == (1, 256)
    assert quota["limits"]["max_memory_mb"] == 8192
    assert call("GET", f"/users/{quota['uuid']}/quotas")["data"]["quotas"][0]["uuid"] == quota["uuid"]
    assert "token's own account" in refuse("GET", f"/users/{UUID}/quotas", status=403)


def test_health_is_good(call):
    assert call("GET", "/healthz")["data"]["checks"] == {"images": "healthy"}
