"""What a request through the ingress costs, and its first use."""

from __future__ import annotations

import asyncio
import socket
import statistics
import threading
import time
from concurrent.futures import Future
from uuid import uuid4

import httpx
from anyio.from_thread import start_blocking_portal

from ukrom.cloud import Endpoint, Route
from ukrom.ingress import Door, Ingress, Transports

HOST = "hello.fra.unikraft.app"
REPEAT = 300


class Lease:
    """An instance that is always there."""

    instance_name = "hello"
    instance_uuid = uuid4()

    def __init__(self, endpoint):
        self.endpoint = endpoint

    def release(self):
        pass


class Gateway:
    """A cloud with one service."""

    def __init__(self, endpoint):
        self.endpoint = endpoint

    def route(self, host, port):
        return Route(host, port, 8080, frozenset({"http"}), uuid4()) if host == HOST else None

    def public_ports(self):
        return frozenset({80, 443})

    def on_ports_changed(self, call):
        pass

    def lease(self, route):  # noqa: ARG002 - as the cloud's.
        future = Future()
        future.set_result(Lease(self.endpoint))
        return future


async def app(scope, receive, send):  # noqa: ARG001 - ASGI.
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


class Upstream(asyncio.Protocol):
    """The cheapest HTTP server there is: what remains is the ingress."""

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):  # noqa: ARG002 - asyncio's own.
        self.transport.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok")
        self.transport.close()


def upstream():
    """Start it in a loop and thread of its own, as a machine is apart from the ingress."""
    listener = socket.create_server(("127.0.0.1", 0))
    loop = asyncio.new_event_loop()
    loop.run_until_complete(loop.create_server(Upstream, sock=listener))
    threading.Thread(target=loop.run_forever, daemon=True).start()
    return listener.getsockname()


def median_ms(call, repeat=REPEAT):
    """The median of `repeat` calls, in milliseconds, after some to warm up."""
    for _ in range(10):
        call()
    times = []
    for _ in range(repeat):
        began = time.perf_counter()
        call()
        times.append(time.perf_counter() - began)
    return statistics.median(times) * 1000


def since(began):
    """Milliseconds since a moment."""
    return (time.perf_counter() - began) * 1000


def first_use(portal, ingress):
    """Start, then the first request of either kind, which makes the certificates."""
    began = time.perf_counter()
    portal.call(ingress.start)
    yield "start of the listeners", since(began)
    for scheme in ("http", "https"):
        with httpx.Client(transport=ingress.transport()) as client:
            began = time.perf_counter()
            client.get(f"{scheme}://api.fra.unikraft.cloud/")
            yield f"first request, {scheme}", since(began)


def requests(ingress):
    """A request by every way, on a kept connection unless said otherwise."""
    with httpx.Client(transport=ingress.transport()) as client:
        for scheme in ("http", "https"):
            yield (
                f"API, {scheme}",
                median_ms(lambda url=f"{scheme}://api.fra.unikraft.cloud/": client.get(url)),
            )
        for scheme in ("http", "https"):
            url = f"{scheme}://{HOST}/"
            yield f"instance, GET, {scheme}", median_ms(lambda url=url: client.get(url))
            yield f"instance, POST, {scheme}", median_ms(lambda url=url: client.post(url, content=b"x"))

    def anew():
        with httpx.Client(transport=ingress.transport()) as client:
            client.get(f"https://{HOST}/")

    yield "instance, https, new connection", median_ms(anew, 100)


def door(ingress):
    """The in-process door, an empty API behind it."""
    api = httpx.MockTransport(lambda _: httpx.Response(200, text="ok"))
    ways = Transports(ingress.transport(), ingress.async_transport(keepalive=False))
    with Door(Transports(api, api), ways, ("fra",)), httpx.Client(trust_env=False) as client:
        yield "door, API", median_ms(lambda: client.get("https://api.fra.unikraft.cloud/"))
        yield "door, instance", median_ms(lambda: client.get(f"https://{HOST}/"))


def main():
    """Print a line per measurement."""
    with start_blocking_portal() as portal:
        ingress = Ingress(Gateway(Endpoint(address=upstream())), app, metros=("fra",))
        for measure in (first_use(portal, ingress), requests(ingress), door(ingress)):
            for name, value in measure:
                print(f"{name:<34}{value:8.2f} ms")
        portal.call(ingress.stop)


if __name__ == "__main__":
    main()
