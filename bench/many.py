"""Many instances: how lists grow, what one more takes of memory, and what a whole state takes.

All of it is measured in a process of its own, whose memory is nothing but that.
"""

from __future__ import annotations

import gc
import json
import os
import statistics
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx

from bench.accounts import account, empty_image
from bench.calls import LISTED, asked, socket_client, uuids
from bench.measure import Figure, Section, durations_ms, elsewhere, median_ms, once_ms

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_ukrom.facade import Ukrom

__all__ = ["measure"]

MANY = 10_000
KEPT = 1_000
"""How many are dumped and loaded."""
PAGE = 100
REPEAT = 5

LISTS = {"brief": "", "details": "?details=true"}
WORDS = {"brief": "List of", "details": "List with details of"}


def measure() -> Section:
    """Measure in a process of its own, and lists over a socket from there in yet another one."""
    found: dict[str, float] = elsewhere("many")
    figures = []
    for kind, words in WORDS.items():
        few, many = found[f"{kind} {LISTED}"], found[f"{kind} {MANY}"]
        growth = (many / MANY) / (few / LISTED)
        figures += [
            Figure(f"{words} {LISTED}, in-process", few),
            Figure(f"{words} {MANY:,}, in-process", many),
            Figure(f"... of {MANY:,} against of {LISTED}, by item", growth, "x", 1.5),
            Figure(f"{words} {MANY:,}, socket, client in another process", found[f"{kind} socket"]),
        ]
    figures += [
        Figure(f"All of {MANY:,} by pages of {PAGE}, in-process", found["paged"]),
        Figure("Create of the last of them, median of 1,000, in-process", found["last creates"], budget=0.7),
        Figure("Memory of an instance with a service group and a domain", found["bytes"] / 1000, "KB", 10),
        Figure(f"Reset of {MANY:,}", found["reset"]),
        Figure(f"Dump of {KEPT:,}", found["dump"]),
        Figure(f"Load of {KEPT:,}", found["load"]),
        Figure("OpenAPI document, first time", found["openapi"]),
        Figure("OpenAPI document, from then on", found["openapi again"]),
    ]
    memory = (
        f"Memory is what {MANY - LISTED:,} creates added to the process (resident): instances with their "
        "stub machines, service groups, domains, indexes and the log of calls."
    )
    notes = (
        f"Lists are medians of {REPEAT}, those of {LISTED} of ten times as many; dump, load and reset once.",
        memory,
        f"moto lists 100 and 1,000 in the section on the API; {MANY:,} would take it most of a minute.",
    )
    return Section("Many instances", figures, notes)


def _all(ukrom: Ukrom) -> dict[str, float]:
    order = {
        "image": empty_image(ukrom),
        "memory_mb": 128,
        "autostart": True,
        "service_group": {"services": [{"port": 443, "destination_port": 8080, "handlers": ["tls", "http"]}]},
    }
    with httpx.Client(
        transport=ukrom.emulator.api_transport(),
        base_url=f"https://api.{ukrom.metro}.unikraft.cloud/v1",
        headers={"authorization": f"Bearer {ukrom.token}"},
    ) as client:
        found = _document(client)
        _create(client, order, LISTED)
        found |= {f"{kind} {LISTED}": ms for kind, ms in _lists(client, REPEAT * 10).items()}
        found |= _growth(client, order)
        found |= {f"{kind} {MANY}": ms for kind, ms in _lists(client, REPEAT).items()}
        found["paged"] = once_ms(lambda: _page_by_page(client))
        over = elsewhere("many", ukrom.url, ukrom.token)
        found |= {f"{kind} socket": ms for kind, ms in over.items()}
        found["reset"] = once_ms(lambda: ukrom.emulator.reset(ukrom.account))
        _create(client, order, KEPT)
        return found | _state(ukrom)


def _document(client: httpx.Client) -> dict[str, float]:
    def ask() -> None:
        client.get("/openapi.json").raise_for_status()

    return {"openapi": once_ms(ask), "openapi again": median_ms(ask, REPEAT)}


def _growth(client: httpx.Client, order: dict[str, Any]) -> dict[str, float]:
    """Fill up to `MANY`; what each instance took of memory, in bytes, and the last creates in ms."""
    gc.collect()
    before = _resident()
    durations = _create(client, order, MANY - LISTED)
    gc.collect()
    return {
        "bytes": (_resident() - before) / (MANY - LISTED),
        "last creates": statistics.median(durations[-1000:]),
    }


def _create(client: httpx.Client, order: dict[str, Any], count: int) -> list[float]:
    return durations_ms(lambda: uuids(client.post("/instances", json=order)), count)


def _lists(client: httpx.Client, repeat: int) -> dict[str, float]:
    return {kind: asked(partial(client.get, f"/instances{query}"), repeat) for kind, query in LISTS.items()}


def _page_by_page(client: httpx.Client) -> None:
    """Read all pages, each of which begins with the last item of the one before, as cursors do here."""
    seen: set[str] = set()
    page = uuids(client.get(f"/instances?count={PAGE}"))
    while not seen.issuperset(page):
        seen.update(page)
        page = uuids(client.get(f"/instances?count={PAGE}&from={page[-1]}"))
    assert len(seen) == MANY


def _state(ukrom: Ukrom) -> dict[str, float]:
    """Dump a state to JSON text, and load it in the place of itself."""
    cloud, texts = ukrom.emulator.cloud, []
    dumped = once_ms(lambda: texts.append(json.dumps(cloud.dump(ukrom.account))))
    loaded = once_ms(lambda: cloud.load(ukrom.account, json.loads(texts[0])))
    return {"dump": dumped, "load": loaded}


def _resident() -> int:
    """The memory of this process, in bytes."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def main(arguments: Sequence[str]) -> dict[str, float]:
    """Measure all of it; with an address and a token, only the lists from there."""
    if arguments:
        with socket_client(*arguments) as client:
            return _lists(client, REPEAT)
    with account("stub") as ukrom:
        return _all(ukrom)


if __name__ == "__main__":
    json.dump(main(sys.argv[1:]), sys.stdout)
