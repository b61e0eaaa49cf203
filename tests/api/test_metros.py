"""Metros, each with a state and a local address of its own (specification, A.8 and B.8)."""

from __future__ import annotations

import httpx
import pytest
from unikraft_cloud import AmbiguousRefError, NotFoundError, UnikraftCloud

from ukrom.api import AsyncInProcessTransport, InProcessTransport
from ukrom.cloud import Cloud, Limits, Settings
from ukrom.errors import SettingsError

APP = {"image": "org/app:1", "name": "web"}
LOCAL = "http://127.0.0.1:8080"
UUID = "11111111-2222-4333-8444-555555555555"


@pytest.fixture
def cloud(store, runner):
    cloud = Cloud(
        Settings(metros=("fra", "dal"), limits=Limits(instances=1)), runner=runner, images=store, seed=11
    )
    yield cloud
    cloud.close()


@pytest.fixture
def ask(api):
    """Call a local address."""
    with httpx.Client(transport=InProcessTransport(api), headers={"authorization": "Bearer token"}) as client:
        yield lambda method, path, body=None: client.request(method, LOCAL + path, json=body).json()


@pytest.fixture
def make(ask):
    return lambda base: ask("POST", f"{base}/instances", APP)["data"]["instances"][0]


def test_local_path_names_the_metro(ask, make, cloud):
    made = {base: make(base)["uuid"] for base in ("/v1", "/dal/v1")}

    for base, uuid in made.items():
        assert [one["uuid"] for one in ask("GET", f"{base}/instances")["data"]["instances"]] == [uuid]
        assert ask("GET", f"{base}/instances/{uuid}")["data"]["instances"][0]["status"] == "success"
    metros = {str(one.uuid): one.metro for one in cloud.instances(cloud.account("token"))}
    assert metros == {made["/v1"]: "fra", made["/dal/v1"]: "dal"}


@pytest.mark.parametrize("base", ["/fra/v1", "/fra", "/fra/v1/v1", "/fra0/v1", "//fra/v1"])
def test_first_metro_can_be_named_too(ask, make, base):
    uuid = make("/v1")["uuid"]

    assert ask("GET", f"{base}/instances")["data"]["instances"][0]["uuid"] == uuid


@pytest.mark.parametrize(
    "path", ["/mars/v1/instances", "/dal", "/dal/", "/dal/v1/nowhere", "/dal/dal/v1/instances"]
)
def test_what_is_no_metro_and_no_route_is_told(ask, path):
    assert ask("GET", path)["message"].startswith("no route for GET /")


def test_path_of_a_platforms_host_names_no_metro(api):
    with httpx.Client(transport=InProcessTransport(api), headers={"authorization": "Bearer token"}) as client:
        assert client.get("https://api.fra.unikraft.cloud/dal/v1/instances").status_code == 404


def test_metros_report_where_they_are(ask):
    for base in ("", "/v1", "/dal/v1"):
        assert [metro["endpoint"] for metro in ask("GET", f"{base}/metros")["data"]["metros"]] == [
            f"{LOCAL}/v1",
            f"{LOCAL}/dal/v1",
        ]


def test_quotas_are_those_of_each_metro(ask, make):
    assert make("/dal/v1")["status"] == "success"
    assert ask("POST", "/dal/v1/instances", {"image": "org/app:1"})["data"]["instances"][0]["error"] == 19
    used = {
        base: ask("GET", f"{base}/users/quotas")["data"]["quotas"][0]["used"]["instances"]
        for base in ("/v1", "/dal/v1")
    }

    assert used == {"/v1": 0, "/dal/v1": 1}
    assert make("/v1")["status"] == "success"


def test_accounts_see_their_own_resources_only(api, make):
    make("/v1")
    with httpx.Client(transport=InProcessTransport(api)) as client:
        for token in ("other", "dXNlcjp0b2tlbg=="):  # the second is `user:token` in base64
            headers = {"authorization": f"Bearer {token}"}
            assert client.get(f"{LOCAL}/v1/instances", headers=headers).json()["data"]["instances"] == []
            (found,) = client.get(f"{LOCAL}/v1/instances?name=web", headers=headers).json()["data"][
                "instances"
            ]
            assert found["error"] == 8


def test_token_of_the_same_user_leads_to_the_same_account(api):
    def name(token):
        with httpx.Client(transport=InProcessTransport(api)) as client:
            headers = {"authorization": f"Bearer {token}"}
            return client.get(f"{LOCAL}/v1/auth", headers=headers).json()["data"]["organization_name"]

    assert name("dXNlcjp0b2tlbg==") == name("dXNlcjpvdGhlcg==") == "user"


@pytest.mark.parametrize("host", ["api.mars.unikraft.cloud", "unikraft.cloud", "api.mars.kraft.cloud"])
def test_host_of_the_cloud_that_is_not_emulated_is_told(api, host):
    with httpx.Client(transport=InProcessTransport(api), headers={"authorization": "Bearer token"}) as client:
        answer = client.get(f"https://{host}/v1/instances")

    assert answer.status_code == 404
    assert answer.json()["status"] == "error"
    assert [call.missed for call in api.log] == [True]


@pytest.mark.parametrize(
    "url",
    [
        "https://build.unikraft.cloud/v1/builds",
        "https://build.unikraft.cloud/v1/builds/b1/logs",
        "https://build.unikraft.cloud/openapi.json",
        "https://BUILD.unikraft.cloud/",
        f"{LOCAL}/v1/builds",
        f"{LOCAL}/builds/b1",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_build_service_says_in_its_own_form_that_it_is_not_emulated(api, url, method):
    with httpx.Client(transport=InProcessTransport(api)) as client:
        answer = client.request(method, url)

    path = httpx.URL(url).path
    message = f"the build service is not emulated: {method} {path}"
    assert answer.status_code == 501
    assert answer.json() == {"error": {"code": "unsupported", "message": message}}
    assert [(call.status, call.error, call.missed) for call in api.log] == [(501, message, True)]


@pytest.mark.parametrize(
    "metros", [(), ("",), ("Fra",), ("fra", "fra"), ("v1",), ("fra.dal",), ("a/b",), ("-x",)]
)
def test_metros_that_cannot_be_are_refused(metros):
    with pytest.raises(SettingsError):
        Settings(metros=metros)


class TestSdk:
    pytestmark = pytest.mark.anyio

    @pytest.fixture
    def anyio_backend(self):
        return "asyncio"

    @pytest.fixture
    async def everywhere(self, api):
        """A client that knows a local control plane and no metro."""
        async with UnikraftCloud(
            token="token", control_plane_url=LOCAL, transport=AsyncInProcessTransport(api)
        ) as client:
            yield client

    async def test_discovered_metros_are_local(self, everywhere):
        metros = {metro.metro: metro.base_url for metro in await everywhere.available_metros()}

        assert metros == {"fra": LOCAL, "dal": f"{LOCAL}/dal"}

    async def test_read_asks_every_metro(self, everywhere, make):
        made = make("/dal/v1")

        assert [(one.metro, one.uuid) for one in await everywhere.instances.list()] == [("dal", made["uuid"])]
        assert (await everywhere.instances.get(name="web")).metro == "dal"

    async def test_name_in_two_metros_is_ambiguous(self, everywhere, make):
        make("/v1"), make("/dal/v1")

        with pytest.raises(AmbiguousRefError):
            await everywhere.instances.get(name="web")
        assert len(await everywhere.instances.each(name="web").all()) == 2

    async def test_client_can_be_pinned_to_the_local_address_of_a_metro(self, api, make):
        made = make("/dal/v1")
        for metro, found in ((f"{LOCAL}/dal/v1", True), (f"{LOCAL}/dal", True), (LOCAL, False)):
            async with UnikraftCloud(
                token="token", metro=metro, transport=AsyncInProcessTransport(api)
            ) as client:
                if found:
                    assert (await client.instances.get(name="web")).uuid == made["uuid"]
                else:
                    with pytest.raises(NotFoundError):
                        await client.instances.get(name="web")
