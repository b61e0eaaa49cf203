"""Waits: how soon one goes on when its instance changes, and what blocked ones cost others."""

from __future__ import annotations

import json
import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeAlias

import httpx

from bench.accounts import account, empty_image
from bench.calls import CALLS, WARM_UP, asked, socket_client, uuids
from bench.measure import Figure, Section, median_ms
from ukrom.api import Request, Waiting

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from pytest_ukrom.facade import Ukrom

    Opened: TypeAlias = Callable[[], httpx.Client]
    Blocked: TypeAlias = Callable[[str], AbstractContextManager[None]]

__all__ = ["measure"]

BLOCKED = 50
CROWD = 1_000
WOKEN = 50
SLOWER = 1.25
"""What is slower, and not only the noise of a machine."""


def measure() -> Section:
    """Measure in process and through a socket, clients and emulator in one process."""
    figures = []
    with account("stub") as ukrom:
        image = empty_image(ukrom)
        ways: dict[str, Opened] = {
            "In-process": lambda: _in_process(ukrom),
            "Socket": lambda: socket_client(ukrom.url, ukrom.token),
        }
        for door, opened in ways.items():
            with opened() as client:
                figures.append(
                    Figure(f"{door}, from a stop to the end of a wait for it", _woken(ukrom, client, image))
                )
                figures += _beside(
                    f"{door}, {{}} beside {BLOCKED} blocked waits", client, image, _threads(ukrom, opened)
                )
        with _in_process(ukrom) as client:
            figures += _beside(
                f"In-process, {{}} beside {CROWD:,} blocked waits", client, image, _crowd(ukrom), judged=False
            )
    notes = (
        f"Medians of {CALLS} calls and {WOKEN} waits; {BLOCKED} waits are threads with clients of their own.",
        f"Waits are for another instance than what is asked for; {CROWD:,} are held without threads.",
    )
    return Section("Waits", figures, notes)


def _in_process(ukrom: Ukrom) -> httpx.Client:
    return httpx.Client(
        transport=ukrom.emulator.api_transport(),
        base_url=f"https://api.{ukrom.metro}.unikraft.cloud/v1",
        headers={"authorization": f"Bearer {ukrom.token}"},
    )


def _woken(ukrom: Ukrom, client: httpx.Client, image: str) -> float:
    """The median time from asking for a stop to having the answer of who waited for it, in ms."""
    path = f"/instances/{_created(client, image)}"
    durations = []

    def wait() -> float:
        client.request("GET", f"{path}/wait", json={"state": "stopped"}).raise_for_status()
        return time.perf_counter()

    with ThreadPoolExecutor(1) as pool:
        for _ in range(WOKEN):
            waiting = pool.submit(wait)
            _until_blocked(ukrom, 1)
            began = time.perf_counter()
            client.put(f"{path}/stop").raise_for_status()
            durations.append((waiting.result() - began) * 1000)
            client.put(f"{path}/start").raise_for_status()
    client.delete(path).raise_for_status()
    return statistics.median(durations)


def _beside(
    what: str, client: httpx.Client, image: str, blocked: Blocked, *, judged: bool = True
) -> Iterator[Figure]:
    """Measure a read and a create with nobody waiting, and with many."""
    other = _created(client, image)
    alone = _read_and_create(client, image)
    with blocked(other):
        crowded = _read_and_create(client, image)
    for call, before, after in zip(("GET", "create"), alone, crowded, strict=True):
        yield Figure(what.format(call), after)
        yield Figure(
            f"... {call}, times as long as beside none", after / before, "x", SLOWER if judged else None
        )
    client.delete(f"/instances/{other}").raise_for_status()


def _read_and_create(client: httpx.Client, image: str) -> tuple[float, float]:
    made = [_created(client, image)]
    path = f"/instances/{made[0]}"
    read = asked(lambda: client.get(path), CALLS)
    created = median_ms(
        lambda: made.append(_created(client, image)),
        CALLS,
        after=lambda: client.delete(f"/instances/{made.pop()}").raise_for_status(),
        warm_up=WARM_UP,
    )
    client.delete(path).raise_for_status()
    return read, created


def _threads(ukrom: Ukrom, opened: Opened) -> Blocked:
    @contextmanager
    def blocked(uuid: str) -> Iterator[None]:
        def wait() -> None:
            with opened() as client:
                client.request("GET", f"/instances/{uuid}/wait", json={"state": "stopped"}).raise_for_status()

        with ThreadPoolExecutor(BLOCKED) as pool:
            waiting = [pool.submit(wait) for _ in range(BLOCKED)]
            try:
                _until_blocked(ukrom, BLOCKED)
                yield
            finally:
                with opened() as client:
                    client.put(f"/instances/{uuid}/stop").raise_for_status()
            for each in waiting:
                each.result()

    return blocked


def _crowd(ukrom: Ukrom) -> Blocked:
    @contextmanager
    def blocked(uuid: str) -> Iterator[None]:
        request = Request(
            method="GET",
            path=f"/v1/instances/{uuid}/wait",
            host=f"api.{ukrom.metro}.unikraft.cloud",
            authorization=f"Bearer {ukrom.token}",
            body=json.dumps({"state": "stopped"}).encode(),
        )
        waiting = [ukrom.emulator.api.handle(request) for _ in range(CROWD)]
        _until_blocked(ukrom, CROWD)
        yield
        for each in waiting:
            assert isinstance(each, Waiting)
            each.future.cancel()

    return blocked


def _created(client: httpx.Client, image: str) -> str:
    order = {"image": image, "memory_mb": 128, "autostart": True}
    return uuids(client.post("/instances", json=order))[0]


def _until_blocked(ukrom: Ukrom, count: int) -> None:
    """Return when so many waits are blocked.

    Raises:
        TimeoutError: They are not within half a minute.
    """
    deadline = time.monotonic() + 30
    while len(ukrom.emulator.cloud.waits.sleeping) < count:
        if time.monotonic() > deadline:
            raise TimeoutError(f"{count} waits were asked for, and not all of them wait.")
        time.sleep(0.0005)
