"""A request to a server in a machine: through QEMU's user network, and with the ingress in front."""

from __future__ import annotations

import socket
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from bench.accounts import account, example
from bench.machines import PORT, machine_of, start
from bench.measure import Figure, Section, median_ms

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_ukrom.facade import Ukrom
    from pytest_ukrom.instance import Instance

__all__ = ["measure"]

REQUESTS = 100
DEADLINE_S = 60

SERVER = f"""
import socket

listener = socket.create_server(("0.0.0.0", {PORT}))
while True:
    with listener.accept()[0] as connection:
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 200 OK\\r\\ncontent-length: 2\\r\\nconnection: close\\r\\n\\r\\nok")
"""
"""The least that a Python in the guest can do: what remains is the way there."""


def measure() -> Section:
    """Ask the trivial server, then the example's, which is `http.server` in threads."""
    with account("qemu") as ukrom:
        trivial = _trivial(ukrom)
        figures = [
            Figure(
                "Trivial server, forwarded port", median_ms(_direct(ukrom, trivial), REQUESTS, warm_up=10)
            ),
            _through(trivial, "Trivial server"),
        ]
        trivial.delete()
        started = start(ukrom, *example(ukrom), "example")
        figures.append(_through(started.instance, "Example's server"))
        started.instance.delete()
    notes = (f"Medians of {REQUESTS} requests with an answer each; the guest's own work is in them.",)
    return Section("Network of a machine", figures, notes)


def _trivial(ukrom: Ukrom) -> Instance:
    with tempfile.TemporaryDirectory(prefix="ukrom-bench-") as folder:
        script = Path(folder) / "server.py"
        script.write_text(SERVER)
        image = ukrom.python_image(script, name="trivial")
    return ukrom.run(image, name="trivial", port=PORT)


def _direct(ukrom: Ukrom, instance: Instance) -> Callable[[], None]:
    endpoint = machine_of(ukrom, instance).endpoint(PORT)
    assert endpoint is not None
    address = endpoint.address
    assert address is not None

    def ask() -> None:
        with socket.create_connection(address, timeout=DEADLINE_S) as connection:
            connection.sendall(b"GET / HTTP/1.1\r\nhost: trivial\r\n\r\n")
            while connection.recv(65536):
                pass

    return ask


def _through(instance: Instance, what: str) -> Figure:
    took = median_ms(lambda: instance.get("/").raise_for_status(), REQUESTS, warm_up=10)
    return Figure(f"{what}, through the ingress, https", took)
