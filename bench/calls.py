"""The calls that are measured, the same through every door.

Run as a module it makes them through a socket: its arguments are the API's address, a token and an
image, and it prints the medians as JSON. So the client has an interpreter of its own.
"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import httpx

from bench.measure import median_ms

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["CALLS", "LISTED", "WARM_UP", "asked", "medians", "socket_client", "uuids"]

CALLS = 300
WARM_UP = 20
LISTED = 100
LISTINGS = 40


def medians(client: httpx.Client, image: str) -> dict[str, float]:
    """Measure each call, in ms; leaves nothing behind.

    Args:
        client: Asks the API of a metro, as somebody who has no instances.
        image: What the instances run.
    """
    with client:
        order = {"image": image, "memory_mb": 128, "autostart": True}
        (kept,) = uuids(client.post("/instances", json=order))
        found = _of_one(client, order, kept)
        uuids(client.post("/instances", json={**order, "replicas": LISTED - 2}))
        found["list"] = asked(lambda: client.get("/instances"), LISTINGS)
        found["list with details"] = asked(lambda: client.get("/instances?details=true"), LISTINGS)
        everything = [{"uuid": one} for one in uuids(client.get("/instances"))]
        assert len(everything) == LISTED
        uuids(client.request("DELETE", "/instances", json=everything))
    return found


def asked(call: Callable[[], httpx.Response], repeat: int) -> float:
    """The median of a call again and again, in ms; what its answer says is looked at once."""
    uuids(call())
    return median_ms(lambda: call().raise_for_status(), repeat, warm_up=min(WARM_UP, repeat // 10))


def uuids(answer: httpx.Response) -> list[str]:
    """Give the instances of an answer.

    Raises:
        RuntimeError: It tells of a failure.
    """
    if answer.json()["status"] != "success":
        raise RuntimeError(f"{answer.request.method} {answer.request.url} failed: {answer.text[:300]}")
    return [one["uuid"] for one in answer.json()["data"]["instances"]]


def socket_client(url: str, token: str) -> httpx.Client:
    """Make a client that asks an address, whatever proxies the environment names."""
    headers = {"authorization": f"Bearer {token}"}
    return httpx.Client(base_url=url, headers=headers, trust_env=False, timeout=60)


def _of_one(client: httpx.Client, order: dict[str, Any], kept: str) -> dict[str, float]:
    made: list[str] = []
    path, awaited = f"/instances/{kept}", {"state": "running", "timeout_s": 10}
    change = {"prop": "tags", "op": "set", "value": ["measured"]}

    def create() -> None:
        made.extend(uuids(client.post("/instances", json=order)))

    def delete() -> None:
        client.delete(f"/instances/{made.pop()}").raise_for_status()

    return {
        "read": asked(lambda: client.get(path), CALLS),
        "create": median_ms(create, CALLS, after=delete, warm_up=WARM_UP),
        "wait": asked(lambda: client.request("GET", f"{path}/wait", json=awaited), CALLS),
        "patch": asked(lambda: client.patch(path, json=change), CALLS),
    }


if __name__ == "__main__":
    address, bearer, reference = sys.argv[1:]
    json.dump(medians(socket_client(address, bearer), reference), sys.stdout)
