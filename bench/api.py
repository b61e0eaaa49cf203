"""The API: a call by every door, a fixture's beginning and end, and moto's calls side by side."""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import httpx

from bench import fixture_cases
from bench.accounts import account, empty_image
from bench.fixture_cases import INSTANCES, TESTS
from bench.measure import Figure, Section, median_ms

if TYPE_CHECKING:
    from pytest_ukrom.facade import Ukrom

__all__ = ["measure"]

CALLS = 300
WARM_UP = 20
FASTER = 8

SOCKET = (
    "Most of it is httpx in the client, whose thread and the listener's take turns at one interpreter; "
    "the emulator itself answers a plain socket in the time of the line below."
)

BARE = """
import socket, statistics, sys, time
connection = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
request, took = sys.stdin.buffer.read(), []
for _ in range(int(sys.argv[2])):
    begun = time.perf_counter()
    connection.sendall(request)
    connection.recv(65536)
    took.append(time.perf_counter() - begun)
print(statistics.median(took) * 1000)
"""


def measure() -> Section:
    """Measure the calls, then the fixtures, then moto in a process of its own."""
    with account("stub") as ukrom:
        ways = {name: _pair(ukrom, name) for name in ("in-process", "loopback socket", "respx door")}
        bare = _bare_socket(ukrom)
        asynchronous = asyncio.run(_async_door(ukrom))
    peer = _moto()
    (read, create), socket, door = ways.values()
    ready, reset = _fixture()
    figures = [
        Figure("In-process, GET of an instance", read, budget=0.7),
        Figure("In-process, POST create of an instance", create, budget=0.7),
        Figure("Loopback socket, GET", socket[0], budget=1, if_missed=SOCKET),
        Figure("Loopback socket, POST create", socket[1], budget=1, if_missed=SOCKET),
        Figure("... GET, by a plain socket of another process", bare),
        Figure("respx door, GET", door[0]),
        Figure("respx door, POST create", door[1]),
        Figure("respx door, GET, asynchronous", asynchronous),
        Figure("Fixture `ukrom_api` ready", ready, budget=5),
        Figure(f"Fixture `ukrom_api` ends, {INSTANCES} instances to delete", reset, budget=1),
        *_against(peer, read, create),
    ]
    notes = [f"Medians of {CALLS} calls and {TESTS} fixtures; clients and sessions kept, imports excluded."]
    if peer is None:
        notes.append("moto was not measured: it is not installed (dependency group `bench`).")
    else:
        notes.append(
            f"moto {peer['moto']} with boto3 {peer['boto3']}, in-process under `mock_aws`, its client kept: "
            "describe_instances of one instance, and run_instances."
        )
    return Section("API", figures, notes)


def _bare_socket(ukrom: Ukrom) -> float:
    """The median of a read by a plain socket of another process: what is left without httpx."""
    lines = ("GET /v1/instances HTTP/1.1", "Host: 127.0.0.1", f"Authorization: Bearer {ukrom.token}", "", "")
    done = subprocess.run(
        [sys.executable, "-c", BARE, str(ukrom.http_port), str(CALLS)],
        input="\r\n".join(lines).encode(),
        capture_output=True,
        check=True,
        timeout=120,
    )
    return float(done.stdout)


def _pair(ukrom: Ukrom, way: str) -> tuple[float, float]:
    """The median of a read and of a create."""
    headers = {"authorization": f"Bearer {ukrom.token}"}
    hosted = f"https://api.{ukrom.metro}.unikraft.cloud/v1"
    match way:
        case "in-process":
            client = httpx.Client(transport=ukrom.emulator.api_transport(), base_url=hosted, headers=headers)
            return _read_and_create(ukrom, client)
        case "loopback socket":
            return _read_and_create(ukrom, httpx.Client(base_url=ukrom.url, headers=headers, trust_env=False))
        case _:
            with ukrom.emulator.door:
                return _read_and_create(
                    ukrom, httpx.Client(base_url=hosted, headers=headers, trust_env=False)
                )


def _read_and_create(ukrom: Ukrom, client: httpx.Client) -> tuple[float, float]:
    image = empty_image(ukrom)
    made: list[str] = []

    def create() -> None:
        answer = client.post("/instances", json={"image": image, "memory_mb": 128, "autostart": True})
        made.append(answer.json()["data"]["instances"][0]["uuid"])

    def delete() -> None:
        client.delete(f"/instances/{made.pop()}").raise_for_status()

    with client:
        create()
        (kept,) = made
        read = median_ms(lambda: client.get(f"/instances/{kept}").raise_for_status(), CALLS, warm_up=WARM_UP)
        created = median_ms(create, CALLS, after=delete, warm_up=WARM_UP)
        delete()
    return read, created


async def _async_door(ukrom: Ukrom) -> float:
    headers = {"authorization": f"Bearer {ukrom.token}"}
    url = f"https://api.{ukrom.metro}.unikraft.cloud/v1/instances"
    durations = []
    with ukrom.emulator.door:
        async with httpx.AsyncClient(headers=headers, trust_env=False) as client:
            for _ in range(WARM_UP + CALLS):
                began = time.perf_counter()
                (await client.get(url)).raise_for_status()
                durations.append((time.perf_counter() - began) * 1000)
    return statistics.median(durations[WARM_UP:])


def _fixture() -> tuple[float, float]:
    """What the fixture's own parts take, in a pytest of its own; the session's are made with the first."""
    with tempfile.TemporaryDirectory(prefix="ukrom-bench-") as folder:
        kept = Path(folder) / "durations"
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", folder]
        done = subprocess.run(
            [*command, "-c", os.devnull, fixture_cases.__file__],
            env={**os.environ, "BENCH_DURATIONS": str(kept)},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise RuntimeError(f"the fixtures could not be measured:\n{done.stdout}{done.stderr}")
        found = [json.loads(line) for line in kept.read_text().splitlines()]
    ready, reset = ([ms for kind, ms in found if kind == phase] for phase in ("ready", "reset"))
    return statistics.median(ready), statistics.median(reset)


def _moto() -> dict[str, float | str] | None:
    """The same calls as moto answers them, in a process that has nothing of ours; None without moto."""
    done = subprocess.run(
        [sys.executable, "-m", "bench.moto_calls", str(CALLS), str(WARM_UP)],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode == 0:
        found: dict[str, float | str] = json.loads(done.stdout)
        return found
    if "ModuleNotFoundError" in done.stderr:
        return None
    raise RuntimeError(f"moto could not be measured:\n{done.stderr}")


def _against(peer: dict[str, float | str] | None, read: float, create: float) -> list[Figure]:
    if peer is None:
        return []
    reads, creates = float(peer["read"]), float(peer["create"])
    return [
        Figure("moto, describe_instances", reads),
        Figure("moto, run_instances", creates),
        Figure("In-process GET, times faster than moto's", reads / read, "x", FASTER, at_least=True),
        Figure("In-process create, times faster than moto's", creates / create, "x", FASTER, at_least=True),
    ]
