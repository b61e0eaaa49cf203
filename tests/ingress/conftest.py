from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from concurrent.futures import Future
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

import httpx
import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal

from ukrom.cloud import Endpoint, Kind, NoAnswer, Route
from ukrom.ingress import CertificateAuthority, Deadlines, Ingress

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

HOST = "hello.fra.unikraft.app"


@dataclass
class FakeLease:
    endpoint: Endpoint
    instance_name: str = "hello"
    instance_uuid: UUID = field(default_factory=uuid4)
    released: threading.Event = field(default_factory=threading.Event)
    kind: Kind = Kind.REQUEST
    touched: threading.Event = field(default_factory=threading.Event)

    def touch(self) -> None:
        self.touched.set()

    def release(self) -> None:
        self.released.set()


class FakeGateway:
    """Stands for the cloud: knows routes, and gives what a test put behind them."""

    def __init__(self) -> None:
        self.routes: dict[tuple[str, int], Route] = {}
        self.behind: dict[str, Endpoint | NoAnswer | Future] = {}
        self.leases: list[FakeLease] = []
        self.asked = threading.Event()
        self.futures: list[Future] = []
        self._watchers: list[Callable[[frozenset[int]], None]] = []

    def serve(self, fqdn, behind, *, port=443, handlers=("tls", "http")) -> None:
        self.routes[fqdn, port] = Route(fqdn, port, 8080, frozenset(handlers), uuid4())
        self.behind[fqdn] = behind
        self._tell()

    def forget(self, fqdn) -> None:
        self.routes = {key: route for key, route in self.routes.items() if key[0] != fqdn}
        self._tell()

    def route(self, host, port):
        return self.routes.get((host, port))

    def public_ports(self):
        return frozenset(port for _, port in self.routes)

    def on_ports_changed(self, call):
        self._watchers.append(call)

    def lease(self, route, kind):
        behind = self.behind[route.fqdn]
        future = behind if isinstance(behind, Future) else Future()
        if isinstance(behind, Endpoint):
            future.set_result(self.grant(behind, kind))
        elif isinstance(behind, NoAnswer):
            future.set_exception(behind)
        self.futures.append(future)
        self.asked.set()
        return future

    def grant(self, endpoint, kind=Kind.REQUEST) -> FakeLease:
        lease = FakeLease(endpoint, kind=kind)
        self.leases.append(lease)
        return lease

    def _tell(self) -> None:
        for call in self._watchers:
            call(self.public_ports())


@pytest.fixture
def gateway() -> FakeGateway:
    return FakeGateway()


@pytest.fixture
def portal() -> Iterator[BlockingPortal]:
    with start_blocking_portal() as portal:
        yield portal


@pytest.fixture(scope="session")
def authority() -> CertificateAuthority:
    return CertificateAuthority()


async def api(scope, receive, send) -> None:
    body = f"api {scope['method']} {scope['path']}".encode()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"x-from", b"api")]})
    await send({"type": "http.response.body", "body": body})


async def _other_tasks() -> list[str]:
    own = asyncio.current_task()
    return [task.get_name() for task in asyncio.all_tasks() if task is not own and "ukrom" in task.get_name()]


@pytest.fixture
def deadlines() -> Deadlines:
    return Deadlines(lease=5, connect=2, answer=5, idle=5, stop=0.2)


@pytest.fixture
def ingress(portal, gateway, authority, deadlines) -> Iterator[Ingress]:
    """A running ingress; after every test nothing of it may be left."""
    ingress = Ingress(gateway, api, metros=("fra",), authority=authority, deadlines=deadlines)
    portal.call(ingress.start)
    yield ingress
    portal.call(ingress.stop)
    assert portal.call(_other_tasks) == []
    assert all(lease.released.is_set() for lease in gateway.leases)


@pytest.fixture
def client(ingress) -> Iterator[httpx.Client]:
    with httpx.Client(transport=ingress.transport(), timeout=10) as client:
        yield client


class App(BaseHTTPRequestHandler):
    """What runs in the guests of the tutorials: the standard library's server."""

    def do_GET(self) -> None:
        self.answer(f"{self.command} {self.path}\n".encode())

    def do_POST(self) -> None:
        if "chunked" in self.headers.get("transfer-encoding", ""):
            content = b"".join(iter(self._chunk, b""))
        else:
            content = self.rfile.read(int(self.headers["content-length"]))
        self.answer(content)

    do_HEAD = do_PUT = do_GET  # noqa: N815 - as above.

    def _chunk(self) -> bytes:
        size = int(self.rfile.readline(), 16)
        content = self.rfile.read(size)
        self.rfile.readline()
        return content

    def answer(self, content: bytes, status: int = 200, **fields: str) -> None:
        self.server.seen.append(self.headers)
        self.send_response(status)
        for name, value in {"Content-Length": str(len(content)), **fields}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def log_message(self, *args) -> None:
        pass


@pytest.fixture
def http_machine() -> Iterator[Callable[..., Endpoint]]:
    """Starts HTTP servers and gives their endpoints; `.seen` of the function has the headers they got."""
    servers = []

    def start(handler: type[App] = App) -> Endpoint:
        server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        server.seen = start.seen
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        servers.append((server, thread))
        return Endpoint(address=server.server_address)

    start.seen = []
    yield start
    for server, thread in servers:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def raw_machine() -> Iterator[Callable[[Callable[[socket.socket], None]], Endpoint]]:
    """Starts servers that hand every connection to a function, on a thread, and close it afterwards."""
    stops = []

    def start(talk: Callable[[socket.socket], None]) -> Endpoint:
        listener = socket.create_server(("127.0.0.1", 0))

        def run() -> None:
            # Closing the listener does not wake up accept; shutting it down does.
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    with connection, contextlib.suppress(ConnectionError):
                        connection.settimeout(10)
                        talk(connection)

        thread = threading.Thread(target=run)
        thread.start()
        stops.append((listener, thread))
        return Endpoint(address=listener.getsockname())

    yield start
    for listener, thread in stops:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


def read_head(connection: socket.socket) -> bytes:
    """Read a request up to the end of its head."""
    data = b""
    while b"\r\n\r\n" not in data:
        piece = connection.recv(65536)
        if not piece:
            break
        data += piece
    return data
