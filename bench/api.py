"""The API: each call by every door, a fixture's beginning and end, and moto's calls side by side."""

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
from typing import TYPE_CHECKING, Any

import httpx

from bench import calls, fixture_cases
from bench.accounts import account, empty_image
from bench.calls import CALLS, LISTED, WARM_UP, socket_client
from bench.fixture_cases import INSTANCES, MANY, TESTS
from bench.measure import Figure, Section, elsewhere

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_ukrom.facade import Ukrom

__all__ = ["measure"]

MANY_RESET = "Each instance takes about a hundredth of a millisecond to delete; tests have few."
FASTER = 8
QUOTA = f"--ukrom-quota=instances={10 * MANY},live_vcpus={10 * MANY},live_memory_mb={100_000 * MANY}"
"""What the fixtures that are measured do not use up."""

WORDS = {
    "read": "GET of an instance",
    "create": "POST create of an instance",
    "wait": "GET wait, in that state already",
    "patch": "PATCH of tags",
    "list": f"list of {LISTED}",
    "list with details": f"list of {LISTED} with details",
}
THEIRS = {
    "read": "describe_instances of one",
    "create": "run_instances",
    "wait": "its waiter, in that state already",
    "patch": "create_tags",
    f"list {LISTED}": f"describe_instances of {LISTED}",
    "list 1000": "describe_instances of 1,000",
}
ONE = ("read", "create", "wait", "patch")
"""Calls that mean one instance; the budgets are for these."""

APART = (
    "All but the time of the plain socket's line is httpx in the client and what two processes take to "
    "wake each other."
)
TURNS = (
    "Client and listener take turns at one interpreter, and each turn waits for the other to let it go; "
    "a client in another process, for which a socket is meant, is measured above."
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
        image = empty_image(ukrom)
        inside = _in_process(ukrom, image)
        apart = elsewhere("calls", ukrom.url, ukrom.token, image)
        beside = calls.medians(socket_client(ukrom.url, ukrom.token), image)
        door = _door(ukrom, image)
        bare = _bare_socket(ukrom)
        asynchronous = asyncio.run(_async_door(ukrom))
    phases = _fixture()
    peer = _moto()
    figures = [
        *_rows("In-process", inside, 0.7),
        *_rows("Socket, client in another process", apart, 1, APART),
        Figure("... GET, by a plain socket of another process", bare),
        *_rows("Socket, client in the same process", beside, 1, TURNS),
        *_rows("respx door", door),
        Figure("respx door, GET, asynchronous", asynchronous),
        Figure("Fixture `ukrom_api` ready", phases["ready"], budget=5),
        Figure(f"Fixture `ukrom_api` ends, {INSTANCES} instances to delete", phases["reset"], budget=1),
        Figure(
            f"Fixture `ukrom_api` ends, {MANY} instances to delete",
            phases["reset of many"],
            budget=1,
            if_missed=MANY_RESET,
        ),
        *_against(peer, inside, apart),
    ]
    return Section("API", figures, _notes(peer))


def _rows(
    door: str, found: dict[str, float], budget: float | None = None, if_missed: str = ""
) -> Iterator[Figure]:
    for call, words in WORDS.items():
        bound = budget if call in ONE else None
        yield Figure(f"{door}, {words}", found[call], budget=bound, if_missed=if_missed)


def _notes(peer: dict[str, Any] | None) -> list[str]:
    ours = (
        f"Medians of {CALLS} calls and {TESTS} fixtures; httpx included, clients and sessions kept, "
        "imports excluded. Instances run on the stub runner, so that what remains is the emulator."
    )
    if peer is None:
        return [ours, "moto was not measured: it is not installed (dependency group `bench`)."]
    theirs = (
        f"moto {peer['moto']} with boto3 {peer['boto3']}, in a process of its own, its clients kept: "
        "in-process under `mock_aws`, and its server in another process."
    )
    return [
        ours,
        theirs,
        "moto's describe_instances shows all that it knows, so it stands beside our lists with details.",
    ]


def _in_process(ukrom: Ukrom, image: str) -> dict[str, float]:
    return calls.medians(
        httpx.Client(
            transport=ukrom.emulator.api_transport(), base_url=_hosted(ukrom), headers=_headers(ukrom)
        ),
        image,
    )


def _door(ukrom: Ukrom, image: str) -> dict[str, float]:
    with ukrom.emulator.door:
        return calls.medians(
            httpx.Client(base_url=_hosted(ukrom), headers=_headers(ukrom), trust_env=False), image
        )


def _hosted(ukrom: Ukrom) -> str:
    return f"https://api.{ukrom.metro}.unikraft.cloud/v1"


def _headers(ukrom: Ukrom) -> dict[str, str]:
    return {"authorization": f"Bearer {ukrom.token}"}


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


async def _async_door(ukrom: Ukrom) -> float:
    url = f"{_hosted(ukrom)}/instances"
    durations = []
    with ukrom.emulator.door:
        async with httpx.AsyncClient(headers=_headers(ukrom), trust_env=False) as client:
            for _ in range(WARM_UP + CALLS):
                began = time.perf_counter()
                (await client.get(url)).raise_for_status()
                durations.append((time.perf_counter() - began) * 1000)
    return statistics.median(durations[WARM_UP:])


def _fixture() -> dict[str, float]:
    """What the fixture's own parts take, in a pytest of its own; the session's are made with the first."""
    with tempfile.TemporaryDirectory(prefix="ukrom-bench-") as folder:
        kept = Path(folder) / "durations"
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", folder]
        done = subprocess.run(
            [*command, "-c", os.devnull, QUOTA, fixture_cases.__file__],
            env={**os.environ, "BENCH_DURATIONS": str(kept)},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise RuntimeError(f"the fixtures could not be measured:\n{done.stdout}{done.stderr}")
        found = [json.loads(line) for line in kept.read_text().splitlines()]
    phases = {kind for kind, _ in found}
    return {phase: statistics.median(ms for kind, ms in found if kind == phase) for phase in phases}


def _moto() -> dict[str, Any] | None:
    """The same calls as moto answers them, in a process that has nothing of ours; None without moto."""
    try:
        found: dict[str, Any] = elsewhere("moto_calls")
    except ModuleNotFoundError:
        return None
    return found


def _against(
    peer: dict[str, Any] | None, inside: dict[str, float], apart: dict[str, float]
) -> Iterator[Figure]:
    if peer is None:
        return
    ours = {"In-process": ("in process", inside), "Socket": ("server", apart)}
    for theirs in ("in process", "server"):
        yield from (
            Figure(f"moto {theirs}, {words}", peer[theirs][call])
            for call, words in THEIRS.items()
            if call in peer[theirs]
        )
    for door, (theirs, found) in ours.items():
        for call in ONE:
            # The goal is for creates; the rest stands beside it for whoever compares.
            yield Figure(
                f"{door} {call}, times faster than moto's",
                peer[theirs][call] / found[call],
                "x",
                FASTER if (door, call) == ("In-process", "create") else None,
                at_least=True,
            )
        ratio = peer[theirs][f"list {LISTED}"] / found["list with details"]
        yield Figure(f"{door} list of {LISTED}, times faster than moto's", ratio, "x")
