"""Calls that wait: they block their own caller only, and always end."""

from __future__ import annotations

from time import perf_counter

import pytest

from ukrom.api import Request, Waiting

APP = {"image": "org/app:1"}


def test_wait_for_the_present_state_ends_at_once(item):
    item("POST", "/instances", {**APP, "name": "web"})
    seen = item("GET", "/instances/wait", [{"name": "web", "state": "stopped"}])

    assert (seen["status"], seen["state"]) == ("success", "stopped")


@pytest.mark.parametrize("timeout", [{"timeout_s": 0}, {"timeout_ms": 30}])
def test_lapsed_wait_has_the_text_and_shape_that_clients_know(call, timeout):
    (made,) = call("POST", "/instances", {**APP, "name": "web"})["data"]["instances"]
    envelope = call("GET", "/instances/wait", [{"name": "web", "state": "running", **timeout}])

    assert (envelope["status"], envelope["message"]) == ("error", "Operation timed out")
    assert envelope["data"]["instances"] == [
        {"status": "error", "uuid": made["uuid"], "name": "web", "state": "stopped"}
    ]
    assert "errors" not in envelope


def test_wait_ends_when_the_state_is_reached(item, slow_runner, threads, asleep):
    uuid = item("POST", "/instances", {**APP, "autostart": True})["uuid"]
    future = threads.submit(item, "GET", f"/instances/{uuid}/wait", {"state": "running"})
    asleep(1)
    slow_runner.machines[0].boot()

    assert future.result(5)["state"] == "running"


def test_wait_for_running_ends_when_the_machine_dies(item, slow_runner, threads, asleep):
    uuid = item("POST", "/instances", {**APP, "autostart": True})["uuid"]
    future = threads.submit(item, "GET", f"/instances/{uuid}/wait")
    asleep(1)
    slow_runner.machines[0].exit(1)

    seen = future.result(5)
    assert (seen["status"], seen["error"]) == ("error", 11)
    assert seen["message"].endswith("the application exited with code 1")


def test_wait_ends_when_the_instance_is_deleted(item, slow_runner, threads, asleep):
    uuid = item("POST", "/instances", {**APP, "autostart": True})["uuid"]
    future = threads.submit(item, "GET", f"/instances/{uuid}/wait")
    asleep(1)
    item("DELETE", f"/instances/{uuid}")

    assert future.result(5)["error"] == 8


def test_create_waits_and_leaves_the_instance_alone_when_time_is_up(call, item, slow_runner):
    envelope = call("POST", "/instances", {**APP, "name": "web", "autostart": True, "timeout_s": 1})

    assert envelope["message"] == "Operation timed out"
    (made,) = envelope["data"]["instances"]
    assert made.keys() == {"status", "uuid", "name", "state"}
    assert made["state"] == "starting"
    assert item("GET", "/instances?name=web")["state"] == "starting"


def test_create_whose_instance_dies_early_is_told_at_once(item, slow_runner, threads, asleep):
    future = threads.submit(item, "POST", "/instances", {**APP, "autostart": True, "timeout_s": -1})
    asleep(1)
    slow_runner.machines[0].exit(7)

    made = future.result(5)
    assert (made["status"], made["state"]) == ("error", "stopped")
    assert "error" not in made


def test_create_with_delete_on_stop_that_dies_early_is_told_as_deleted(item, slow_runner, threads, asleep):
    body = {**APP, "autostart": True, "timeout_s": -1, "features": ["delete-on-stop"]}
    future = threads.submit(item, "POST", "/instances", body)
    asleep(1)
    slow_runner.machines[0].exit(7)

    assert future.result(5)["state"] == "deleted"


def test_start_waits_for_running(item, slow_runner, threads, asleep):
    item("POST", "/instances", {**APP, "name": "web"})
    future = threads.submit(item, "PUT", "/instances/start", [{"name": "web", "timeout_s": 30}])
    asleep(1)
    slow_runner.machines[0].boot()

    started = future.result(5)
    assert (started["previous_state"], started["state"]) == ("stopped", "running")


def test_bulk_waits_run_side_by_side(call, slow_runner):
    body = [{**APP, "name": f"i{n}", "autostart": True, "timeout_s": 1} for n in range(3)]
    began = perf_counter()
    envelope = call("POST", "/instances", body)

    assert perf_counter() - began < 2.5
    assert [item["state"] for item in envelope["data"]["instances"]] == ["starting"] * 3


def test_what_a_query_says_of_state_and_time_counts_for_nothing(call):
    made = call(
        "POST",
        "/instances",
        [{**APP, "name": "a", "autostart": True}, {**APP, "name": "b", "autostart": True}],
    )
    uuids = [item["uuid"] for item in made["data"]["instances"]]
    query = f"?uuid={uuids[0]}&uuid={uuids[1]}&state=stopped&timeout_s=5"
    items = call("GET", f"/instances/wait{query}", [{"uuid": uuids[0], "state": "running"}])["data"][
        "instances"
    ]

    assert [(item["name"], item["state"]) for item in items] == [("a", "running"), ("b", "running")]


def test_delete_waits_until_the_machine_is_gone(item, cloud, threads, asleep, runner):
    class Lingering(type(runner)):
        def boot(self, spec, report, *, snapshot=None):
            machine = super().boot(spec, report, snapshot=snapshot)
            machine.kill = lambda: None
            return machine

    cloud.runner = Lingering()
    uuid = item("POST", "/instances", {**APP, "autostart": True})["uuid"]
    future = threads.submit(item, "DELETE", f"/instances/{uuid}", {"timeout_s": -1})
    asleep(1)
    assert cloud.instances(cloud.account("token")) == ()
    cloud.runner.machines[0].exit(0)

    assert future.result(5)["previous_state"] == "running"


def test_blocked_waits_do_not_hold_up_others(call, item, slow_runner, threads, asleep):
    uuid = item("POST", "/instances", {**APP, "autostart": True})["uuid"]
    blocked = [threads.submit(item, "GET", f"/instances/{uuid}/wait") for _ in range(10)]
    asleep(10)
    for n in range(20):
        assert item("POST", "/instances", {**APP, "name": f"other{n}"})["status"] == "success"
    assert not any(future.done() for future in blocked)
    slow_runner.machines[0].boot()

    assert {future.result(5)["state"] for future in blocked} == {"running"}


def test_cancelled_wait_leaves_nothing_behind(api, cloud, item, slow_runner):
    uuid = item("POST", "/instances", {**APP, "autostart": True})["uuid"]
    request = Request("GET", f"/v1/instances/{uuid}/wait", authorization="Bearer token")
    waiting = api.handle(request)
    assert isinstance(waiting, Waiting)
    assert cloud.waits.sleeping

    waiting.future.cancel()

    assert not cloud.waits.sleeping
