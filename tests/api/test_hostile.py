"""What nobody sends by accident, through the HTTP listener: clear errors, and everything stays as it was."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from contextlib import closing, suppress
from pathlib import Path

import httpx
import pytest

from ukrom.api import MAX_BODY, ApiApp
from ukrom.cloud import Limits
from ukrom.emulator import Emulator, Settings
from ukrom.ingress import Deadlines, Ingress

HEADERS = {"authorization": "Bearer hostile"}
LINES = b"Host: localhost\r\nAuthorization: Bearer hostile\r\n"
WAITED_S = 20


@pytest.fixture(scope="module")
def emulator(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("UKROM_CACHE", str(tmp_path_factory.mktemp("cache")))
        with Emulator(Settings(runner="stub", limits=Limits(instances=2_000))) as emulator:
            yield emulator


@pytest.fixture
def client(emulator):
    with httpx.Client(base_url=emulator.url, headers=HEADERS, timeout=60) as client:
        yield client


@pytest.fixture(autouse=True)
def unharmed(client, tmp_path, emulator):
    """Whatever a test does, an instance that was there before is there after it, and nothing else."""
    (tmp_path / "empty").write_bytes(bytes(4096))
    emulator.images.put_image("org/app:1", tmp_path / "empty", format="raw", args=("/app",))
    client.post("/instances", json={"image": "org/app:1", "name": "witness"})
    yield
    assert [one["name"] for one in client.get("/instances").json()["data"]["instances"]] == ["witness"]
    client.request("DELETE", "/instances", json=[{"name": "witness"}])


@pytest.fixture
def send(emulator):
    """Send bytes as they are, and give all that comes back until the connection is closed."""

    def do(*pieces):
        with closing(_connected(emulator.ingress.http_port)) as connection:
            for piece in pieces:
                connection.sendall(piece)
            return _all_of(connection)

    return do


def _connected(port):
    return socket.create_connection(("127.0.0.1", port), timeout=WAITED_S)


def _all_of(connection):
    parts = []
    try:
        while part := connection.recv(65536):
            parts.append(part)
    except ConnectionResetError:
        pass
    return b"".join(parts)


def refused(answer, status=400):
    envelope = answer.json()
    assert (answer.status_code, envelope["status"]) == (status, "error"), envelope
    assert envelope["errors"][0]["message"] == envelope["message"]
    return envelope["message"]


class TestBodies:
    def test_eight_megabytes_are_read_and_one_byte_more_is_not(self, client):
        body = b'[{"name":"ghost"}' + b" " * (MAX_BODY - 18) + b"]"
        assert len(body) == MAX_BODY

        assert (
            client.request("DELETE", "/instances", content=body).json()["data"]["instances"][0]["error"] == 8
        )
        assert str(MAX_BODY) in refused(client.request("DELETE", "/instances", content=body + b" "), 413)

    def test_chunks_are_counted_too(self, client):
        pieces = (b" " * (MAX_BODY // 8) for _ in range(9))

        assert str(MAX_BODY) in refused(client.post("/instances", content=pieces), 413)

    @pytest.mark.parametrize(
        "body",
        [
            b"[" * 100_000,
            b'{"a":' * 100_000,
            b'{"image":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
            b"\0",
            b'{"image":"org/app:1","name":"a\0b"}',
            b'{"image":"\xff\xfe"}',
            b"\xef\xbb\xbf{}",
            b'{"image":"\\ud800"}',
            b'{"image":"\xed\xa0\x80"}',
            b'{"image":"org/app:1","memory_mb":NaN}',
            b'{"image":"org/app:1","memory_mb":Infinity}',
            b'{"image":"org/app:1","memory_mb":1e400}',
            b'{"image":"org/app:1","memory_mb":128.5}',
            b'{"image":"org/app:1","memory_mb":' + b"9" * 100_000 + b"}",
            b'{"image":"org/app:1",}',
            b"{'image':'org/app:1'}",
            b'{"image":"org/app:1"}{"image":"org/app:1"}',
            b"[null]",
            b"[[]]",
        ],
        ids=lambda body: repr(body[:30]),
    )
    def test_body_that_is_no_order_is_refused(self, client, body):
        assert refused(client.post("/instances", content=body))

    @pytest.mark.parametrize("number", [2**63, 2**64, -(2**63) - 1, 10**300])
    def test_number_beyond_64_bits_is_refused(self, client, number):
        assert refused(client.post("/instances", json={"image": "org/app:1", "memory_mb": number}))

    @pytest.mark.parametrize("number", [2**63 - 1, -(2**63)])
    def test_number_beyond_all_bounds_fails_its_item(self, client, number):
        (item,) = client.post(
            "/instances", json={"image": "org/app:1", "memory_mb": number, "name": "big"}
        ).json()["data"]["instances"]

        assert (item["status"], item["error"]) == ("error", 7)

    def test_text_with_control_characters_is_no_name(self, client):
        for name in ("a\0b", "a\nb", "\u202e", "x" * 100_000, ""):
            answer = client.post("/instances", json={"image": "org/app:1", "name": name}).json()
            assert answer["status"] == "error", name

    def test_last_of_doubled_keys_counts(self, client):
        # [choice] As nearly all readers of JSON have it.
        (item,) = client.request(
            "DELETE", "/instances", content=b'[{"name":"witness","name":"ghost"}]'
        ).json()["data"]["instances"]

        assert (item["name"], item["error"]) == ("ghost", 8)


class TestPlaces:
    @pytest.mark.parametrize(
        "path",
        [
            "/instances/%00",
            "/instances/%FF%FE",
            "/instances/%ED%A0%80",
            "/instances/" + "x" * 8_000,
            "/instances?uuid=%FF",
            "/instances?uuid=%00",
            "/instances?count=%FF",
            "/instances?count=" + "9" * 5_000,
            "/instances?count=\u0661",
            "/instances?from=%00",
            "/instances?details=%00",
        ],
        ids=lambda path: path[:40],
    )
    def test_identifier_that_is_none_is_refused(self, client, path):
        assert refused(client.get(path))

    @pytest.mark.parametrize(
        "path",
        ["/%00", "/%FF", "/instances/" + "x/" * 2_000, "/../../etc/passwd", "/instances/..%2F..%2Fetc"],
    )
    def test_path_that_leads_nowhere_is_no_route(self, client, path):
        assert refused(client.get(path), 404).startswith("no route for GET ")

    @pytest.mark.parametrize("query", ["tags=%FF", "name=%00", "&&&=&=", "%", "a" * 8_000, "uuid=&" * 0])
    def test_query_of_nonsense_is_survived(self, client, query):
        assert client.get(f"/instances?{query}").status_code == 200

    def test_token_of_any_bytes_has_an_account_of_its_own(self, emulator):
        for token in (b"\xff\xfe", b"\xc3\xa4", b"a" * 4_000, b"!!!==="):
            answer = httpx.get(f"{emulator.url}/instances", headers={b"authorization": b"Bearer " + token})
            assert answer.json()["data"]["instances"] == []

    @pytest.mark.parametrize(
        "host", ["", "[", "a:b:c", "\xff".encode("latin-1"), "x" * 4_000, "api..unikraft.cloud"]
    )
    def test_host_of_nonsense_is_answered(self, emulator, host):
        answer = httpx.get(f"{emulator.url}/instances", headers={**HEADERS, "host": host})

        assert answer.status_code in {200, 404}


class TestConnections:
    def test_huge_headers_are_refused(self, send):
        answer = send(b"GET /v1/instances HTTP/1.1\r\n" + LINES + b"X: " + b"x" * 1_000_000 + b"\r\n\r\n")

        assert answer.startswith(b"HTTP/1.1 400 ") or answer == b""

    @pytest.mark.parametrize(
        "head",
        [
            b"Content-Length: 5\r\nContent-Length: 6\r\n",
            b"Content-Length: 5, 6\r\n",
            b"Content-Length: -1\r\n",
            b"Content-Length: 0x5\r\n",
            b"Transfer-Encoding: chunked, identity\r\n",
            b"Transfer-Encoding: xchunked\r\n",
            b"Content-Length : 5\r\n",
            b"X: a\0b\r\n",
            b"Host: other\r\n",
        ],
        ids=repr,
    )
    def test_request_that_can_be_read_in_two_ways_is_refused(self, send, head):
        smuggled = b"DELETE /v1/instances?name=witness HTTP/1.1\r\n" + LINES + b"\r\n"
        answer = send(b"POST /v1/instances HTTP/1.1\r\n" + LINES + head + b"\r\n12345" + smuggled)

        assert answer.startswith((b"HTTP/1.1 400 ", b"HTTP/1.1 501 "))
        assert answer.count(b"HTTP/1.1") == 1

    def test_length_beside_chunks_smuggles_nothing(self, send):
        # RFC 9112, section 6.3: chunks win, and what comes after them is the next request, or else all
        # of it is refused, as older parsers do. Either way nobody sees the second request.
        answer = send(
            b"POST /v1/instances HTTP/1.1\r\n"
            + LINES
            + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n"
            b"Connection: close\r\n\r\n0\r\n\r\nDELETE /v1/instances?name=witness HTTP/1.1\r\n"
            + LINES
            + b"\r\n"
        )

        assert answer.count(b"HTTP/1.1") == 1
        assert answer.startswith(b"HTTP/1.1 400 ")

    @pytest.mark.parametrize(
        "request_bytes",
        [
            b"\0" * 100,
            b"\x16\x03\x01\x02\x00\x01\x00",
            b"GET\r\n\r\n",
            b"GET /\xff HTTP/1.1\r\n" + LINES + b"\r\n",
        ],
        ids=repr,
    )
    def test_what_is_no_http_is_refused(self, send, request_bytes):
        assert send(request_bytes).startswith(b"HTTP/1.1 400 ")

    def test_clients_that_leave_half_way_leave_nothing(self, emulator, client):
        client.get("/healthz")
        before = _held()
        for _ in range(50):
            with closing(_connected(emulator.ingress.http_port)) as connection:
                connection.sendall(
                    b"POST /v1/instances HTTP/1.1\r\n" + LINES + b"Content-Length: 100\r\n\r\n{"
                )
        client.get("/healthz")

        _eventually_back_to(before, client)

    def test_thousand_requests_at_once_are_all_answered(self, emulator, client):
        client.get("/healthz")
        before = _held()

        async def ask(number):
            reader, writer = await asyncio.open_connection("127.0.0.1", emulator.ingress.http_port)
            body = json.dumps({"image": "org/app:1", "name": f"one-{number}"}).encode()
            writer.write(
                b"POST /v1/instances HTTP/1.1\r\n" + LINES + b"Connection: close\r\n"
                b"Content-Length: %d\r\n\r\n%b" % (len(body), body)
            )
            answer = await reader.read()
            writer.close()
            await writer.wait_closed()
            return answer

        async def all_at_once():
            return await asyncio.gather(*(ask(number) for number in range(1_000)))

        answers = asyncio.run(all_at_once())
        names = {one["name"] for one in client.get("/instances").json()["data"]["instances"]} - {"witness"}
        client.request("DELETE", "/instances", json=[{"name": name} for name in names])

        assert {answer.split(b"\r\n", 1)[0] for answer in answers} == {b"HTTP/1.1 200 OK"}
        assert names == {f"one-{number}" for number in range(1_000)}
        _eventually_back_to(before, client)

    def test_waits_hold_no_threads(self, emulator, client):
        client.get("/healthz")
        threads = threading.active_count()
        body = json.dumps([{"name": "witness", "state": "running"}]).encode()
        waiting = [_connected(emulator.ingress.http_port) for _ in range(100)]
        for connection in waiting:
            connection.sendall(
                b"GET /v1/instances/wait HTTP/1.1\r\n"
                + LINES
                + b"Content-Length: %d\r\n\r\n%b" % (len(body), body)
            )
        while len(emulator.cloud.waits.sleeping) < 100:
            client.get("/healthz")

        assert threading.active_count() <= threads + 2
        for connection in waiting:
            connection.close()
        while emulator.cloud.waits.sleeping:
            client.get("/healthz")


class TestSlowClients:
    @pytest.fixture
    def port(self, emulator):
        """A listener of less patience, before the same API."""
        ingress = Ingress(
            emulator.cloud.gateway,
            ApiApp(emulator.api),
            metros=("fra",),
            deadlines=Deadlines(head=0.3, pause=0.3),
        )
        portal = emulator._portal
        portal.call(ingress.start)
        yield ingress.http_port
        portal.call(ingress.stop)

    @pytest.mark.parametrize(
        "half",
        [
            b"",
            b"GET /v1/ins",
            b"GET /v1/instances HTTP/1.1\r\nHost: localhost\r\n",
            b"POST /v1/instances HTTP/1.1\r\n" + LINES + b"Content-Length: 100\r\n\r\n{",
            b"POST /v1/instances HTTP/1.1\r\n" + LINES + b"Transfer-Encoding: chunked\r\n\r\n5\r\n{",
            b"GET /v1/healthz HTTP/1.1\r\n" + LINES + b"\r\nGET /v1/ins",
        ],
        ids=["nothing", "line", "head", "body", "chunk", "second"],
    )
    def test_half_a_request_and_then_nothing_is_dropped(self, port, half):
        with closing(_connected(port)) as slow:
            slow.sendall(half)
            # Others are served meanwhile.
            assert httpx.get(f"http://127.0.0.1:{port}/v1/healthz", headers=HEADERS).status_code == 200
            answer = _all_of(slow)

        assert answer.count(b"HTTP/1.1") == half.count(b"healthz")

    def test_head_that_comes_byte_by_byte_is_dropped(self, port):
        def drip(connection):
            connection.settimeout(0.02)
            for _ in range(1_000):
                connection.sendall(b"G")
                try:
                    if not connection.recv(1):
                        return
                except TimeoutError:
                    continue
                except ConnectionResetError:
                    return
            pytest.fail("the connection was held for as long as a byte came now and then")

        with closing(_connected(port)) as slow, suppress(BrokenPipeError):
            drip(slow)

    def test_answer_that_is_waited_for_is_not_cut_off(self, port, client):
        body = b'[{"name":"witness","state":"running","timeout_s":1}]'
        with closing(_connected(port)) as patient:
            patient.sendall(
                b"GET /v1/instances/wait HTTP/1.1\r\n" + LINES + b"Connection: close\r\n"
                b"Content-Length: %d\r\n\r\n%b" % (len(body), body)
            )
            answer = _all_of(patient)

        assert b"Operation timed out" in answer


def _held():
    return threading.active_count(), len([*Path("/proc/self/fd").iterdir()])


def _eventually_back_to(before, client):
    """Wait for the loop to close what was left; as each call takes a turn of it, this needs no clock."""
    for _ in range(2_000):
        threads, files = _held()
        if threads <= before[0] and files <= before[1]:
            return
        client.get("/healthz")
    assert _held() == before
