from __future__ import annotations

import pytest
from pydantic import TypeAdapter

from ukrom.api.shapes import SeenVolume, Volume, answer_shape

APP = {"image": "org/app:1"}
GHOST = "00000000-0000-4000-8000-00000000dead"


@pytest.fixture
def data(item):
    return item("POST", "/volumes", {"name": "data", "size_mb": 64, "tags": ["a"]})


@pytest.fixture
def web(item):
    return item("POST", "/instances", {**APP, "name": "web"})


@pytest.fixture
def attach(item):
    def do(**fields):
        return item(
            "PUT", "/volumes/attach", [{"name": "data", "attach_to": {"name": "web"}, "at": "/data"} | fields]
        )

    return do


@pytest.fixture
def read(item):
    return lambda name="data": item("GET", f"/volumes?name={name}&details=true")


def test_create_shows_the_state_it_left_and_the_next_read_the_volume_ready(data, read):
    assert data.keys() == {"status", "uuid", "name", "state"}
    assert data["state"] == "initializing"
    assert read()["state"] == "available"


def test_volume_reads_back_as_it_was_made(data, read):
    shown = read()

    assert shown.pop("created_at").endswith("Z")
    assert shown == {
        "status": "success",
        "uuid": data["uuid"],
        "name": "data",
        "state": "available",
        "size_mb": 64,
        "free_mb": 64,
        "persistent": True,
        "attached_to": [],
        "mounted_by": [],
        "tags": ["a"],
        "quota_policy": "static",
        "delete_lock": False,
        "filesystem": "ext4",
        "access_mode": "rwo",
    }


def test_directory_of_the_host_is_shown_without_a_size(item, read):
    item("POST", "/volumes", {"name": "data", "host_path": "/srv", "uid": 5, "gid": 6, "args": {"a": "b"}})
    shown = read()

    assert (shown["host_path"], shown["uid"], shown["gid"], shown["args"]) == ("/srv", 5, 6, {"a": "b"})
    assert "size_mb" not in shown


def test_answers_are_of_the_declared_shapes(client, data, attach, web):
    attach()
    client.put("/instances/start", json=[{"name": "web"}])
    TypeAdapter(answer_shape(Volume, "volumes")).validate_json(client.get("/volumes?details=true").content)
    cloned = client.post(f"/volumes/{data['uuid']}/clone", json={})

    TypeAdapter(answer_shape(SeenVolume, "volumes")).validate_json(cloned.content)


def test_array_of_volumes_answers_each_in_order(call):
    bodies = [{"name": "a", "size_mb": 8}, {"name": "a", "size_mb": 8}, {"name": "b", "size_mb": 8}]
    envelope = call("POST", "/volumes", bodies)

    assert envelope["status"] == "partial_success"
    assert [(made["name"], made.get("error")) for made in envelope["data"]["volumes"]] == [
        ("a", None),
        ("a", 23),
        ("b", None),
    ]


def test_listing_has_pages_tags_and_references(call):
    for number in range(4):
        call(
            "POST",
            "/volumes",
            {"name": f"v{number}", "size_mb": 8, "tags": ["even"] if number % 2 == 0 else []},
        )
    plain = call("GET", "/volumes?count=2&order=desc")["data"]["volumes"]
    tagged = call("GET", "/volumes?tags=even&details=true")["data"]["volumes"]

    assert [volume["name"] for volume in plain] == ["v3", "v2"]
    assert plain[0].keys() == {"status", "uuid", "name"}
    assert [(volume["name"], volume["size_mb"]) for volume in tagged] == [("v0", 8), ("v2", 8)]


def test_missing_volume_is_told_beside_the_one_that_is_there(call, data):
    envelope = call("GET", "/volumes?name=data&name=ghost")

    assert envelope["status"] == "partial_success"
    assert [volume.get("message") for volume in envelope["data"]["volumes"]] == [
        None,
        "No volume with name 'ghost'",
    ]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (
            {"size_mb": "64"},
            "'size_mb' in volume creation arguments has type 'string', but expected 'integer'",
        ),
        ({"colour": "red"}, "Unknown field 'colour' in volume creation arguments"),
        ({"name": None}, "'name' in volume creation arguments has type 'null', but expected 'string'"),
        ({"template": {}}, "A reference has either a 'uuid' or a 'name'"),
        ({"template": {"uuid": "t"}}, "Invalid uuid 't'"),
    ],
)
def test_malformed_create_is_refused_as_a_whole(refuse, fields, message):
    assert refuse("POST", "/volumes", fields) == message


def test_access_mode_that_does_not_exist_is_refused(refuse):
    assert "'access_mode'" in refuse("POST", "/volumes", {"size_mb": 8, "access_mode": "any"})


def test_attached_volume_shows_its_instance_and_the_instance_shows_it(data, web, attach, read, item):
    assert attach(readonly=True) == {"status": "success", "uuid": data["uuid"], "name": "data"}

    reference = {"uuid": web["uuid"], "name": "web"}
    shown, instance = read(), item("GET", "/instances?name=web")
    assert (shown["state"], shown["attached_to"], shown["mounted_by"]) == ("idle", [reference], [])
    assert instance["volumes"] == [{"uuid": data["uuid"], "name": "data", "at": "/data", "readonly": True}]
    item("PUT", "/instances/start", [{"name": "web"}])
    running = read()
    assert (running["state"], running["mounted_by"]) == ("mounted", [{**reference, "readonly": True}])


def test_volume_is_attached_and_detached_by_its_path(data, web, item, read):
    item("PUT", f"/volumes/{data['uuid']}/attach", {"attach_to": {"uuid": web["uuid"]}, "at": "/data"})
    attached = read()["attached_to"]
    item("PUT", f"/volumes/{data['uuid']}/detach")

    assert [instance["name"] for instance in attached] == ["web"]
    assert read()["attached_to"] == []


def test_volume_is_detached_from_the_instance_that_is_named(data, web, attach, item, read):
    attach()
    item("POST", "/instances", {**APP, "name": "other"})
    other = item("PUT", "/volumes/detach", [{"name": "data", "from": {"name": "other"}}])
    still = read()["attached_to"]
    done = item("PUT", "/volumes/detach", [{"name": "data", "from": {"name": "web"}}])

    assert (other["error"], other["message"]) == (21, "Volume 'data' is not attached to 'other'")
    assert len(still) == 1
    assert done["status"] == "success"
    assert read()["state"] == "available"


@pytest.mark.parametrize(
    ("path", "body", "message"),
    [
        (
            "/volumes/attach",
            [{"name": "data", "at": "/data"}],
            "'attach_to' is missing in volume attach arguments",
        ),
        (
            "/volumes/attach",
            [{"name": "data", "attach_to": {"name": "web"}}],
            "'at' is missing in volume attach arguments",
        ),
        (
            "/volumes/attach",
            [{"name": "data", "attach_to": {}, "at": "/data"}],
            "A reference has either a 'uuid' or a 'name'",
        ),
        ("/volumes/attach?name=data", None, "'attach_to' is missing in volume attach arguments"),
        (f"/volumes/{GHOST}/attach", None, "'attach_to' is missing in volume attach arguments"),
        (
            "/volumes/detach",
            [{"name": "data", "from": {"name": "a", "uuid": GHOST}}],
            "A reference has either a 'uuid' or a 'name'",
        ),
        (
            "/volumes/detach",
            [{"name": "data", "from_": {}}],
            "Unknown field 'from_' in volume detach arguments",
        ),
        (
            "/volumes/detach",
            [{"name": "data", "instance": {}}],
            "Unknown field 'instance' in volume detach arguments",
        ),
        (
            "/volumes/detach",
            [{"name": "data", "from": None}],
            "'from' in volume detach arguments has type 'null', but expected 'object'",
        ),
    ],
)
def test_malformed_attach_or_detach_is_refused_as_a_whole(refuse, path, body, message):
    assert message in refuse("PUT", path, body)


def test_missing_instance_is_told_in_the_item(data, attach):
    assert attach(attach_to={"name": "ghost"})["message"] == "No instance with name 'ghost'"


def test_attached_volume_is_not_deleted(data, web, attach, item, read):
    attach()
    refused = item("DELETE", f"/volumes/{data['uuid']}")

    assert (refused["error"], refused["message"]) == (15, "Volume 'data' is still attached to 'web'")
    assert read()["status"] == "success"


def test_deleted_volume_is_gone(data, item, read):
    assert item("DELETE", "/volumes", [{"name": "data"}])["uuid"] == data["uuid"]
    assert read()["error"] == 8


def test_copy_is_made_under_the_name_that_is_asked_for(data, item, read):
    made = item("POST", "/volumes/clone", [{"name": "data", "vol_name": "copy", "tags": ["c"]}])

    assert (made["name"], made["state"]) == ("copy", "initializing")
    assert (read("copy")["state"], read("copy")["tags"]) == ("available", ["c"])


def test_volume_of_an_instance_is_made_and_deleted_with_it(item, read):
    body = {**APP, "name": "web", "volumes": [{"name": "data", "size_mb": 8, "at": "/data"}]}
    item("POST", "/instances", body)
    shown = read()
    item("DELETE", "/instances", [{"name": "web"}])

    assert (shown["state"], shown["persistent"]) == ("idle", False)
    assert read()["error"] == 8


def test_template_is_listed_apart_from_volumes(data, item, call, read):
    converted = item("POST", "/volumes/templates", [{"name": "data"}])
    by_path = item("GET", f"/volumes/templates/{data['uuid']}?details=true")

    assert (converted["uuid"], converted["state"]) == (data["uuid"], "template")
    assert call("GET", "/volumes")["data"]["volumes"] == []
    assert [one["name"] for one in call("GET", "/volumes/templates")["data"]["volumes"]] == ["data"]
    assert read()["message"] == "No volume with name 'data'"
    assert (by_path["state"], by_path["size_mb"]) == ("template", 64)
    assert "mounted_by" not in by_path


def test_volume_is_made_of_a_template_but_not_cloned_of_it(data, item, read):
    item("POST", "/volumes/templates", [{"name": "data"}])
    refused = item("POST", "/volumes/clone", [{"name": "data"}])
    item("POST", "/volumes", {"name": "copy", "template": {"name": "data"}})

    assert refused["error"] == 24
    assert read("copy")["size_mb"] == 64


def test_template_is_deleted_by_its_own_route_only(data, item):
    item("POST", "/volumes/templates", [{"name": "data"}])

    assert item("DELETE", "/volumes", [{"name": "data"}])["error"] == 8
    assert item("DELETE", f"/volumes/templates/{data['uuid']}")["status"] == "success"
    missing = item("GET", "/volumes/templates?name=data")
    assert missing["message"] == "No volume template with name 'data'"


def test_quotas_count_volumes_and_their_sizes(data, item):
    quota = item("GET", "/users/quotas")

    assert (quota["used"]["volumes"], quota["used"]["total_volume_mb"]) == (1, 64)
    assert quota["hard"]["total_volume_mb"] == 20480
    assert (quota["limits"]["min_volume_mb"], quota["limits"]["max_volume_mb"]) == (8, 20480)


def test_other_accounts_and_metros_see_nothing_of_a_volume(client, data):
    answer = client.get("/volumes?name=data", headers={"authorization": "Bearer other"})

    assert answer.json()["data"]["volumes"][0]["error"] == 8


def test_runner_without_volumes_refuses_to_attach_one(data, web, attach, runner, item):
    runner.abilities = frozenset()

    assert attach()["error"] == 1
    refused = item("POST", "/instances", {**APP, "volumes": [{"size_mb": 8, "at": "/data"}]})
    assert refused["error"] == 1
