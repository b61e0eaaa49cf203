from __future__ import annotations

import json

import pytest

from ukrom.api import MAX_BODY

APP = {"image": "org/app:1"}
CREATE = "instance creation arguments"


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"image": ["org/app:1"]}, f"'image' in {CREATE} has type 'array', but expected 'string'"),
        ({"image": {}}, f"'image' in {CREATE} has type 'object', but expected 'string'"),
        ({"image": {"url": 5}}, f"'image' in {CREATE} has type 'object', but expected 'string'"),
        ({"image": None}, f"'image' in {CREATE} has type 'null', but expected 'string'"),
        ({"image": {"url": "a", "x": 1}}, f"Unknown field 'image.x' in {CREATE}"),
        ({"name": 5}, f"'name' in {CREATE} has type 'integer', but expected 'string'"),
        ({"name": None}, f"'name' in {CREATE} has type 'null', but expected 'string'"),
        ({"memory_mb": "512"}, f"'memory_mb' in {CREATE} has type 'string', but expected 'integer'"),
        ({"memory_mb": 512.5}, f"'memory_mb' in {CREATE} has type 'number', but expected 'integer'"),
        ({"memory_mb": True}, f"'memory_mb' in {CREATE} has type 'boolean', but expected 'integer'"),
        ({"autostart": "yes"}, f"'autostart' in {CREATE} has type 'string', but expected 'boolean'"),
        ({"args": "a"}, f"'args' in {CREATE} has type 'string', but expected 'array'"),
        ({"args": [1]}, f"'args[0]' in {CREATE} has type 'integer', but expected 'string'"),
        ({"env": {"A": 1}}, f"'env.A' in {CREATE} has type 'integer', but expected 'string'"),
        ({"env": []}, f"'env' in {CREATE} has type 'array', but expected 'object'"),
        ({"roms": {}}, f"'roms' in {CREATE} has type 'object', but expected 'array'"),
        ({"roms": [[]]}, f"'roms[0]' in {CREATE} has type 'array', but expected 'object'"),
        ({"roms": [{"image": 7}]}, f"'roms[0].image' in {CREATE} has type 'integer', but expected 'string'"),
        ({"roms": [{"files": [{"data": ""}]}]}, f"'roms[0].files[0].path' is missing in {CREATE}"),
        (
            {"roms": [{"files": [{"path": "a", "data": "", "encoding": "utf-16"}]}]},
            f"'roms[0].files[0].encoding' in {CREATE} has value 'utf-16', but expected 'text' or 'base64'",
        ),
        ({"restart_policy": "maybe"}, f"'restart_policy' in {CREATE} has value 'maybe', but expected"),
        ({"service_group": {"services": [{}]}}, f"'service_group.services[0].port' is missing in {CREATE}"),
        ({"bogus": 1}, f"Unknown field 'bogus' in {CREATE}"),
        ({"annotations": {"a": "x\x07"}}, "The annotation 'a' has a control character in its value"),
        ({"timeout_s": -2, "autostart": True}, "Invalid time-out -2: must be -1, 0 or more"),
        ({"service_group": {"uuid": "web"}}, "Invalid uuid 'web'"),
        ({"service_group": {"soft_limit": 2, "hard_limit": 1}}, "'soft_limit' must not be greater"),
    ],
)
def test_body_of_wrong_types_is_refused_in_the_platforms_words(refuse, cloud, fields, message):
    assert refuse("POST", "/instances", {**APP, **fields}).startswith(message)
    assert refuse("POST", "/instances", [APP, {**APP, **fields}]).startswith(message)
    assert cloud.instances(cloud.account("token")) == ()


@pytest.mark.parametrize("body", [5, "org/app:1", None, True])
def test_body_that_is_no_object_is_refused(refuse, body):
    message = refuse("POST", "/instances", content=json.dumps(body))

    assert message.startswith("The request body has type")
    assert message.endswith("but expected 'object'")


def test_array_where_an_object_belongs_is_refused(refuse, item):
    uuid = item("POST", "/instances", APP)["uuid"]

    assert (
        refuse("PUT", f"/instances/{uuid}/stop", [])
        == "The request body has type 'array', but expected 'object'"
    )
    assert refuse("PUT", "/instances/stop", {}) == "The request body has type 'object', but expected 'array'"
    assert (
        refuse("PUT", f"/instances/{uuid}/stop", {"name": "x"})
        == "Unknown field 'name' in instance stop arguments"
    )


@pytest.mark.parametrize(
    "content", [b"{", b"[1,", b"\xff\xfe", b'{"a":}', b"[" * 100_000, b"\0", b'{"image":"\\ud800"}']
)
def test_malformed_json_is_refused(refuse, content):
    assert refuse("POST", "/instances", content=content).startswith("Malformed JSON in the request body: ")


def test_missing_body_is_refused(refuse):
    assert refuse("POST", "/instances") == "The request body is missing"
    assert refuse("PUT", "/instances/start").startswith("The request names no resource")


def test_largest_body_is_read_and_a_larger_one_refused(call, refuse):
    body = json.dumps({"name": "ghost"})
    padded = "[" + body + " " * (MAX_BODY - len(body) - 2) + "]"
    assert len(padded) == MAX_BODY
    assert call("DELETE", "/instances", content=padded)["data"]["instances"][0]["error"] == 8

    assert "larger than 8388608 bytes" in refuse("DELETE", "/instances", content=padded + " ", status=413)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"force": True, "drain_timeout_ms": 0}, "'force' and 'drain_timeout_ms' exclude each other"),
        ({"drain_timeout_ms": -2}, "Invalid 'drain_timeout_ms' -2"),
        ({"dump": True}, "'dump' needs 'force'"),
        ({"force": None}, "'force' in instance stop arguments has type 'null', but expected 'boolean'"),
    ],
)
def test_stop_arguments_that_do_not_go_together_are_refused(refuse, fields, message):
    assert refuse("PUT", "/instances/stop", [{"name": "web", **fields}]).startswith(message)


@pytest.mark.parametrize(
    ("method", "path", "field"),
    [
        ("PUT", "start", "timeout_s"),
        ("PUT", "start", "wait_timeout_ms"),
        ("GET", "wait", "timeout_s"),
        ("GET", "wait", "timeout_ms"),
        ("DELETE", "", "timeout_s"),
    ],
)
def test_time_outs_below_minus_one_are_refused(refuse, method, path, field):
    message = refuse(method, f"/instances/{path}", [{"name": "web", field: -2}])

    assert message == "Invalid time-out -2: must be -1, 0 or more"


def test_enormous_numbers_are_survived(item, slow_runner):
    made = item("POST", "/instances", {**APP, "memory_mb": 2**62})
    assert made["error"] == 7
    item("POST", "/instances", {**APP, "name": "web", "autostart": True})
    slow_runner.machines[0].boot()

    assert item("GET", "/instances/log", [{"name": "web", "offset": -(2**62)}])["status"] == "success"


def test_image_specification_is_accepted(item):
    made = item(
        "POST", "/instances", {"image": {"url": "org/app:1", "pull_policy": "always", "headers": {"a": "b"}}}
    )

    assert made["status"] == "success"


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"checkpoint": {"name": "t"}}, "'checkpoint'"),
        ({"plugins": [{"name": "sandbox", "image": "a"}]}, "'plugins'"),
        ({"gpus": 1, "type": "full"}, "'gpus', 'type'"),
        ({"features": ["nested-virt"]}, "'features: nested-virt'"),
    ],
)
def test_what_is_not_emulated_is_refused_and_not_ignored(item, fields, named):
    made = item("POST", "/instances", {**APP, **fields})

    assert (made["status"], made["error"]) == ("error", 1)
    assert made["message"] == f"Not emulated yet in an instance: {named}"


def test_fields_that_ask_for_nothing_are_accepted(item):
    nothing = {
        "volumes": [],
        "plugins": [],
        "gpus": 0,
        "type": "micro",
        "restart_policy": "never",
        "schedules": [],
    }

    assert item("POST", "/instances", {**APP, **nothing})["status"] == "success"
