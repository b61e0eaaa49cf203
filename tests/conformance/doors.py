"""The ways into the emulator that the suite goes through, and the one to the real platform."""

from __future__ import annotations

import os
import ssl
from contextlib import contextmanager
from dataclasses import dataclass

import httpx

from ukrom.api import AsyncInProcessTransport

EMULATED = ("respx", "transport", "http", "https")
REAL = "real"
# Parity with the real platform is checked on demand, and then nothing else is.
DOORS = (REAL,) if os.environ.get("UKROM_CONFORMANCE") == REAL else EMULATED

METRO_URL = "https://api.fra.unikraft.cloud"
# Read once, since the SDK reads them too where a test wants it to know neither.
REAL_METRO = os.environ.get("UKC_METRO", "")
REAL_TOKEN = os.environ.get("UKC_TOKEN", "")


@dataclass(frozen=True)
class Door:
    """A base URL of the platform API, and a transport that leads there."""

    name: str
    url: str
    transport: httpx.AsyncBaseTransport
    control_plane_url: str | None = None
    """Where the control plane is; None means at its own name."""

    @property
    def is_emulated(self):
        return self.name != REAL


class Loopback(httpx.AsyncBaseTransport):
    """Goes to a TLS listener on loopback under whatever name is asked for, and checks its certificate."""

    def __init__(self, port, ca_file):
        self._port = port
        self._inner = httpx.AsyncHTTPTransport(verify=ssl.create_default_context(cafile=str(ca_file)))

    async def handle_async_request(self, request):
        named = request.url.host
        request.url = request.url.copy_with(host="127.0.0.1", port=self._port)
        request.extensions = {**request.extensions, "sni_hostname": named}
        return await self._inner.handle_async_request(request)

    async def aclose(self):
        await self._inner.aclose()


@contextmanager
def opened(name, emulator):
    """A door, for as long as it is open; its transport is the caller's to close."""
    if name == "respx":
        with emulator.door:
            yield Door(name, METRO_URL, httpx.AsyncHTTPTransport())
    elif name == "transport":
        yield Door(name, METRO_URL, AsyncInProcessTransport(emulator.api))
    elif name == "http":
        url = emulator.url.removesuffix("/v1")
        yield Door(name, url, httpx.AsyncHTTPTransport(), control_plane_url=url)
    elif name == "https":
        yield Door(name, METRO_URL, Loopback(emulator.ingress.https_port, emulator.ca_file))
    else:
        is_url = REAL_METRO.startswith("http")
        url = REAL_METRO if is_url else f"https://api.{REAL_METRO.lower()}.unikraft.cloud"
        control_plane = os.environ.get("UKROM_CONFORMANCE_CONTROL_PLANE")
        yield Door(REAL, url, httpx.AsyncHTTPTransport(), control_plane_url=control_plane)
