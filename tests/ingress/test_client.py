"""Transports that reach instances under their real host names."""

from __future__ import annotations

import anyio
import httpx
import pytest
import respx

from ukrom.cloud import Endpoint
from ukrom.ingress import WouldWaitForItself

from .conftest import HOST, App

URL = f"https://{HOST}"


@pytest.fixture
def async_get(ingress):
    """Runs requests in a loop of their own; gives their texts."""

    def get(backend, *urls, **options):
        async def main():
            async with httpx.AsyncClient(transport=ingress.async_transport(**options)) as client:
                return [(await client.get(url)).text for url in urls]

        return anyio.run(main, backend=backend)

    return get


@pytest.fixture(params=["asyncio", "trio"])
def backend(request):
    return request.param


def test_async_client_gets_the_answer(async_get, backend, gateway, http_machine):
    gateway.serve(HOST, http_machine())
    gateway.serve("shop.example.com", http_machine(), port=80, handlers=("http",))

    assert async_get(backend, f"{URL}/a", "http://shop.example.com/b", f"{URL}/c") == [
        "GET /a\n",
        "GET /b\n",
        "GET /c\n",
    ]


@pytest.mark.parametrize("keepalive", [True, False])
def test_async_client_keeps_connections_if_it_may(ingress, backend, gateway, http_machine, keepalive):
    gateway.serve(HOST, http_machine())

    async def main():
        transport = ingress.async_transport(keepalive=keepalive)
        async with httpx.AsyncClient(transport=transport) as client:
            for _ in range(3):
                async with client.stream("GET", URL) as answer:
                    ports.add(answer.extensions["network_stream"].get_extra_info("client_addr"))
                    await answer.aread()

    ports = set()
    anyio.run(main, backend=backend)

    assert len(ports) == (1 if keepalive else 3)


def test_async_body_streams_and_uploads(ingress, backend, gateway, http_machine):
    gateway.serve(HOST, http_machine())

    async def pieces():
        for i in range(30):
            yield bytes([i]) * 40_000

    async def main():
        async with (
            httpx.AsyncClient(transport=ingress.async_transport()) as client,
            client.stream("POST", URL, content=pieces()) as answer,
        ):
            return b"".join([piece async for piece in answer.aiter_bytes()])

    assert anyio.run(main, backend=backend) == b"".join(bytes([i]) * 40_000 for i in range(30))


def test_mocks_of_the_user_do_not_catch_it(client, async_get, backend, gateway, http_machine):
    gateway.serve(HOST, http_machine())

    with respx.mock(assert_all_mocked=True, assert_all_called=False) as mock:
        mock.get(URL).respond(418)
        mock.route().respond(418)

        assert client.get(URL).text == "GET /\n"
        assert async_get(backend, URL) == ["GET /\n"]
        assert httpx.get(URL).status_code == 418


def test_ingress_itself_is_not_caught_either(client, gateway, http_machine):
    gateway.serve(HOST, http_machine())

    with respx.mock(assert_all_mocked=True):
        assert client.get(URL).text == "GET /\n"


def test_answer_that_stays_unread_gives_its_connection_up(client, gateway, http_machine):
    class Long(App):
        def do_GET(self):  # noqa: N802 - the name http.server looks for.
            self.answer(b"x" * 2_000_000)

    gateway.serve(HOST, http_machine(Long))

    with client.stream("GET", URL):
        pass

    assert len(client.get(URL).content) == 2_000_000


def test_scheme_other_than_http_is_refused(client):
    with pytest.raises(httpx.UnsupportedProtocol):
        client.get("ftp://example.com/")


def test_timeout_of_the_client_counts(client, gateway, raw_machine):
    gateway.serve(HOST, raw_machine(lambda connection: connection.recv(65536) and connection.recv(65536)))

    with pytest.raises(httpx.ReadTimeout):
        client.get(URL, timeout=0.05)


def test_blocking_request_in_the_loop_of_the_ingress_is_refused(client, gateway):
    # A deadlock otherwise: the loop would wait for an answer that only the loop can give.
    async def app(scope, receive, send):
        client.get(f"{URL}/again")

    gateway.serve(HOST, Endpoint(app=app))

    answer = client.get(URL)

    assert answer.status_code == 502
    assert f"its stub raised {WouldWaitForItself.__name__}: a blocking request to {URL}/again" in answer.text


def test_asynchronous_request_in_the_loop_of_the_ingress_is_answered(ingress, client, gateway):
    async def app(scope, receive, send):
        async with httpx.AsyncClient(transport=ingress.async_transport()) as inner:
            text = (await inner.get("https://api.fra.unikraft.cloud/v1")).text
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": text.encode()})

    gateway.serve(HOST, Endpoint(app=app))

    assert client.get(URL).text == "api GET /v1"
