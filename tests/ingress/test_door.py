"""httpx calls of the process that land in the emulator, beside the user's own mocks."""

from __future__ import annotations

import gc
import threading

import anyio
import httpx
import pytest
import respx
from respx.models import AllMockedAssertionError

from ukrom.ingress import Door, HostNotEmulated, Transports

from .conftest import HOST, App

API = "https://api.fra.unikraft.cloud/v1/instances"
INSTANCE = f"https://{HOST}/x"


def answer_of_api(request):
    return httpx.Response(200, text=f"api {request.method} {request.url.path} {len(request.content)}")


@pytest.fixture
def door(ingress, gateway, http_machine):
    gateway.serve(HOST, http_machine())
    gateway.serve("shop.example.com", http_machine())
    return Door(
        Transports(httpx.MockTransport(answer_of_api), httpx.MockTransport(answer_of_api)),
        Transports(ingress.transport(), ingress.async_transport(keepalive=False)),
        metros=("fra",),
        is_custom=lambda host, port: gateway.route(host, port) is not None,
        local_ports=lambda: (ingress.http_port, ingress.https_port),
    )


@pytest.fixture
def open_door(door):
    with door:
        yield door


def blocking(method, url, **options):
    with httpx.Client(trust_env=False, timeout=10) as client:
        return client.request(method, url, **options)


def in_loop(backend):
    def request(method, url, **options):
        async def main():
            async with httpx.AsyncClient(trust_env=False, timeout=10) as client:
                return await client.request(method, url, **options)

        return anyio.run(main, backend=backend)

    return request


CALLERS = {"blocking": blocking, "asyncio": in_loop("asyncio"), "trio": in_loop("trio")}


@pytest.fixture(params=CALLERS)
def call(request):
    return CALLERS[request.param]


@pytest.fixture
def foreign(http_machine):
    """A real server that has nothing to do with the cloud."""
    host, port = http_machine(App).address
    return f"http://{host}:{port}/foreign"


@pytest.mark.parametrize(
    "host",
    [
        "api.fra.unikraft.cloud",
        "api.fra.kraft.cloud",
        "api.fra0.kraft.cloud",
        "controlplane.unikraft.cloud",
    ],
)
def test_hosts_of_the_api_are_answered_in_process(open_door, call, host):
    assert call("POST", f"https://{host}/v1/x", content=b"1234567").text == "api POST /v1/x 7"


def test_instance_is_reached_through_the_ingress(open_door, call):
    assert call("GET", INSTANCE).text == "GET /x\n"
    assert call("POST", INSTANCE, content=b"y" * 1_500_000).content == b"y" * 1_500_000


def test_no_socket_is_left_behind_by_a_caller_whose_loop_has_ended(open_door, call, recwarn):
    call("GET", INSTANCE)
    open_door.stop()
    gc.collect()

    assert [str(warning.message) for warning in recwarn] == []


def test_custom_domain_of_a_service_is_reached(open_door, call):
    assert call("GET", "https://shop.example.com/x").text == "GET /x\n"


def test_unknown_instance_gets_the_page_of_the_platform(open_door, call):
    assert call("GET", "https://nobody.fra.unikraft.app/").status_code == 404


@pytest.mark.parametrize(
    "url",
    [
        "https://elsewhere.unikraft.cloud/v1/builds",
        "https://index.unikraft.io/v2/",
        "https://api.dal.unikraft.cloud/v1/instances",
        "https://unikraft.cloud/",
    ],
)
def test_other_hosts_of_the_cloud_fail_loudly(open_door, call, url):
    with pytest.raises(HostNotEmulated) as caught:
        call("GET", url)

    assert url in str(caught.value)
    assert "api.fra.unikraft.cloud" in str(caught.value)


def test_other_hosts_of_the_cloud_fail_loudly_beside_mocks_too(open_door, call):
    with respx.mock(assert_all_mocked=False), pytest.raises(HostNotEmulated):
        call("GET", "https://index.unikraft.io/v2/")


def test_foreign_host_is_untouched(open_door, call, foreign):
    assert call("GET", foreign).text == "GET /foreign\n"


def test_own_loopback_port_is_answered_in_process(open_door, ingress, call):
    url = f"http://127.0.0.1:{ingress.http_port}/v1/x"

    with respx.mock(assert_all_mocked=True):
        assert call("GET", url).text == "api GET /v1/x 0"
        assert "no service" in call("GET", url, headers={"Host": HOST}).text


def test_closed_door_lets_nothing_in(door, call, foreign):
    with door:
        pass

    with respx.mock(), pytest.raises(AllMockedAssertionError):
        call("GET", API)


def test_bodies_from_generators_arrive(open_door):
    def pieces():
        yield b"one"
        yield b"two"

    assert blocking("POST", API, content=pieces()).text == "api POST /v1/instances 6"
    assert blocking("POST", INSTANCE, content=pieces()).content == b"onetwo"


def test_answer_of_an_instance_streams(open_door, gateway, raw_machine):
    go_on = threading.Event()

    def talk(connection):
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\none\r\n")
        assert go_on.wait(10)
        connection.sendall(b"3\r\ntwo\r\n0\r\n\r\n")

    gateway.serve(HOST, raw_machine(talk))

    with httpx.stream("GET", INSTANCE) as answer:
        pieces = answer.iter_bytes()
        assert next(pieces) == b"one"
        go_on.set()
        assert b"".join(pieces) == b"two"


class BesideAUsersRouter:
    """The same whatever was started first."""

    @pytest.fixture(params=[True, False], ids=["all mocked", "not all mocked"])
    def strict(self, request):
        return request.param

    def test_user_mock_and_emulator_both_answer(self, mock, call):
        mock.get("https://example.com/").respond(text="mocked")

        assert call("GET", "https://example.com/").text == "mocked"
        assert call("GET", API).text == "api GET /v1/instances 0"
        assert call("GET", INSTANCE).text == "GET /x\n"
        assert mock.calls.call_count == 1

    def test_foreign_host_without_a_mock_is_what_the_user_asked_for(self, mock, call, strict, foreign):
        if strict:
            with pytest.raises(AllMockedAssertionError):
                call("GET", foreign)
        else:
            assert call("GET", foreign).content == b""

    def test_foreign_host_passes_through_if_the_user_says_so(self, mock, call, foreign):
        mock.get(foreign).pass_through()

        assert call("GET", foreign).text == "GET /foreign\n"

    def test_route_for_a_host_of_the_cloud_wins(self, mock, call):
        mock.get(API).respond(503)
        mock.route(host="build.unikraft.cloud").respond(204)

        assert call("GET", API).status_code == 503
        assert call("POST", API).text == "api POST /v1/instances 0"
        assert call("GET", "https://build.unikraft.cloud/").status_code == 204

    def test_route_whose_side_effect_declines_leaves_it_to_the_emulator(self, mock, call, strict):
        mock.get(API).mock(side_effect=lambda request: None)

        assert call("GET", API).text == ("api GET /v1/instances 0" if strict else "")

    def test_catch_all_is_not_meant_for_the_emulator(self, mock, call, foreign):
        mock.route().respond(404)

        assert call("GET", API).text == "api GET /v1/instances 0"
        assert call("GET", foreign).status_code == 404

    def test_pass_through_of_a_host_of_the_cloud_leads_to_the_emulator(self, mock, call):
        mock.route(host="api.fra.unikraft.cloud").pass_through()

        assert call("GET", API).text == "api GET /v1/instances 0"


class TestRouterStartedBefore(BesideAUsersRouter):
    @pytest.fixture
    def mock(self, door, strict):
        with respx.mock(assert_all_mocked=strict, assert_all_called=False) as mock, door:
            yield mock


class TestRouterStartedAfter(BesideAUsersRouter):
    @pytest.fixture
    def mock(self, door, strict):
        with door, respx.mock(assert_all_mocked=strict, assert_all_called=False) as mock:
            yield mock


def test_fixture_of_respx_works_beside_it(open_door, respx_mock, call):
    respx_mock.get("https://example.com/").respond(text="mocked")

    assert call("GET", "https://example.com/").text == "mocked"
    assert call("GET", API).text == "api GET /v1/instances 0"


def test_decorator_of_respx_works_beside_it(open_door):
    @respx.mock
    def test():
        respx.get("https://example.com/").respond(text="mocked")
        return blocking("GET", "https://example.com/").text, blocking("GET", API).text

    assert test() == ("mocked", "api GET /v1/instances 0")


def test_two_doors_the_inner_one_answers(door, open_door, gateway, foreign):
    other = httpx.MockTransport(lambda request: httpx.Response(200, text="inner"))
    inner = Door(Transports(other, other), Transports(other, other), metros=("fra",))

    with inner:
        assert blocking("GET", API).text == "inner"
        assert blocking("GET", foreign).text == "GET /foreign\n"
    assert blocking("GET", API).text == "api GET /v1/instances 0"


def test_call_from_the_loop_of_the_emulator_does_not_hang(open_door, portal):
    async def main():
        async with httpx.AsyncClient(trust_env=False) as client:
            return (await client.get(API)).text, (await client.get(INSTANCE)).text

    assert portal.call(main) == ("api GET /v1/instances 0", "GET /x\n")
    assert portal.call(blocking, "GET", API).text == "api GET /v1/instances 0"
