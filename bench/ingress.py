"""What a request through the ingress costs, and its first use."""

from __future__ import annotations

import asyncio
import socket
import threading
from concurrent.futures import Future
from uuid import uuid4

import httpx
from anyio.from_thread import start_blocking_portal

from bench.measure import Figure, Section, median_ms, once_ms
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


def measure() -> Section:
    """The listeners with a cloud of one service behind them."""
    with start_blocking_portal() as portal:
        ingress = Ingress(Gateway(Endpoint(address=upstream())), app, metros=("fra",))
        started = once_ms(lambda: portal.call(ingress.start))
        figures = [Figure("Start of the listeners", started), *first_use(ingress), *requests(ingress)]
        figures += door(ingress)
        portal.call(ingress.stop)
    notes = ("An empty API and the cheapest server as instance, so that what remains is the ingress.",)
    return Section("Ingress", figures, notes)


def first_use(ingress):
    """The first request of either kind, which makes the certificates."""
    for scheme in ("http", "https"):
        with httpx.Client(transport=ingress.transport()) as client:
            took = once_ms(lambda url=f"{scheme}://api.fra.unikraft.cloud/", ask=client.get: ask(url))
            yield Figure(f"First request, {scheme}", took)


def requests(ingress):
    """A request by every way, on a kept connection unless said otherwise."""
    with httpx.Client(transport=ingress.transport()) as client:
        for scheme in ("http", "https"):
            url = f"{scheme}://api.fra.unikraft.cloud/"
            yield Figure(f"API, {scheme}", usual(lambda url=url: client.get(url)))
        for scheme in ("http", "https"):
            url = f"{scheme}://{HOST}/"
            yield Figure(f"Instance, GET, {scheme}", usual(lambda url=url: client.get(url)))
            yield Figure(f"Instance, POST, {scheme}", usual(lambda url=url: client.post(url, content=b"x")))

    def anew():
        with httpx.Client(transport=ingress.transport()) as client:
            client.get(f"https://{HOST}/")

    yield Figure("Instance, https, new client and connection", usual(anew, 100))


def door(ingress):
    """The in-process door, an empty API behind it."""
    api = httpx.MockTransport(lambda _: httpx.Response(200, text="ok"))
    ways = Transports(ingress.transport(), ingress.async_transport(keepalive=False))
    with Door(Transports(api, api), ways, ("fra",)), httpx.Client(trust_env=False) as client:
        yield Figure("respx door, API", usual(lambda: client.get("https://api.fra.unikraft.cloud/")))
        yield Figure("respx door, instance", usual(lambda: client.get(f"https://{HOST}/")))


def usual(call, repeat=REPEAT):
    """The median of many, after some to warm up."""
    return median_ms(call, repeat, warm_up=10)
