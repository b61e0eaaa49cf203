"""The SDK's requests, as they were recorded, made anew through a synchronous door."""

from __future__ import annotations

import json
import re
import ssl
from contextlib import contextmanager
from pathlib import Path

import httpx

from ukrom.api import InProcessTransport

from .doors import METRO_URL

RECORDED = json.loads((Path(__file__).parent.parent / "data" / "sdk-requests.json").read_text())
# All of them, whatever they ask: two metros, the control plane, and the build service, which says of
# itself that it is not emulated.
VECTORS = RECORDED["vectors"]
PLACEHOLDER = "0000000{}-0000-4000-8000-000000000000"
# What differs from call to call and from account to account: moments, durations, addresses, chance.
_CHANCE = (
    (r"\d{4}-\d\d-\d\dT[\d:.]+Z", "<moment>"),
    (r'"(op_time_us|uptime_ms|next_at)": ?\d+', r'"\1":0'),
    (r"\b10\.\d+\.\d+\.\d+", "<address>"),
    (r"\b12:b0(:[0-9a-f]{2}){4}", "<mac>"),
    (r"\b(app|http-python|worker|vol)-[a-z0-9]{5}\b", r"\1-<5>"),
    (r"\b[a-z]+-[a-z]+-[a-z0-9]{8}\b", "<group>"),
)
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}")


class _Loopback(httpx.BaseTransport):
    """Goes to a listener on loopback under the name that is asked for."""

    def __init__(self, scheme, port, verify):
        self._scheme, self._port = scheme, port
        self._inner = httpx.HTTPTransport(verify=verify)

    def handle_request(self, request):
        request.extensions = {**request.extensions, "sni_hostname": request.url.host}
        request.url = request.url.copy_with(scheme=self._scheme, host="127.0.0.1", port=self._port)
        return self._inner.handle_request(request)

    def close(self):
        self._inner.close()


@contextmanager
def client(name, emulator, token):
    """A synchronous client that goes through a door."""
    headers = {"authorization": f"Bearer {token}", "accept": "application/json"}
    if name == "respx":
        with emulator.door, httpx.Client(headers=headers) as client:
            yield client
        return
    context = ssl.create_default_context(cafile=str(emulator.ca_file)) if name == "https" else False
    transports = {
        "transport": lambda: InProcessTransport(emulator.api),
        "http": lambda: _Loopback("http", emulator.ingress.http_port, context),
        "https": lambda: _Loopback("https", emulator.ingress.https_port, context),
    }
    with httpx.Client(headers=headers, transport=transports[name]()) as client:
        yield client


def replay(client, vector, uuids):
    """Make a vector's requests in order and give status and JSON of each answer.

    Args:
        client: Goes through a door.
        vector: One of `VECTORS`.
        uuids: What its placeholders stand for here; the UUID that a create answers with replaces them.
    """
    answers = []
    for recorded in vector["requests"]:
        request = _filled(recorded, uuids)
        url = f"{RECORDED['base_urls'][request['api']]}{request['path']}?{request.get('query', '')}"
        answer = client.request(request["method"], url, json=request.get("body"))
        answers.append((answer.status_code, answer.json()))
        if request["method"] == "POST" and request["path"] in MAKERS:
            (items,) = (answer.json().get("data") or {"": [{}]}).values()
            uuids = {**uuids, MAKERS[request["path"]]: items[0].get("uuid", "")}
    return answers


# Which placeholder the UUID of what was made takes.
MAKERS = {
    "/v1/instances": PLACEHOLDER.format(1),
    "/v1/volumes": PLACEHOLDER.format(7),
    "/v1/services": PLACEHOLDER.format(8),
}


def comparable(answers):
    """Answers without what chance, time and accounts make of them."""
    text = json.dumps(answers)
    for number, uuid in enumerate(dict.fromkeys(_UUID.findall(text))):
        text = text.replace(uuid, f"<uuid {number}>")
    for pattern, stands_for in _CHANCE:
        text = re.sub(pattern, stands_for, text)
    return json.loads(text)


def prepared(client, vector):
    """Make what a vector's requests are about, and give the UUIDs for its placeholders."""
    kind = vector["id"]
    names = ["web", "b", "a", "c"]
    running = {"image": "org/app:1", "autostart": True, "tags": ["a", "b", "app=web"]}
    running["roms"] = [{"name": "old", "image": "org/cfg:1"}]
    made = _call(client, "POST", "/instances", [{**running, "name": name} for name in names])
    uuids = {PLACEHOLDER.format(number): uuid for number, uuid in enumerate(made, 1)}
    if kind == "create.image_rom":
        _call(client, "DELETE", "/instances", [{"name": "web"}])
    if not kind.startswith("services.create"):
        group = {"name": "grp", "services": [{"port": 443, "handlers": ["tls", "http"]}]}
        group["domains"] = [{"name": "grp"}]
        (uuids[PLACEHOLDER.format(8)],) = _call(client, "POST", "/services", group)
    if kind.startswith("volumes.") or kind == "plumbing.wait_by_uuid" or "volume_" in kind:
        _call(client, "PUT", "/instances/stop", [{"name": "web", "force": True}])
    if kind.startswith("volumes.") or "volume_" in kind:
        _volume(client, kind, uuids)
    if kind == "plumbing.template_update" or (kind.startswith("templates.") and kind != "templates.prepare"):
        source = {"name": "worker-v1", "image": "org/app:1", "autostart": True}
        (uuids[PLACEHOLDER.format(9)],) = _call(client, "POST", "/instances", source)
        _call(client, "POST", "/instances/templates", [{"name": "worker-v1", "timeout_s": -1}])
    if kind == "plumbing.image_unpin":
        (uuids[PLACEHOLDER.format(7)],) = _call(
            client, "POST", "/images", [{"url": "org/app:1", "timeout_s": -1}]
        )
    return uuids


def _volume(client, kind, uuids):
    if kind != "volumes.create":
        (uuids[PLACEHOLDER.format(7)],) = _call(client, "POST", "/volumes", {"name": "data", "size_mb": 64})
    if "detach" in kind:
        at = [{"name": "data", "attach_to": {"name": "web"}, "at": "/data"}]
        _call(client, "PUT", "/volumes/attach", at)


def _call(client, method, path, body):
    answer = client.request(method, f"{METRO_URL}/v1{path}", json=body)
    assert answer.status_code == 200, answer.text
    assert answer.json()["status"] == "success", answer.text
    (items,) = answer.json()["data"].values()
    return [item["uuid"] for item in items]


def _filled(request, uuids):
    text = json.dumps(request)
    for placeholder, uuid in uuids.items():
        text = text.replace(placeholder, uuid)
    return json.loads(text)
