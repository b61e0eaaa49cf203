"""What passes a door is written down, and every answer is looked at."""

from __future__ import annotations

import json
from urllib.parse import urlsplit

import httpx

from .answers import faults


class Recording(httpx.AsyncBaseTransport):
    """A transport that keeps requests, judges answers and knows what was made."""

    def __init__(self, inner):
        self.inner = inner
        self.asked = []
        """Method and path with query, in order."""
        self.bodies = []
        """What each request said, parsed; None where it said nothing."""
        self.faults = []
        self.made = []
        """Collection path and UUID of everything that was created, in order."""

    async def handle_async_request(self, request):
        target = request.url.raw_path.decode()
        surface = _surface(request.url)
        self.asked.append(f"{request.method} {target}")
        self.bodies.append(json.loads(request.content) if request.content else None)
        answer = await self.inner.handle_async_request(request)
        content = await answer.aread()
        self._judge(surface, request.method, urlsplit(target).path, answer.status_code, content)
        return answer

    async def aclose(self):
        await self.inner.aclose()

    def forget(self):
        """Forget what was asked so far."""
        self.asked.clear()
        self.bodies.clear()

    def _judge(self, surface, method, path, status, content):
        found = faults(surface, method, path, status, content)
        self.faults += [f"{method} {path}, HTTP {status}: {fault}\n  {content[:2000]!r}" for fault in found]
        if method == "POST" and not found and status == 200:
            for items in (json.loads(content).get("data") or {}).values():
                # A conversion into a template keeps the UUID under another path: the last one counts.
                self.made += [(path, item["uuid"]) for item in items if item.get("uuid")]


def _surface(url):
    # On loopback both APIs share a host; of the paths only `/images` is in both.
    is_global = url.path in {"/v1/metros", "/v1/auth"} or "namespace" in url.params
    return "controlplane" if is_global or url.host.startswith("controlplane") else "platform"
