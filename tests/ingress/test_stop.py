"""Ending an ingress, whatever is under way. The fixture checks that no task is left."""

from __future__ import annotations

import socket
import threading
from concurrent.futures import Future

import httpx
import pytest

from .conftest import HOST, read_head


def test_stop_twice_and_start_again(portal, ingress, client):
    portal.call(ingress.stop)
    portal.call(ingress.stop)
    portal.call(ingress.start)

    assert client.get("https://api.fra.unikraft.cloud/").status_code == 200


def test_idle_connections_are_dropped(portal, ingress, client):
    client.get("https://api.fra.unikraft.cloud/")
    client.get("http://api.fra.unikraft.cloud/")

    portal.call(ingress.stop)

    with pytest.raises(httpx.ConnectError):
        client.get("https://api.fra.unikraft.cloud/")


def test_connection_that_never_began_tls_is_dropped(portal, ingress):
    with socket.create_connection(("127.0.0.1", ingress.https_port), timeout=10) as raw:
        raw.sendall(b"\x16")
        # One full request on another connection shows that this one was accepted.
        with httpx.Client(transport=ingress.transport()) as client:
            client.get("https://api.fra.unikraft.cloud/")

        portal.call(ingress.stop)

        assert raw.recv(1) == b""


def test_request_that_waits_for_an_instance_is_given_up(portal, ingress, gateway):
    waiting = Future()
    gateway.serve(HOST, waiting, port=80, handlers=("http",))
    with socket.create_connection(("127.0.0.1", ingress.http_port), timeout=10) as raw:
        raw.sendall(b"GET / HTTP/1.1\r\nhost: %b\r\n\r\n" % HOST.encode())
        assert gateway.asked.wait(5)

        portal.call(ingress.stop)

    assert waiting.cancelled()


def test_answer_under_way_may_end(portal, ingress, gateway, raw_machine):
    stopping = threading.Event()

    def talk(connection):
        read_head(connection)
        assert stopping.wait(5)
        connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")

    gateway.serve(HOST, raw_machine(talk), port=80, handlers=("http",))
    with socket.create_connection(("127.0.0.1", ingress.http_port), timeout=10) as raw:
        raw.sendall(b"GET / HTTP/1.1\r\nhost: %b\r\nconnection: close\r\n\r\n" % HOST.encode())
        assert gateway.asked.wait(5)
        stop = portal.start_task_soon(ingress.stop)
        stopping.set()
        data = b""
        while not data.endswith(b"ok"):
            data += raw.recv(65536)
        stop.result(5)
