from __future__ import annotations

import base64
import re

import pytest

APP = {"image": "org/app:1"}
WEB = {"services": [{"port": 443, "destination_port": 8080, "handlers": ["tls", "http"]}]}


@pytest.fixture
def create(item):
    return lambda **fields: item("POST", "/instances", {**APP, **fields})


def test_create_answers_with_less_than_a_read(create):
    made = create(name="web", service_group=WEB)

    assert made.keys() == {"status", "uuid", "name", "state", "private_fqdn", "private_ip", "service_group"}
    assert (made["state"], made["private_fqdn"]) == ("stopped", "web.internal")
    assert made["service_group"]["domains"][0]["fqdn"] == f"{made['service_group']['name']}.fra.unikraft.app"


def test_read_shows_the_documented_shape(create, item, store):
    policy = {"policy": "on", "stateful": False, "cooldown_time_ms": 1000}
    made = create(
        name="web", service_group=WEB, scale_to_zero=policy, autostart=True, env={"B": "2"}, tags=["a"]
    )
    read = item("GET", "/instances?name=web")

    assert read["image"] == store.by_name["org/app:1"].reference
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", read["created_at"])
    assert (read["state"], read["start_count"], read["boot_time_us"]) == ("running", 1, 75698)
    assert (read["args"], read["env"], read["tags"]) == (["/app"], {"A": "1", "B": "2"}, ["a"])
    assert read["scale_to_zero"] == {**policy, "enabled": True, "notify_time_ms": 0}
    assert read["services"] == ["tcp:443"]
    assert read["volumes"] == []
    (interface,) = read["network_interfaces"]
    octets = [int(part) for part in read["private_ip"].split(".")]
    assert interface["mac"] == "12:b0:" + ":".join(f"{octet:02x}" for octet in octets)
    assert read["service_group"] == made["service_group"]
    assert "stop_reason" not in read


def test_old_feature_turns_scale_to_zero_on(call, item):
    body = {**APP, "name": "web", "service_group": WEB, "features": ["scale-to-zero"]}
    warnings = call("POST", "/instances", body)["warnings"]
    read = item("GET", "/instances?name=web")

    assert warnings == ["'scale-to-zero' in 'features' is deprecated, use 'scale_to_zero' instead"]
    assert (read["state"], read["features"]) == ("standby", [])
    assert (read["scale_to_zero"]["policy"], read["scale_to_zero"]["stateful"]) == ("on", False)


@pytest.mark.parametrize(
    ("fields", "code"),
    [({}, 7), ({"service_group": WEB, "features": ["scale-to-zero", "delete-on-stop"]}, 17)],
)
def test_old_feature_needs_what_scale_to_zero_needs(create, fields, code):
    assert create(**{"features": ["scale-to-zero"], **fields})["error"] == code


def test_scale_to_zero_counts_beside_the_old_feature(create, item):
    create(name="web", service_group=WEB, features=["scale-to-zero"], scale_to_zero={"policy": "idle"})

    assert item("GET", "/instances?name=web")["scale_to_zero"]["policy"] == "idle"


def test_array_makes_one_item_each_in_order(call):
    envelope = call("POST", "/instances", [{**APP, "name": "a"}, {**APP, "name": "a"}, {**APP, "name": "b"}])

    assert envelope["status"] == "partial_success"
    assert envelope["data"]["instances"][1] == {
        "status": "error",
        "name": "a",
        "message": "An instance with the name 'a' already exists",
        "error": 23,
    }
    assert [item["name"] for item in envelope["data"]["instances"]] == ["a", "a", "b"]


def test_replicas_give_one_item_each(call):
    items = call("POST", "/instances", {**APP, "replicas": 2, "service_group": WEB})["data"]["instances"]

    assert len({item["uuid"] for item in items}) == 3
    assert len({item["service_group"]["uuid"] for item in items}) == 1


def test_create_that_does_not_wait_answers_starting(create, item):
    made = create(autostart=True)

    assert made["state"] == "starting"
    assert item("GET", f"/instances/{made['uuid']}")["state"] == "running"


def test_create_that_waits_answers_running_with_its_boot_time(create):
    made = create(autostart=True, timeout_s=30)

    assert (made["state"], made["boot_time_us"]) == ("running", 75698)


@pytest.mark.parametrize("timeout_s", [0, 30])
@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"image": "org/nope:1"}, "image 'org/nope:1' not found"),
        ({"roms": [{"name": "r", "image": "org/nope:1"}]}, "ROM image 'org/nope:1' not found"),
    ],
)
def test_pull_that_fails_gives_a_stopped_item_without_a_code(call, item, fields, reason, timeout_s):
    envelope = call("POST", "/instances", {**APP, **fields, "autostart": True, "timeout_s": timeout_s})
    (made,) = envelope["data"]["instances"]

    assert envelope["status"] == "error"
    assert (made["status"], made["state"]) == ("error", "stopped")
    assert "error" not in made
    assert made["message"].endswith(reason)
    read = item("GET", f"/instances/{made['uuid']}")
    assert (read["state"], read["stop_reason"], read["stop_code"]) == ("stopped", 4, 1)


def test_start_and_stop_report_both_states(create, item):
    create(name="web")
    started = item("PUT", "/instances/start", [{"name": "web"}])
    assert (started["previous_state"], started["state"]) == ("stopped", "starting")
    again = item("PUT", "/instances/start", [{"name": "web", "timeout_s": 5}])
    assert (again["previous_state"], again["state"]) == ("running", "running")

    stopped = item("PUT", "/instances/stop", [{"name": "web"}])

    assert (stopped["previous_state"], stopped["state"]) == ("running", "stopping")
    read = item("GET", "/instances?name=web")
    assert (read["state"], read["stop_reason"], read["exit_code"]) == ("stopped", 15, 0)
    assert read["stopped_at"]


def test_start_that_waits_answers_running(create, item):
    uuid = create()["uuid"]

    assert item("PUT", f"/instances/{uuid}/start", {"timeout_s": 5})["state"] == "running"


def test_force_leaves_reason_28(create, item):
    uuid = create(autostart=True)["uuid"]
    item("PUT", f"/instances/{uuid}/stop", {"force": True})

    assert item("GET", f"/instances/{uuid}")["stop_reason"] == 28


def test_stop_of_another_state_than_wanted_is_refused(create, item):
    uuid = create()["uuid"]

    assert item("PUT", f"/instances/{uuid}/stop", {"ifstate": "running"})["error"] == 11


def test_logs_come_in_windows(create, item, runner):
    create(name="web", autostart=True)
    runner.machines[0].print(b"hello\r\nworld\r\n")
    seen = item("GET", "/instances/log", [{"name": "web", "offset": -6, "limit": 3}])

    assert base64.b64decode(seen["output"]) == b"wor"
    assert seen["available"] == {"start": 0, "end": 12}
    assert seen["range"] == {"start": 6, "end": 9}
    assert seen["state"] == "running"
    assert item("GET", "/instances/log?name=web")["range"] == {"start": 0, "end": 12}
    assert item("GET", "/instances/log", [{"name": "web", "limit": 16384}])["error"] == 7


@pytest.mark.parametrize(
    ("query", "body", "windows"),
    [
        ("name=a&offset=2&limit=3", None, [(2, 5)]),
        ("name=a&name=b&offset=2", None, [(2, 8), (2, 8)]),
        ("name=a&name=b&offset=2&offset=-3&limit=2&limit=1", None, [(2, 4), (5, 6)]),
        ("offset=2&limit=1", [{"name": "a"}, {"name": "b", "offset": 4}], [(2, 3), (4, 5)]),
        ("name=b&offset=1", [{"name": "a", "limit": 2}], [(1, 3), (1, 8)]),
        ("name=b&name=c&limit=2&limit=3", [{"name": "a"}], [(0, 8), (0, 2), (0, 3)]),
        ("name=a&limit=0", None, [(0, 0)]),
    ],
)
def test_window_of_a_log_may_stand_in_the_query(call, create, runner, query, body, windows):
    for number, name in enumerate("abc"):
        create(name=name, autostart=True)
        runner.machines[number].print(b"01234567")
    items = call("GET", f"/instances/log?{query}", body)["data"]["instances"]

    assert [(one["range"]["start"], one["range"]["end"]) for one in items] == windows


@pytest.mark.parametrize(
    ("query", "body", "window"), [("offset=1&limit=2", None, (1, 3)), ("offset=1", {"offset": 3}, (3, 8))]
)
def test_window_of_a_log_by_path_may_stand_in_the_query(create, item, runner, query, body, window):
    uuid = create(autostart=True)["uuid"]
    runner.machines[0].print(b"01234567")
    seen = item("GET", f"/instances/{uuid}/log?{query}", body)["range"]

    assert (seen["start"], seen["end"]) == window


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("offset=x", "Invalid 'offset' 'x': must be an integer"),
        ("limit=", "Invalid 'limit' '': must be an integer"),
        ("limit=1.5", "Invalid 'limit' '1.5': must be an integer"),
        (f"offset={2**63}", "'offset' in instance log arguments is invalid: "),
        ("offset=1&offset=2", "The query gives 2 values of 'offset' for 1 resources"),
    ],
)
def test_window_of_a_log_that_makes_no_sense_is_refused(create, refuse, query, message):
    uuid = create(name="web")["uuid"]

    assert refuse("GET", f"/instances/log?name=web&{query}").startswith(message)
    assert refuse("GET", f"/instances/{uuid}/log?{query}").startswith(message)


def test_page_of_a_log_beyond_the_limit_is_refused_in_the_query_too(create, item):
    uuid = create(name="web")["uuid"]

    assert item("GET", "/instances/log?name=web&limit=16384")["error"] == 7
    assert item("GET", f"/instances/{uuid}/log?limit=-1")["error"] == 7


def test_delete_retains_nothing_whether_asked_to_or_not(create, item):
    for name, said in (("kept", {}), ("gone", {"dont_retain": True})):
        item("DELETE", f"/instances/{create(name=name)['uuid']}", said)

        assert item("GET", f"/instances?name={name}")["error"] == 8


def test_delete_tells_the_state_before_and_takes_the_group_along(create, item, call):
    made = create(name="web", autostart=True, service_group=WEB)
    gone = item("DELETE", f"/instances/{made['uuid']}")

    assert gone == {"status": "success", "uuid": made["uuid"], "name": "web", "previous_state": "running"}
    assert item("GET", "/instances?name=web")["error"] == 8
    assert call("GET", "/services")["data"]["service_groups"] == []


def test_locked_instance_is_not_deleted(create, item, cloud):
    create(name="web")
    with cloud.guard:
        from ukrom.cloud import Ref

        cloud.space(cloud.account("token")).instance(Ref(name="web")).delete_lock = True

    assert item("DELETE", "/instances", [{"name": "web"}]) == {
        "status": "error",
        "name": "web",
        "message": "Deletion protection enabled",
        "error": 14,
    }


def test_annotations_are_kept(create, item):
    uuid = create(annotations={"example.com/team": "web"})["uuid"]

    assert item("GET", f"/instances/{uuid}")["annotations"] == {"example.com/team": "web"}
