from __future__ import annotations

import base64

import pytest
from pydantic import TypeAdapter

from ukrom.api.models import patched, patches
from ukrom.api.shapes import Instance, ServiceGroup, Updated, answer_shape
from ukrom.cloud.changes import groups, instances, templates, volumes

APP = {"image": "org/app:1", "name": "web"}
SERVICES = [{"port": 443, "destination_port": 8080, "handlers": ["tls", "http"]}]
GHOST = "00000000-0000-4000-8000-00000000dead"
ROM = {"name": "rom", "image": "org/my-rom1:latest", "at": "/rom"}


@pytest.fixture
def web(item):
    return item("POST", "/instances", APP)["uuid"]


@pytest.fixture
def patch(call):
    """Send triples about the instance `web`, and give the items."""

    def do(*triples):
        envelope = call("PATCH", "/instances", [{"name": "web", **triple} for triple in triples])
        return envelope["data"]["instances"]

    return do


@pytest.fixture
def web_now(item):
    return lambda: item("GET", "/instances?name=web&details=true")


@pytest.mark.parametrize(
    ("model", "kinds", "table"),
    [
        (patches.PatchInstance, patched.INSTANCE, instances.INSTANCE),
        (patches.PatchTemplate, patched.TEMPLATE, templates.TEMPLATE),
        (patches.PatchGroup, patched.GROUP, groups.GROUP),
        (patches.PatchVolume, patched.VOLUME, volumes.VOLUME),
        (patches.PatchVolumeTemplate, patched.VOLUME_TEMPLATE, volumes.VOLUME_TEMPLATE),
    ],
)
def test_request_and_cloud_know_the_same_properties(model, kinds, table):
    named = model.model_json_schema()["properties"]["prop"]["enum"]

    assert set(named) == set(kinds) == set(table)


def test_triples_of_one_resource_are_applied_in_order_and_answered_one_by_one(patch, web, web_now):
    items = patch(
        {"prop": "tags", "op": "set", "value": ["a"], "id": "first"},
        {"prop": "tags", "op": "add", "value": ["b"]},
        {"prop": "tags", "op": "del", "value": ["a"], "id": "third"},
    )

    assert items == [
        {"status": "success", "uuid": web, "name": "web", "id": "first"},
        {"status": "success", "uuid": web, "name": "web"},
        {"status": "success", "uuid": web, "name": "web", "id": "third"},
    ]
    assert web_now()["tags"] == ["b"]


def test_answer_has_the_shape_that_it_is_described_with(call, web):
    triples = [
        {"name": "web", "prop": "tags", "op": "set", "value": ["a"], "id": "t"},
        {"name": "ghost", "prop": "tags", "op": "set", "id": "g"},
    ]
    envelope = call("PATCH", "/instances", triples)

    TypeAdapter(answer_shape(Updated, "instances")).validate_python(envelope)
    assert envelope["status"] == "partial_success"


def test_failed_triple_repeats_its_id_and_leaves_the_others_alone(call, web, web_now):
    triples = [
        {"name": "ghost", "prop": "memory_mb", "op": "set", "value": 256, "id": "ghost"},
        {"uuid": web, "prop": "memory_mb", "op": "set", "value": 1, "id": "small"},
        {"uuid": web, "name": "web", "prop": "memory_mb", "op": "set", "value": 256, "id": "both"},
        {"prop": "memory_mb", "op": "set", "value": 256, "id": "none"},
        {"uuid": web, "prop": "memory_mb", "op": "set", "value": 512},
    ]
    items = call("PATCH", "/instances", triples)["data"]["instances"]

    assert [(item.get("id"), item.get("error")) for item in items] == [
        ("ghost", 8),
        ("small", 7),
        ("both", 17),
        ("none", 13),
        (None, None),
    ]
    assert items[0]["message"] == "No instance with name 'ghost'"
    assert web_now()["memory_mb"] == 512


def test_path_form_takes_one_triple(item, refuse, web, web_now):
    done = item("PATCH", f"/instances/{web}", {"prop": "vcpus", "op": "set", "value": 2, "id": "t"})
    missing = item("PATCH", f"/instances/{GHOST}", {"prop": "vcpus", "op": "set", "value": 2, "id": "t"})

    assert done == {"status": "success", "uuid": web, "name": "web", "id": "t"}
    assert (missing["error"], missing["id"], missing["uuid"]) == (8, "t", GHOST)
    assert web_now()["vcpus"] == 2
    assert refuse("PATCH", f"/instances/{web}", []).endswith("has type 'array', but expected 'object'")
    assert refuse("PATCH", f"/instances/{web}").startswith("'prop' is missing in instance update")


@pytest.mark.parametrize(
    ("triple", "message"),
    [
        ({}, "'prop' is missing in instance update"),
        ({"prop": "tags"}, "'op' is missing in instance update"),
        (
            {"prop": "image", "op": "set", "value": {"url": "https://a/b", "credentials": "c"}},
            "'value' in instance update is invalid: 'credentials' are for OCI registries alone",
        ),
        ({"prop": "name", "op": "set"}, "'prop' in instance update has value 'name', but expected 'image', "),
        (
            {"prop": "tags", "op": "move"},
            "'op' in instance update has value 'move', but expected 'set', 'add' or 'del'",
        ),
        ({"prop": 5, "op": "set"}, "'prop' in instance update has value '5', but expected 'image', "),
        ({"prop": "tags", "op": "set", "bogus": 1}, "Unknown field 'bogus' in instance update"),
        ({"prop": "tags", "op": "set", "id": 5}, "'id' in instance update has type 'integer', but expected"),
        (
            {"prop": "roms", "op": "set", "value": [{"name": "r", "bogus": 1}]},
            "Unknown field 'value[0].bogus' in instance update",
        ),
        (
            {"prop": "annotations", "op": "set", "value": {"a": "x\x07"}},
            "The annotation 'a' has a control character in its value",
        ),
        (
            {"prop": "dependencies", "op": "set", "value": [{}]},
            "A reference has either a 'uuid' or a 'name'",
        ),
    ],
)
def test_triple_that_cannot_be_read_is_refused_as_a_whole(refuse, web, web_now, triple, message):
    before = web_now()
    good = {"name": "web", "prop": "tags", "op": "set", "value": ["a"]}

    assert refuse("PATCH", "/instances", [good, {"name": "web", **triple}]).startswith(message)
    assert web_now() == before


@pytest.mark.parametrize(
    ("prop", "op", "value", "field", "found", "expected"),
    [
        ("image", "set", 5, "value", "integer", "string"),
        ("args", "set", 5, "value", "integer", "array"),
        ("args", "del", [5], "value[0]", "integer", "string"),
        ("env", "set", ["A"], "value", "array", "object"),
        ("env", "del", {"A": "1"}, "value", "object", "array"),
        ("env", "set", {"A": 1}, "value.A", "integer", "string"),
        ("memory_mb", "set", "lots", "value", "string", "integer"),
        ("memory_mb", "set", 1.5, "value", "number", "integer"),
        ("memory_mb", "set", True, "value", "boolean", "integer"),
        ("memory_mb", "set", None, "value", "null", "integer"),
        ("vcpus", "set", [], "value", "array", "integer"),
        ("scale_to_zero", "set", "on", "value", "string", "object"),
        ("tags", "set", "a", "value", "string", "array"),
        ("tags", "set", None, "value", "null", "array"),
        ("delete_lock", "set", "yes", "value", "string", "boolean"),
        ("schedules", "set", ["s"], "value[0]", "string", "object"),
        ("autokill", "set", {"time_ms": "1"}, "value.time_ms", "string", "integer"),
        ("hostname", "set", 1, "value", "integer", "string"),
        ("roms", "set", {"name": "r"}, "value", "object", "array"),
        ("roms", "del", [{"name": "r"}], "value[0]", "object", "string"),
        ("dependencies", "set", "web", "value", "string", "array"),
        ("plugins", "del", [1], "value[0]", "integer", "string"),
        ("annotations", "set", [], "value", "array", "object"),
    ],
)
def test_value_of_a_wrong_type_is_refused_in_the_platforms_words(
    refuse, web, prop, op, value, field, found, expected
):
    message = refuse("PATCH", f"/instances/{web}", {"prop": prop, "op": op, "value": value})

    assert message == f"'{field}' in instance update has type '{found}', but expected '{expected}'"


@pytest.mark.parametrize(
    ("prop", "value", "shown"),
    [
        ("image", "org/http-python:latest", "oci://unikraft.io/org/http-python:latest@sha256:"),
        ("image", {"url": "org/app:1", "pull_policy": "always"}, "oci://unikraft.io/org/app:1@sha256:"),
        ("args", "/one", ["/one"]),
        ("args", ["/one", "-v"], ["/one", "-v"]),
        ("env", {"A": "2", "B": "3"}, {"A": "2", "B": "3"}),
        ("delete_lock", True, True),
        ("autokill", {"time_ms": 5, "num_requests": 2}, {"time_ms": 5, "num_requests": 2}),
        ("annotations", {"example.com/k": "v"}, {"example.com/k": "v"}),
    ],
)
def test_every_form_of_a_value_is_read_back(item, web, web_now, prop, value, shown):
    assert (
        item("PATCH", f"/instances/{web}", {"prop": prop, "op": "set", "value": value})["status"] == "success"
    )
    read = web_now()[prop]

    assert read[: len(shown)] == shown if isinstance(shown, str) else read == shown


def test_dependencies_are_references_or_plain_names(item, web, cloud):
    one = item("POST", "/instances", {"image": "org/app:1", "name": "one"})["uuid"]
    two = item("POST", "/instances", {"image": "org/app:1", "name": "two"})["uuid"]
    value = [{"name": "one"}, two, "one"]
    item("PATCH", f"/instances/{web}", {"prop": "dependencies", "op": "set", "value": value})
    item("PATCH", f"/instances/{web}", {"prop": "dependencies", "op": "del", "value": ["two"]})
    (found,) = (one_of for one_of in cloud.space(cloud.account("token")).instances if one_of.name == "web")

    assert [str(uuid) for uuid in found.dependencies] == [one]


def test_running_instance_shows_what_waits_as_it_was_sent(call, patch, web, web_now):
    call("PUT", "/instances/start", [{"name": "web"}])
    files = [{"path": "a", "data": base64.b64encode(b"x").decode(), "encoding": "base64"}]
    patch(
        {"prop": "memory_mb", "op": "set", "value": 512},
        {"prop": "roms", "op": "add", "value": [ROM, {"name": "inline", "files": files}]},
        {"prop": "env", "op": "set"},
    )
    waiting = web_now()
    call("PUT", "/instances/stop", [{"name": "web"}])
    done = web_now()

    assert waiting["updates"] == [
        {"prop": "memory_mb", "op": "set", "value": 512, "status": "pending"},
        {
            "prop": "roms",
            "op": "add",
            "value": [ROM, {"name": "inline", "files": files}],
            "status": "pending",
        },
        {"prop": "env", "op": "set", "status": "pending"},
    ]
    assert (waiting["memory_mb"], "roms" in waiting) == (128, False)
    assert (done["memory_mb"], [rom["name"] for rom in done["roms"]]) == (512, ["rom", "inline"])
    assert "updates" not in done


def test_failed_change_is_shown_with_its_error(call, item, patch, web, web_now):
    item("POST", "/instances", {"image": "org/app:1", "name": "other"})
    call("PUT", "/instances/start", [{"name": "web"}])
    patch({"prop": "dependencies", "op": "set", "value": ["other"]})
    call("DELETE", "/instances", [{"name": "other"}])
    call("PUT", "/instances/stop", [{"name": "web"}])
    read = web_now()

    assert read["updates"] == [
        {
            "prop": "dependencies",
            "op": "set",
            "value": ["other"],
            "status": "failed",
            "error": "No instance with name 'other'",
        }
    ]
    read.pop("status")
    TypeAdapter(Instance).validate_python(read)


def test_inline_content_over_the_limits_is_refused_before_it_waits(call, patch, web):
    call("PUT", "/instances/start", [{"name": "web"}])
    many = [{"path": f"f{n}", "data": ""} for n in range(17)]
    (refused,) = patch({"prop": "roms", "op": "set", "value": [{"name": "r", "files": many}]})

    assert refused["error"] == 5


def test_unknown_field_in_a_value_is_only_warned_of_where_that_is_wanted(store, runner):
    import httpx

    from ukrom.api import Api, InProcessTransport
    from ukrom.cloud import Cloud, Settings

    cloud = Cloud(Settings(unknown_fields="warn"), runner=runner, images=store)
    headers = {"authorization": "Bearer token"}
    base = "https://api.fra.unikraft.cloud/v1"
    with httpx.Client(transport=InProcessTransport(Api(cloud)), base_url=base, headers=headers) as client:
        client.post("/instances", json=APP)
        triple = {"name": "web", "prop": "roms", "op": "set", "value": [{**ROM, "new": 1}], "newer": 2}
        answer = client.patch("/instances", json=[triple]).json()

    assert answer["status"] == "success"
    assert sorted(answer["warnings"]) == [
        "Unknown field 'newer' in instance update is ignored",
        "Unknown field 'value[0].new' in instance update is ignored",
    ]


def test_template_is_changed_by_its_own_routes_alone(call, item, web):
    call("POST", "/instances/templates", [{"name": "web"}])
    triple = {"name": "web", "prop": "autokill", "op": "set", "value": {"time_ms": 60000}}
    done = item("PATCH", "/instances/templates", [triple])
    one = item("PATCH", f"/instances/templates/{web}", {"prop": "tags", "op": "set", "value": ["a"]})
    read = item("GET", f"/instances/templates/{web}")

    assert (done["status"], one["status"]) == ("success", "success")
    assert (read["template_autokill"], read["tags"]) == ({"time_ms": 60000}, ["a"])
    assert item("PATCH", "/instances", [triple])["error"] == 8


def test_template_takes_no_other_property(call, refuse, item, web):
    call("POST", "/instances/templates", [{"name": "web"}])
    message = refuse("PATCH", f"/instances/templates/{web}", {"prop": "env", "op": "set", "value": {}})
    ghost = item("PATCH", "/instances/templates", [{"name": "ghost", "prop": "tags", "op": "set"}])

    assert message == (
        "'prop' in instance template update has value 'env', but expected 'tags', 'delete_lock' or 'autokill'"
    )
    assert (ghost["error"], ghost["message"]) == (8, "No instance template with name 'ghost'")


def test_service_group_is_changed(call, item):
    made = item("POST", "/services", {"name": "grp", "services": SERVICES, "domains": [{"name": "grp"}]})
    more = {"port": 80, "handlers": ["http", "redirect"]}
    triples = [
        {"prop": "services", "op": "add", "value": [more]},
        {"prop": "domains", "op": "add", "value": [{"name": "two"}, {"name": "three"}]},
        {"prop": "domains", "op": "del", "value": ["grp", {"name": "three"}]},
        {"prop": "services", "op": "del", "value": [443]},
        {"prop": "hard_limit", "op": "set", "value": 20},
        {"prop": "soft_limit", "op": "set", "value": 5},
        {"prop": "autokill", "op": "set", "value": {"time_ms": 60000}},
    ]
    envelope = call("PATCH", "/services", [{"name": "grp", **triple} for triple in triples])
    read = item("GET", f"/services/{made['uuid']}")

    assert envelope["status"] == "success"
    assert [service["port"] for service in read["services"]] == [80]
    assert read["domains"] == [{"fqdn": "two.fra.unikraft.app"}]
    assert (read["soft_limit"], read["hard_limit"], read["autokill"]) == (5, 20, {"time_ms": 60000})
    read.pop("status")
    TypeAdapter(ServiceGroup).validate_python(read)


@pytest.mark.parametrize(
    ("prop", "value", "code"),
    [
        ("soft_limit", 65535 + 1, 7),
        ("services", [], 7),
        ("services", [{"port": 53, "protocol": "udp"}], 1),
        ("domains", [{"name": "www"}], 24),
        ("domains", [{"name": "x", "certificate": {"name": "c"}}], 8),
    ],
)
def test_change_of_a_group_that_cannot_be_is_refused(item, prop, value, code):
    made = item("POST", "/services", {"name": "grp", "services": SERVICES})
    path = f"/services/{made['uuid']}"

    assert item("PATCH", path, {"prop": prop, "op": "set", "value": value})["error"] == code
    assert item("GET", path) == made


@pytest.mark.parametrize("way", ["path", "body"])
def test_soft_limit_above_the_hard_one_refuses_the_whole_request(item, refuse, way):
    made = item("POST", "/services", {"name": "grp", "services": SERVICES, "hard_limit": 4})
    triple = {"prop": "soft_limit", "op": "set", "value": 5}
    tags = {"name": "grp", "prop": "autokill", "op": "set", "value": {"time_ms": 1000}}
    path = f"/services/{made['uuid']}"
    asked = (path, triple) if way == "path" else ("/services", [tags, {"name": "grp", **triple}])

    assert refuse("PATCH", *asked) == "'soft_limit' must not be greater than 'hard_limit'"
    assert item("GET", path) == made


@pytest.mark.parametrize(
    ("limits", "fits"),
    [
        ([("soft_limit", 2), ("hard_limit", 3)], True),
        ([("hard_limit", 3), ("soft_limit", 2)], False),
        ([("hard_limit", 10), ("soft_limit", 10)], True),
        ([("soft_limit", None), ("hard_limit", 1)], True),
        ([("hard_limit", None), ("soft_limit", 65535)], True),
        ([("soft_limit", 6)], True),
        ([("soft_limit", 7)], False),
    ],
)
def test_limits_must_fit_after_each_triple(call, item, limits, fits):
    item("POST", "/services", {"name": "grp", "services": SERVICES, "soft_limit": 5, "hard_limit": 6})
    triples = [
        {"name": "grp", "prop": prop, "op": "set", **({} if value is None else {"value": value})}
        for prop, value in limits
    ]

    assert call("PATCH", "/services", triples, status=200 if fits else 400)["status"] == (
        "success" if fits else "error"
    )


def test_limits_of_other_groups_and_of_none_do_not_matter(call, item):
    for name, hard in (("low", 4), ("high", 100)):
        item("POST", "/services", {"name": name, "services": SERVICES, "hard_limit": hard})
    soft = {"prop": "soft_limit", "op": "set", "value": 50}
    out_of_range = {"name": "low", **soft, "value": 70000}
    answer = call("PATCH", "/services", [{"name": "high", **soft}, {"name": "ghost", **soft}, out_of_range])

    assert [one.get("error") for one in answer["data"]["service_groups"]] == [None, 8, 7]


def test_volume_and_volume_template_are_changed(item, refuse):
    volume = item("POST", "/volumes", {"name": "data", "size_mb": 64})["uuid"]
    item("PATCH", "/volumes", [{"name": "data", "prop": "size_mb", "op": "set", "value": 128}])
    item("PATCH", f"/volumes/{volume}", {"prop": "tags", "op": "set", "value": ["a"]})
    read = item("GET", f"/volumes/{volume}")
    item("POST", "/volumes/templates", [{"name": "data"}])
    lock = {"name": "data", "prop": "delete_lock", "op": "set", "value": True}
    item("PATCH", "/volumes/templates", [lock])

    assert (read["size_mb"], read["tags"]) == (128, ["a"])
    assert item("GET", f"/volumes/templates/{volume}")["delete_lock"] is True
    assert item("PATCH", "/volumes", [lock])["error"] == 8
    assert refuse("PATCH", f"/volumes/templates/{volume}", {"prop": "size_mb", "op": "set"}) == (
        "'prop' in volume template update has value 'size_mb', but expected 'tags' or 'delete_lock'"
    )
