"""Services on other ports than 80 and 443."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading

import httpx
import pytest

from ukrom.cloud import Endpoint, Kind, NoAnswer
from ukrom.ingress import PortNotServed

from .conftest import HOST

OTHER = "other.fra.unikraft.app"


def echo(connection):
    while data := connection.recv(65536):
        connection.sendall(data)
    connection.sendall(b"bye")


@pytest.fixture
def connect(ingress, raw_machine):
    """Opens a TLS connection to a public port under a host name."""
    opened = []

    def open_(host, public_port):
        raw = socket.create_connection(("127.0.0.1", ingress.port_for(public_port)), timeout=10)
        opened.append(raw)
        secure = ingress.authority.client_context().wrap_socket(raw, server_hostname=host)
        opened.append(secure)
        return secure

    yield open_
    for each in reversed(opened):
        each.close()


def test_bytes_go_both_ways(connect, gateway, raw_machine):
    gateway.serve(HOST, raw_machine(echo), port=5432, handlers=("tls",))
    content = bytes(range(256)) * 8192
    connection = connect(HOST, 5432)

    sending = threading.Thread(target=connection.sendall, args=(content,))
    sending.start()
    received = b""
    while len(received) < len(content):
        received += connection.recv(65536)
    sending.join()

    assert received == content


def test_all_that_the_instance_wrote_arrives_before_the_end(connect, gateway, raw_machine):
    gateway.serve(HOST, raw_machine(lambda machine: machine.sendall(b"x" * 3_000_000)), port=7000)

    connection = connect(HOST, 7000)
    received = sum(map(len, iter(lambda: connection.recv(65536), b"")))

    connection.close()

    assert received == 3_000_000
    assert gateway.leases[0].released.wait(5)


def test_connection_is_told_from_a_request_and_its_use_is_noted(connect, gateway, raw_machine):
    gateway.serve(HOST, raw_machine(lambda machine: machine.sendall(b"hello")), port=7000)

    assert connect(HOST, 7000).recv(10) == b"hello"
    assert gateway.leases[0].kind is Kind.CONNECTION
    assert gateway.leases[0].touched.wait(5)


def test_two_services_share_a_port_by_their_names(connect, gateway, raw_machine):
    gateway.serve(HOST, raw_machine(lambda machine: machine.sendall(b"one")), port=7000)
    gateway.serve(OTHER, raw_machine(lambda machine: machine.sendall(b"two")), port=7000)

    assert connect(HOST, 7000).recv(10) == b"one"
    assert connect(OTHER, 7000).recv(10) == b"two"


@pytest.mark.parametrize(("name", "asked"), [(OTHER, OTHER), ("127.0.0.1", "")])
def test_name_without_the_port_is_refused_and_logged(connect, gateway, raw_machine, caplog, name, asked):
    gateway.serve(HOST, raw_machine(echo), port=7000)

    assert connect(name, 7000).recv(1) == b""
    assert f"no service has that port under the name '{asked}'" in caplog.text


def test_http_over_such_a_port_works_under_the_public_url(client, gateway, http_machine):
    gateway.serve(HOST, http_machine(), port=8443, handlers=("tls",))

    assert client.get(f"https://{HOST}:8443/x").text == "GET /x\n"


def test_port_that_no_service_has_is_refused(client, ingress):
    with pytest.raises(PortNotServed, match="port 9999 was asked for, and no service has it"):
        ingress.port_for(9999)
    with pytest.raises(httpx.ConnectError, match="port 9999"):
        client.get(f"https://{HOST}:9999/")


def test_port_goes_with_its_service(portal, ingress, gateway, raw_machine):
    gateway.serve(HOST, raw_machine(echo), port=7000)
    local = ingress.port_for(7000)
    assert ingress.port_for(local) == local
    gateway.forget(HOST)
    portal.call(next_round)

    with pytest.raises(PortNotServed):
        ingress.port_for(7000)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", local))


async def next_round():
    import anyio

    for _ in range(5):
        await anyio.lowlevel.checkpoint()


def test_no_answer_closes_the_connection_and_is_logged(connect, gateway, caplog):
    gateway.serve(HOST, NoAnswer("stopped", "The instance 'db' is stopped"), port=7000)

    assert connect(HOST, 7000).recv(1) == b""
    assert "a connection to port 7000 was closed: The instance 'db' is stopped" in caplog.text


def test_stub_cannot_answer_there_and_it_is_said(connect, gateway, caplog):
    gateway.serve(HOST, Endpoint(app=print), port=7000)

    assert connect(HOST, 7000).recv(1) == b""
    assert "is a stub, which answers HTTP on ports 80 and 443 only" in caplog.text


def test_machine_that_is_gone_closes_the_connection(connect, gateway):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = listener.getsockname()
    gateway.serve(HOST, Endpoint(address=address), port=7000)

    assert connect(HOST, 7000).recv(1) == b""


def test_open_connections_end_with_the_ingress(portal, ingress, connect, gateway, raw_machine):
    gateway.serve(HOST, raw_machine(echo), port=7000)
    connection = connect(HOST, 7000)
    connection.sendall(b"ping")
    assert connection.recv(4) == b"ping"

    portal.call(ingress.stop)

    with contextlib.suppress(ConnectionError, ssl.SSLError):
        assert connection.recv(1) == b""
