"""Suspending, restarting, scaling to zero and deleting by itself, as a client sees it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ukrom.cloud import LIVE, Kind, State

APP = {"image": "org/app:1"}
GROUP = {"services": [{"port": 443, "destination_port": 8080, "handlers": ["tls", "http"]}]}
ON = {"policy": "on", "cooldown_time_ms": 60_000}


@pytest.fixture
def running(item):
    return item("POST", "/instances", {**APP, "name": "web", "autostart": True})


@pytest.fixture
def read(item):
    return lambda name="web": item("GET", f"/instances?name={name}")


def test_suspended_instance_is_stopped_with_a_snapshot_and_resumes(item, read, running):
    suspended = item("PUT", "/instances/suspend", [{"name": "web"}])
    seen = read()
    item("PUT", f"/instances/{running['uuid']}/start")
    resumed = read()

    assert (suspended["previous_state"], suspended["state"]) == ("running", "stopping")
    assert (seen["state"], seen["stop_reason"]) == ("stopped", 44)
    assert set(seen["snapshot"]) == {"uuid"}
    assert (resumed["state"], resumed["boot_time_us"]) == ("running", 7000)
    assert "snapshot" not in resumed
    assert "stop_reason" not in resumed


def test_suspend_by_path_of_a_stopped_one_is_refused(item):
    uuid = item("POST", "/instances", APP)["uuid"]
    refused = item("PUT", f"/instances/{uuid}/suspend", {"drain_timeout_ms": 0})

    assert (refused["status"], refused["error"]) == ("error", 11)
    assert refused["message"] == "Cannot suspend an instance in state 'stopped'"


@pytest.mark.parametrize("body", [{"drain_timeout_ms": "1"}, {"drain_timeout_ms": -2}, {"force": True}])
def test_suspend_with_bad_arguments_is_refused_as_a_whole(refuse, running, body):
    assert refuse("PUT", f"/instances/{running['uuid']}/suspend", body)


def test_instance_behind_scale_to_zero_is_made_in_standby(item, read):
    made = item("POST", "/instances", {**APP, "name": "web", "service_group": GROUP, "scale_to_zero": ON})

    assert made["state"] == "standby"
    assert read()["state"] == "standby"


def test_stop_of_a_standby_instance_makes_it_stopped(item, read):
    item("POST", "/instances", {**APP, "name": "web", "service_group": GROUP, "scale_to_zero": ON})
    stopped = item("PUT", "/instances/stop", [{"name": "web"}])

    assert (stopped["previous_state"], stopped["state"]) == ("standby", "stopped")


def test_request_wakes_a_standby_instance(item, read, cloud, runner):
    body = {
        **APP,
        "name": "web",
        "service_group": {**GROUP, "domains": [{"name": "web"}]},
        "scale_to_zero": ON,
    }
    item("POST", "/instances", body)
    runner.answer("org/app", lambda _: "hello")
    lease = cloud.gateway.lease(cloud.gateway.route("web.fra.unikraft.app", 443), Kind.REQUEST)

    assert lease.result(5).instance_name == "web"
    assert read()["state"] == "running"


def test_restart_sequence_is_shown(item, read, runner):
    item("POST", "/instances", {**APP, "name": "web", "autostart": True, "restart_policy": "always"})
    runner.machines[0].exit(1)
    item("GET", "/instances/wait", [{"name": "web", "state": "running", "timeout_s": 5}])
    runner.machines[1].exit(1)
    seen = read()

    assert (seen["state"], seen["restart_count"], seen["start_count"]) == ("stopped", 1, 2)
    assert seen["restart"]["attempt"] == 2
    assert seen["restart"]["next_at"] > seen["stopped_at"]


def test_wait_outlives_a_crash_that_the_restart_policy_repairs(item, slow_runner, threads, asleep):
    item("POST", "/instances", {**APP, "name": "web", "autostart": True, "restart_policy": "always"})
    future = threads.submit(item, "GET", "/instances/wait", [{"name": "web", "timeout_s": 30}])
    asleep(1)
    slow_runner.machines[0].exit(1)
    while len(slow_runner.machines) < 2:
        assert not future.done()
    slow_runner.machines[1].boot()

    assert future.result(5)["state"] == "running"


def test_wait_ends_with_a_crash_that_nobody_repairs(item, slow_runner, threads, asleep):
    item("POST", "/instances", {**APP, "name": "web", "autostart": True})
    future = threads.submit(item, "GET", "/instances/wait", [{"name": "web", "timeout_s": 30}])
    asleep(1)
    slow_runner.machines[0].exit(1)

    assert future.result(5)["error"] == 11


def test_delete_on_stop_is_seen_to_stop_and_is_gone(item, runner, call):
    item("POST", "/instances", {**APP, "name": "web", "autostart": True, "features": ["delete-on-stop"]})
    item("PUT", "/instances/stop", [{"name": "web"}])

    assert item("GET", "/instances?name=web")["error"] == 8


def test_whoever_waits_for_the_stop_of_delete_on_stop_sees_it(item, slow_runner, threads, asleep):
    item("POST", "/instances", {**APP, "name": "web", "autostart": True, "features": ["delete-on-stop"]})
    body = [{"name": "web", "state": "stopped", "timeout_s": 30}]
    future = threads.submit(item, "GET", "/instances/wait", body)
    asleep(1)
    slow_runner.machines[0].exit(0)

    assert future.result(5)["state"] == "stopped"


def test_start_over_the_live_quota_fails_with_the_platforms_reason(item, read, cloud):
    cloud.settings = replace(cloud.settings, limits=replace(cloud.settings.limits, live_vcpus=1))
    item("POST", "/instances", {**APP, "autostart": True})
    failed = item("POST", "/instances", {**APP, "name": "web", "autostart": True})
    seen = read()

    assert (failed["status"], failed["state"], failed.get("error")) == ("error", "stopped", None)
    assert (seen["stop_reason"], seen["stop_code"]) == (4, 0)


def test_autokill_of_a_service_group_is_kept_and_shown(item):
    made = item("POST", "/services", {**GROUP, "name": "web", "autokill": {"time_ms": 5000}})

    assert item("GET", f"/services/{made['uuid']}")["autokill"] == {"time_ms": 5000}


def test_quotas_count_what_lives_and_not_what_sleeps(call, item, cloud):
    item("POST", "/instances", {**APP, "service_group": GROUP, "scale_to_zero": ON})
    item("POST", "/instances", {**APP, "autostart": True})
    (quotas,) = call("GET", "/users/quotas")["data"]["quotas"]
    with cloud.guard:
        states = [one.state for one in cloud.space(cloud.account("token")).instances]

    assert states == [State.STANDBY, State.RUNNING]
    assert State.STANDBY not in LIVE
    assert (quotas["used"]["instances"], quotas["used"]["live_instances"]) == (2, 1)
