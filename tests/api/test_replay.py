"""Requests as the official SDK 0.3.0 sends them, replayed through the synchronous door."""

from __future__ import annotations

import json
from pathlib import Path

import httpx
import pytest

from ukrom.api import InProcessTransport

VECTORS = json.loads((Path(__file__).parent.parent / "data" / "sdk-requests.json").read_text())
BASES = {"platform": "https://api.fra.unikraft.cloud", "controlplane": "https://controlplane.unikraft.cloud"}
WEB = {"services": [{"port": 443}]}


@pytest.fixture
def uuids(call):
    """What the placeholders of the vectors stand for here."""
    names = ["web", "b", "a", "c"]
    running = {"image": "org/app:1", "autostart": True, "tags": ["a", "b", "app=web"]}
    items = call("POST", "/instances", [{**running, "name": name} for name in names])["data"]["instances"]
    (group,) = call("POST", "/services", {"name": "grp", **WEB})["data"]["service_groups"]
    known = {f"{n:08}-0000-4000-8000-000000000000": item["uuid"] for n, item in enumerate(items, 1)}
    return {**known, "00000008-0000-4000-8000-000000000000": group["uuid"]}


def filled(request, uuids):
    """Put UUIDs of here where the placeholders are."""
    text = json.dumps(request)
    for placeholder, uuid in uuids.items():
        text = text.replace(placeholder, uuid)
    return json.loads(text)


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["id"])
def test_request_of_the_sdk_is_answered(api, call, uuids, vector):
    if vector["id"].startswith("create."):
        call("DELETE", "/instances", [{"name": "web"}])
    with httpx.Client(transport=InProcessTransport(api), headers={"authorization": "Bearer token"}) as client:
        for number, recorded in enumerate(vector["requests"]):
            request = filled(recorded, uuids)
            url = f"{BASES[request['api']]}{request['path']}?{request.get('query', '')}"
            answer = client.request(request["method"], url, json=request.get("body"))

            assert answer.status_code == 200, answer.text
            assert answer.json()["status"] == "success", answer.text
            if not number and vector["id"].startswith("create."):
                made = answer.json()["data"]["instances"][0]["uuid"]
                uuids = {**uuids, "00000001-0000-4000-8000-000000000000": made}
