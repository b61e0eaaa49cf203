"""Numbers of any size: those that no platform holds are refused, and the largest do no harm."""

from __future__ import annotations

import pytest

from ukrom.clock import VirtualClock
from ukrom.cloud import Cloud

LARGEST = (1 << 63) - 1
BEYOND = LARGEST + 1
APP = {"image": "org/app:1"}
SERVICE = {"services": [{"port": 443, "destination_port": 8080}]}


@pytest.fixture
def cloud(store, runner):
    clock = VirtualClock()
    clock.freeze()
    cloud = Cloud(runner=runner, images=store, clock=clock, seed=11)
    yield cloud
    cloud.close()
    clock.close()


@pytest.mark.parametrize(
    ("method", "path", "body", "field"),
    [
        ("POST", "/instances", {**APP, "timeout_s": BEYOND}, "timeout_s"),
        ("POST", "/instances", {**APP, "replicas": 10**400}, "replicas"),
        ("POST", "/instances", {**APP, "autokill": {"time_ms": 10**400}}, "autokill.time_ms"),
        ("POST", "/services", {**SERVICE, "autokill": {"time_ms": 10**400}}, "autokill.time_ms"),
        ("POST", "/images", [{"url": "org/app:1", "timeout_s": 10**400}], "timeout_s"),
        ("GET", "/instances/log", [{"name": "web", "offset": -BEYOND - 1}], "offset"),
        ("PATCH", "/volumes", [{"name": "v", "prop": "size_mb", "op": "set", "value": BEYOND}], "value"),
    ],
)
def test_number_beyond_64_bits_is_refused(refuse, method, path, body, field):
    assert f"'{field}'" in refuse(method, path, body)


def test_largest_times_can_be_kept_and_counted(call, item):
    web = {**APP, "name": "web", "autostart": True, "timeout_s": LARGEST, "autokill": {"time_ms": LARGEST}}
    call("POST", "/instances", web)
    call("POST", "/services", {**SERVICE, "name": "front", "autokill": {"time_ms": LARGEST}})
    call("POST", "/images", [{"url": "org/app:1", "timeout_s": LARGEST, "autokill": {"time_ms": LARGEST}}])
    item("PUT", "/instances/stop", [{"name": "web"}])

    shown = item("GET", "/instances", [{"name": "web"}])

    assert (shown["state"], shown["autokill"]["time_ms"]) == ("stopped", LARGEST)


def test_wait_of_several_days_lasts_as_long(call, item, cloud, threads, asleep):
    item("POST", "/instances", {**APP, "name": "web"})
    wait = [{"name": "web", "state": "running", "timeout_s": 200_000}]
    future = threads.submit(call, "GET", "/instances/wait", wait)
    asleep(1)

    cloud.clock.advance(199_999)
    assert not future.done()

    cloud.clock.advance(1)
    assert future.result(5)["message"] == "Operation timed out"
