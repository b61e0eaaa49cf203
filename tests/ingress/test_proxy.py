"""What a client of an instance sees."""

from __future__ import annotations

import socket
import threading
from concurrent.futures import Future

import httpx
import pytest

from ukrom.cloud import Endpoint, NoAnswer
from ukrom.ingress import Deadlines

from .conftest import HOST, App, read_head

URL = f"https://{HOST}"


def test_answer_comes_from_the_instance(client, gateway, http_machine):
    gateway.serve(HOST, http_machine())

    answer = client.get(f"{URL}/a%20b/c?d=e%2F")

    assert answer.status_code == 200
    assert answer.text == "GET /a%20b/c?d=e%2F\n"


def test_instance_sees_the_real_host_and_who_asked(client, gateway, http_machine):
    gateway.serve(HOST, http_machine())

    client.get(URL, headers={"X-Forwarded-For": "192.0.2.7", "Connection": "x-private", "X-Private": "1"})

    (seen,) = http_machine.seen
    assert seen["host"] == HOST
    assert seen["x-forwarded-for"] == "192.0.2.7, 127.0.0.1"
    assert seen["x-forwarded-proto"] == "https"
    assert seen["x-forwarded-host"] == HOST
    assert "x-private" not in seen


def test_connection_to_the_ingress_is_kept_for_the_next_request(client, gateway, http_machine):
    gateway.serve(HOST, http_machine())

    ports = [client.get(URL).extensions["network_stream"].get_extra_info("client_addr") for _ in range(3)]

    assert len(set(ports)) == 1


def test_every_request_gets_its_own_lease_and_gives_it_back(client, gateway, http_machine):
    gateway.serve(HOST, http_machine())

    client.get(URL)
    client.get(URL)

    assert [lease.released.wait(5) for lease in gateway.leases] == [True, True]


@pytest.mark.parametrize("size", [0, 1, 3_000_000])
def test_body_arrives_whole_both_ways(client, gateway, http_machine, size):
    gateway.serve(HOST, http_machine())
    content = bytes(i % 251 for i in range(997)) * (size // 997) + b"x" * (size % 997)

    assert client.post(URL, content=content).content == content


def test_body_of_unknown_length_arrives_whole(client, gateway, http_machine):
    gateway.serve(HOST, http_machine())
    pieces = [bytes([i]) * 50_000 for i in range(30)]

    assert client.post(URL, content=iter(pieces)).content == b"".join(pieces)


def test_head_has_the_length_and_no_body(client, gateway, http_machine):
    gateway.serve(HOST, http_machine())

    answer = client.head(f"{URL}/x")

    assert answer.headers["content-length"] == str(len("HEAD /x\n"))
    assert answer.content == b""
    assert client.get(URL).status_code == 200


@pytest.mark.parametrize("status", [204, 304])
def test_status_without_a_body_keeps_the_connection_usable(client, gateway, http_machine, status):
    class Bodyless(App):
        def do_GET(self):  # noqa: N802 - the name http.server looks for.
            self.send_response(status)
            self.send_header("ETag", '"1"')
            self.end_headers()

    gateway.serve(HOST, http_machine(Bodyless))

    for _ in range(2):
        answer = client.get(URL)
        assert (answer.status_code, answer.content, answer.headers["etag"]) == (status, b"", '"1"')


def test_repeated_fields_stay_apart_and_hop_by_hop_ones_go(client, gateway, http_machine):
    class Fields(App):
        def do_GET(self):  # noqa: N802 - the name http.server looks for.
            self.send_response(200)
            for name, value in [("Set-Cookie", "a=1"), ("Set-Cookie", "b=2"), ("Keep-Alive", "timeout=5")]:
                self.send_header(name, value)
            self.send_header("Content-Length", "0")
            self.end_headers()

    gateway.serve(HOST, http_machine(Fields))

    answer = client.get(URL)

    assert answer.headers.get_list("set-cookie") == ["a=1", "b=2"]
    assert "keep-alive" not in answer.headers


def test_informational_answers_are_skipped(client, gateway, raw_machine):
    def talk(connection):
        read_head(connection)
        connection.sendall(b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n")
        connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")

    gateway.serve(HOST, raw_machine(talk))

    assert client.get(URL).text == "ok"


def test_answer_streams_while_the_instance_still_writes(client, gateway, raw_machine):
    go_on = threading.Event()

    def talk(connection):
        read_head(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\none\r\n")
        assert go_on.wait(10)
        connection.sendall(b"3\r\ntwo\r\n0\r\n\r\n")

    gateway.serve(HOST, raw_machine(talk))

    with client.stream("GET", URL) as answer:
        pieces = answer.iter_bytes()
        assert next(pieces) == b"one"
        go_on.set()
        assert b"".join(pieces) == b"two"


def test_answer_may_begin_before_the_request_has_ended(client, gateway, raw_machine, ingress):
    def talk(connection):
        data = read_head(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nearly")
        while b"late" not in data:
            data += connection.recv(65536)
        connection.sendall(b"late")

    gateway.serve(HOST, raw_machine(talk), port=80, handlers=("http",))

    with socket.create_connection(("127.0.0.1", ingress.http_port), timeout=10) as raw:
        raw.sendall(b"POST / HTTP/1.1\r\nhost: %b\r\ncontent-length: 4\r\n\r\n" % HOST.encode())
        data = b""
        while b"early" not in data:
            data += raw.recv(65536)
        raw.sendall(b"late")
        while b"earlylate" not in data:
            data += raw.recv(65536)


def test_client_that_expects_a_go_ahead_gets_it(ingress, gateway, http_machine):
    gateway.serve(HOST, http_machine(), port=80, handlers=("http",))

    with socket.create_connection(("127.0.0.1", ingress.http_port), timeout=10) as raw:
        head = b"POST / HTTP/1.1\r\nhost: %b\r\ncontent-length: 2\r\nexpect: 100-continue\r\n\r\n"
        raw.sendall(head % HOST.encode())
        assert raw.recv(65536).startswith(b"HTTP/1.1 100 ")
        raw.sendall(b"ok")
        data = b""
        while not data.endswith(b"ok"):
            data += raw.recv(65536)
    assert "expect" not in http_machine.seen[0]


def test_request_waits_until_the_application_listens(client, gateway, http_machine):
    waiting = Future()
    gateway.serve(HOST, waiting)
    endpoint = http_machine()

    def boot():
        assert gateway.asked.wait(5)
        waiting.set_result(gateway.grant(endpoint))

    thread = threading.Thread(target=boot)
    thread.start()
    answer = client.get(URL)
    thread.join()

    assert answer.text == "GET /\n"


@pytest.mark.parametrize(
    ("reason", "status"),
    [
        ("no-instance", 502),
        ("stopped", 502),
        ("wrong-port", 502),
        ("timeout", 502),
        ("hard-limit", 503),
    ],
)
def test_page_says_why_no_instance_answers(client, gateway, reason, status):
    gateway.serve(HOST, NoAnswer(reason, "The application in 'web' does not listen on port 8080, but on 9"))

    answer = client.get(URL)

    assert answer.status_code == status
    assert answer.headers["content-type"].startswith("text/html")
    assert "does not listen on port 8080, but on 9" in answer.text


def test_text_of_a_page_is_escaped(client, gateway):
    gateway.serve(HOST, NoAnswer("stopped", "<script>"))

    assert "&lt;script&gt;" in client.get(URL).text


def test_request_that_got_nothing_is_sent_once_more(client, gateway, raw_machine):
    tries = []

    def talk(connection):
        tries.append(read_head(connection))
        if len(tries) == 2:
            connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")

    gateway.serve(HOST, raw_machine(talk))

    assert client.put(URL, content=b"").text == "ok"
    assert tries[0] == tries[1]


@pytest.mark.parametrize(("method", "tries"), [("GET", 2), ("POST", 1)])
def test_instance_that_never_answers_is_named(client, gateway, raw_machine, method, tries):
    seen = []
    gateway.serve(HOST, raw_machine(lambda connection: seen.append(read_head(connection))))

    answer = client.request(method, URL)

    assert answer.status_code == 502
    assert "The instance 'hello' gave no answer: it closed the connection" in answer.text
    assert len(seen) == tries


def test_machine_that_is_gone_is_told(client, gateway):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = listener.getsockname()
    gateway.serve(HOST, Endpoint(address=address))

    answer = client.post(URL, content=b"x")

    assert answer.status_code == 502
    assert "no connection: Connect" in answer.text


def test_answer_that_is_no_http_is_told(client, gateway, raw_machine):
    gateway.serve(HOST, raw_machine(lambda connection: connection.sendall(b"220 mail ready\r\n\r\n")))

    answer = client.get(URL)

    assert answer.status_code == 502
    assert "no HTTP" in answer.text


def test_status_unknown_to_http_is_told(client, gateway, raw_machine):
    def talk(connection):
        read_head(connection)
        connection.sendall(b"HTTP/1.1 799 Odd\r\ncontent-length: 0\r\n\r\n")

    gateway.serve(HOST, raw_machine(talk))

    assert "the status 799" in client.get(URL).text


def test_answer_broken_off_is_not_taken_for_whole(client, gateway, raw_machine):
    def talk(connection):
        read_head(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf")

    gateway.serve(HOST, raw_machine(talk))

    with pytest.raises(httpx.RemoteProtocolError):
        client.get(URL)


class TestImpatient:
    @pytest.fixture
    def deadlines(self):
        return Deadlines(lease=0.05, connect=1, answer=0.05, idle=0.05, stop=0.2)

    def test_silent_instance_times_out(self, client, gateway, raw_machine):
        gateway.serve(HOST, raw_machine(read_all))

        answer = client.post(URL, content=b"")

        assert answer.status_code == 504
        assert "The instance 'hello' gave no answer: it sent nothing for 0.05 s" in answer.text

    def test_instance_that_never_comes_times_out_and_a_late_one_is_given_back(self, client, gateway):
        waiting = Future()
        waiting.set_running_or_notify_cancel()
        gateway.serve(HOST, waiting)

        answer = client.get(URL)
        waiting.set_result(gateway.grant(Endpoint()))

        assert answer.status_code == 502
        assert f"no instance behind {HOST} was ready within 0.05 s" in answer.text
        assert gateway.leases[0].released.is_set()

    def test_client_that_stops_in_the_middle_of_its_request_is_told(self, ingress, gateway, raw_machine):
        gateway.serve(HOST, raw_machine(read_all), port=80, handlers=("http",))

        with socket.create_connection(("127.0.0.1", ingress.http_port), timeout=10) as raw:
            raw.sendall(b"POST / HTTP/1.1\r\nhost: %b\r\ncontent-length: 9\r\n\r\nhalf" % HOST.encode())
            page = b""
            while b"</html>" not in page:
                page += raw.recv(65536)
        assert b"the client sent no more of its request" in page


def read_all(connection):
    while connection.recv(65536):
        pass


def test_client_that_leaves_while_an_instance_wakes_up_gives_up_the_lease(ingress, gateway):
    waiting = Future()
    gone = threading.Event()
    waiting.add_done_callback(lambda future: future.cancelled() and gone.set())
    gateway.serve(HOST, waiting, port=80, handlers=("http",))

    with socket.create_connection(("127.0.0.1", ingress.http_port)) as raw:
        raw.sendall(b"GET / HTTP/1.1\r\nhost: %b\r\n\r\n" % HOST.encode())
        assert gateway.asked.wait(5)

    assert gone.wait(5)


def test_client_that_leaves_early_ends_the_work_of_the_instance(client, gateway, raw_machine):
    ended = threading.Event()

    def talk(connection):
        read_head(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\none\r\n")
        try:
            while connection.recv(65536):
                pass
        except ConnectionError:
            pass
        ended.set()

    gateway.serve(HOST, raw_machine(talk))

    with client.stream("GET", URL) as answer:
        assert next(answer.iter_bytes()) == b"one"

    assert ended.wait(5)
    assert gateway.leases[0].released.wait(5)


def test_stub_answers_in_process(client, gateway):
    async def app(scope, receive, send):
        body = (await receive())["body"]
        await send({"type": "http.response.start", "status": 201, "headers": []})
        await send({"type": "http.response.body", "body": body + dict(scope["headers"])[b"host"]})

    gateway.serve(HOST, Endpoint(app=app))

    answer = client.post(URL, content=b"for ")

    assert (answer.status_code, answer.text) == (201, f"for {HOST}")


def test_stub_that_fails_says_how(client, gateway, caplog):
    async def app(scope, receive, send):
        raise LookupError("no such greeting")

    gateway.serve(HOST, Endpoint(app=app))

    answer = client.get(URL)

    assert answer.status_code == 502
    assert "its stub raised LookupError: no such greeting" in answer.text
    assert "no such greeting" in caplog.text


def test_endpoint_that_leads_nowhere_is_told(client, gateway):
    gateway.serve(HOST, Endpoint())

    assert "it cannot be reached" in client.get(URL).text
