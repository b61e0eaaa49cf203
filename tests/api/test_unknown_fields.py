"""Fields that the emulator does not know: refused, or left out with a warning."""

from __future__ import annotations

import pytest

from ukrom.cloud import Cloud, Settings
from ukrom.errors import SettingsError

APP = {"image": "org/app:1", "name": "web"}
CREATE = "instance creation arguments"


@pytest.fixture
def cloud(store, runner):
    cloud = Cloud(Settings(unknown_fields="warn"), runner=runner, images=store)
    yield cloud
    cloud.close()


def ignored(field, what=CREATE):
    return f"Unknown field '{field}' in {what} is ignored"


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"bogus": 1}, ["bogus"]),
        ({"bogus": {"deep": [1]}, "other": None}, ["bogus", "other"]),
        ({"image": {"url": "org/app:1", "x": 1}}, ["image.x"]),
        ({"roms": [{"image": "org/cfg:1", "name": "a"}, {"image": "org/cfg:1", "foo": 1}]}, ["roms[1].foo"]),
        (
            {"roms": [{"files": [{"path": "a", "data": "", "mode": 7}], "x": 1}]},
            ["roms[0].files[0].mode", "roms[0].x"],
        ),
        ({"service_group": {"services": [{"port": 443, "destination_port": 8080, "x": 1}]}},
         ["service_group.services[0].x"]),
    ],
)  # fmt: skip
def test_unknown_fields_are_left_out_with_a_warning(call, fields, named):
    for body in ({**APP, **fields}, [{"image": "org/app:1", **fields}]):
        envelope = call("POST", "/instances", body)
        assert envelope["data"]["instances"][0]["status"] == "success", envelope
        assert sorted(envelope["warnings"]) == [ignored(name) for name in sorted(named)]


def test_each_warning_is_told_once(call):
    envelope = call("POST", "/instances", [{"image": "org/app:1", "bogus": n} for n in range(3)])

    assert envelope["warnings"] == [ignored("bogus")]


def test_known_fields_count_as_ever(item):
    made = item("POST", "/instances", {**APP, "memory_mb": 256, "tags": ["a"], "bogus": 1})

    shown = item("GET", f"/instances/{made['uuid']}")
    assert (shown["name"], shown["memory_mb"], shown["tags"]) == ("web", 256, ["a"])


@pytest.mark.parametrize(
    ("method", "path", "body", "warning"),
    [
        ("PUT", "/instances/stop", {"name": "web", "x": 1}, ignored("x", "instance stop arguments")),
        ("DELETE", "/instances", {"name": "web", "x": 1}, ignored("x", "instance deletion arguments")),
        ("GET", "/instances", {"name": "web", "x": 1}, ignored("x", "request body")),
        ("POST", "/services", {"services": [{"port": 1, "x": 1}]}, None),
    ],
)
def test_unknown_fields_of_other_bodies_are_left_out_too(call, item, method, path, body, warning):
    item("POST", "/instances", APP)
    envelope = call(method, path, body if method == "POST" else [body])

    assert all(one["status"] == "success" for items in envelope["data"].values() for one in items), envelope
    assert len(envelope["warnings"]) == 1
    if warning is not None:
        assert envelope["warnings"] == [warning]


def test_single_form_is_read_in_the_same_way(call, item):
    uuid = item("POST", "/instances", APP)["uuid"]

    assert call("PUT", f"/instances/{uuid}/stop", {"x": 1})["warnings"] == [
        ignored("x", "instance stop arguments")
    ]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({**APP, "bogus": 1, "memory_mb": "512"}, f"'memory_mb' in {CREATE} has type 'string', but expected"),
        ({"bogus": 1, "roms": [{"files": [{"data": "", "x": 1}]}]}, "'roms[0].files[0].path' is missing"),
        ({"bogus": 1, "name": None}, f"'name' in {CREATE} has type 'null'"),
    ],
)
def test_what_is_wrong_beside_them_is_refused_all_the_same(refuse, cloud, body, message):
    assert refuse("POST", "/instances", body).startswith(message)
    assert cloud.instances(cloud.account("token")) == ()


@pytest.mark.parametrize("content", [b"{", b'{"image":"a","x":1', b"[" * 100_000, b'{"x":"\\ud800"}'])
def test_malformed_json_stays_refused(refuse, content):
    assert refuse("POST", "/instances", content=content).startswith("Malformed JSON in the request body: ")


def test_enormous_and_strange_numbers_in_unknown_fields_are_survived(call):
    content = b'{"image":"org/app:1","x":[NaN,-Infinity,1e999,%s]}' % (b"9" * 4000)
    envelope = call("POST", "/instances", content=content)

    assert envelope["data"]["instances"][0]["status"] == "success"
    assert envelope["warnings"] == [ignored("x")]


def test_another_treatment_is_a_settings_error():
    with pytest.raises(SettingsError, match="'drop'"):
        Settings(unknown_fields="drop")


@pytest.mark.parametrize(
    ("triple", "named"),
    [
        ({"prop": "memory_mb", "op": "set", "value": 256, "x": 1}, "x"),
        ({"prop": "autokill", "op": "set", "value": {"time_ms": 60_000, "x": 1}}, "value.x"),
        ({"prop": "roms", "op": "add", "value": [{"image": "org/cfg:1", "name": "r", "x": 1}]}, "value[0].x"),
    ],
)
def test_unknown_fields_of_a_change_are_left_out_wherever_they_are(call, item, triple, named):
    item("POST", "/instances", APP)
    envelope = call("PATCH", "/instances", [{"name": "web", **triple}])

    assert envelope["data"]["instances"][0]["status"] == "success", envelope
    assert envelope["warnings"] == [ignored(named, "instance update")]
