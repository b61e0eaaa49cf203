"""The calls that every door is measured by. Nothing here is timed."""

from __future__ import annotations

import httpx
import pytest


@pytest.fixture
def ukrom(benchmark):
    with benchmark("accounts").account("stub") as ukrom:
        yield ukrom


def client_of(ukrom):
    return httpx.Client(
        transport=ukrom.emulator.api_transport(),
        base_url=f"https://api.{ukrom.metro}.unikraft.cloud/v1",
        headers={"authorization": f"Bearer {ukrom.token}"},
    )


def test_every_call_is_measured_and_nothing_is_left(few, benchmark, ukrom):
    calls = few("calls", CALLS=2, WARM_UP=1, LISTED=5, LISTINGS=2)

    found = calls.medians(client_of(ukrom), benchmark("accounts").empty_image(ukrom))

    assert set(found) == {"read", "create", "wait", "patch", "list", "list with details"}
    assert min(found.values()) > 0
    assert not ukrom.dump()["metros"][ukrom.metro]["instances"]


def test_call_that_fails_is_not_measured(few, ukrom):
    calls = few("calls", CALLS=2, WARM_UP=1)

    with pytest.raises(RuntimeError, match="Invalid 'count' '0'"):
        calls.asked(lambda: client_of(ukrom).get("/instances?count=0"), 1)


def test_socket_client_measures_the_same_calls(benchmark, few, ukrom):
    calls = few("calls", CALLS=2, WARM_UP=1, LISTED=3, LISTINGS=1)
    image = benchmark("accounts").empty_image(ukrom)

    found = calls.medians(calls.socket_client(ukrom.url, ukrom.token), image)

    assert set(found) == set(benchmark("api").WORDS)
