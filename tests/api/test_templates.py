"""Templates, clones and branches through the API (specification, B.1 rows 1 and 22 to 28, D.9 to D.11)."""

from __future__ import annotations

from concurrent.futures import wait

import pytest
from pydantic import TypeAdapter

from ukrom.api.shapes.answers import answer_shape
from ukrom.api.shapes.instances import Instance, SeenInstance

GHOST = "00000000-0000-4000-8000-00000000dead"
APP = {"image": "org/app:1"}
BASE = {"name": "base", "at": "/base", "files": [{"path": "a", "data": "A"}]}
JOB = {"name": "job", "at": "/job", "files": [{"path": "id", "data": "1"}]}
PATH = "/instances/templates"


def prepared(name="tpl", **fields):
    return {"name": name, "prepare": True, "create_args": dict(APP), **fields}


@pytest.fixture
def template(item):
    item("POST", "/instances", {**APP, "name": "tpl", "roms": [BASE], "tags": ["a"]})
    return item("POST", PATH, [{"name": "tpl"}])


@pytest.fixture
def names(call):
    """Names of a listing."""
    return lambda path: [one["name"] for one in call("GET", path)["data"]["instances"]]


def test_instance_becomes_a_template_in_place(call, item, names):
    made = item("POST", "/instances", {**APP, "name": "tpl", "autostart": True, "timeout_s": 5})
    envelope = call("POST", PATH, [{"name": "tpl", "timeout_s": 5, "autokill": {"time_ms": 60000}}])
    TypeAdapter(answer_shape(SeenInstance, "instances")).validate_python(envelope)
    read = item("GET", f"{PATH}/{made['uuid']}")

    assert envelope["data"]["instances"] == [
        {"status": "success", "uuid": made["uuid"], "name": "tpl", "state": "template"}
    ]
    assert (read["state"], read["template_autokill"]) == ("template", {"time_ms": 60000})
    assert read["snapshot"]["uuid"]
    assert not {"autokill", "start_count", "network_interfaces", "uptime_ms"} & set(read)
    assert (names("/instances"), names(PATH)) == ([], ["tpl"])


def test_conversion_takes_one_object_too(item):
    item("POST", "/instances", {**APP, "name": "tpl"})

    assert item("POST", PATH, {"name": "tpl"})["state"] == "template"


def test_other_actions_do_not_take_one_object(refuse, item):
    item("POST", "/instances", {**APP, "name": "web"})

    assert "expected 'array'" in refuse("PUT", "/instances/start", {"name": "web"})


def test_conversion_without_a_wait_tells_the_state_it_left(item, slow_runner):
    item("POST", "/instances", {**APP, "name": "tpl", "autostart": True})
    slow_runner.machines[0].boot()
    slow_runner.machines[0].suspend = lambda uuid: None

    assert item("POST", PATH, [{"name": "tpl"}])["state"] == "stopping"


def test_conversion_that_takes_too_long_lapses(call, slow_runner):
    call("POST", "/instances", {**APP, "name": "tpl", "autostart": True})
    slow_runner.machines[0].boot()
    slow_runner.machines[0].suspend = lambda uuid: None
    envelope = call("POST", PATH, [{"name": "tpl", "timeout_s": 1}])

    assert (envelope["status"], envelope["message"]) == ("error", "Operation timed out")
    assert envelope["data"]["instances"][0]["state"] == "stopping"


def test_conversion_whose_machine_dies_is_told(item, slow_runner, threads, asleep):
    item("POST", "/instances", {**APP, "name": "tpl", "autostart": True})
    (machine,) = slow_runner.machines
    machine.boot()
    machine.suspend = lambda uuid: None
    future = threads.submit(item, "POST", PATH, [{"name": "tpl", "timeout_s": 5}])
    asleep(1)
    machine.crash(1)

    failed = future.result(5)
    assert failed["error"] == 10
    assert failed["message"].startswith("Failed to create instance template: the machine ended")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ([{"name": "ghost"}], 8),
        ([{"name": "tpl"}], 8),
        ([{"name": "web", "uuid": GHOST}], 17),
        ([{}], 13),
        ([{"name": "web", "autokill": {"time_ms": -1}}], 7),
    ],
)
def test_what_cannot_become_a_template_is_refused(item, template, body, code):
    item("POST", "/instances", {**APP, "name": "web"})

    assert item("POST", PATH, body)["error"] == code


@pytest.mark.parametrize(
    "body",
    [
        [{"name": "web", "force": True}],
        [{"name": "web", "timeout_s": -2}],
        [{"name": "web", "autokill": {"num_requests": 1}}],
        [{"name": "web", "autokill": None}],
        {"name": 1},
        b"{",
    ],
)
def test_conversion_that_is_not_understood_is_refused(refuse, body):
    content = body if isinstance(body, bytes) else None

    assert refuse("POST", PATH, None if content else body, content=content)


def test_batch_goes_item_by_item(call):
    call("POST", "/instances", {**APP, "name": "a"})
    envelope = call("POST", PATH, [{"name": "a"}, {"name": "ghost"}])

    assert envelope["status"] == "partial_success"
    assert [one["status"] for one in envelope["data"]["instances"]] == ["success", "error"]


def test_templates_are_read_in_every_form(call, item, template):
    listed = call("GET", f"{PATH}?details=true&tags=a")
    TypeAdapter(answer_shape(Instance, "instances")).validate_python(listed)

    assert [one["state"] for one in listed["data"]["instances"]] == ["template"]
    assert call("GET", f"{PATH}?tags=b")["data"]["instances"] == []
    assert item("GET", PATH) == {"status": "success", "uuid": template["uuid"], "name": "tpl"}
    for path in (f"{PATH}?name=tpl", f"{PATH}?uuid={template['uuid']}", f"{PATH}/{template['uuid']}"):
        assert item("GET", path)["roms"][0]["name"] == "base"


def test_template_and_instance_are_not_found_as_the_other(item, template):
    item("POST", "/instances", {**APP, "name": "web"})

    assert item("GET", f"{PATH}?name=web")["message"] == "No instance template with name 'web'"
    for method, path in (("GET", "/instances?name=tpl"), ("GET", f"/instances/{template['uuid']}")):
        assert item(method, path)["error"] == 8
    for path in ("/instances", "/instances/start", "/instances/stop"):
        method = "DELETE" if path == "/instances" else "PUT"
        assert item(method, path, [{"name": "tpl"}])["error"] == 8


def test_deleted_template_leaves_its_clones_alone(cloud, item, template, names):
    clone = item("POST", "/instances", {"template": {"name": "tpl"}, "name": "job"})
    deleted = item("DELETE", PATH, [{"name": "tpl"}])
    read = item("GET", f"/instances/{clone['uuid']}")

    assert deleted == {"status": "success", "uuid": template["uuid"], "name": "tpl"}
    assert names(PATH) == []
    assert [rom["name"] for rom in read["roms"]] == ["base"]
    assert item("PUT", "/instances/start", [{"name": "job", "timeout_s": 5}])["state"] == "running"


def test_locked_template_is_not_deleted(item, template):
    lock = {"prop": "delete_lock", "op": "set", "value": True}
    item("PATCH", f"{PATH}/{template['uuid']}", lock)
    failed = item("DELETE", f"{PATH}/{template['uuid']}")

    assert (failed["error"], failed["message"]) == (14, "Deletion protection enabled")
    assert item("GET", f"{PATH}/{template['uuid']}")["delete_lock"] is True


def test_clone_shows_what_it_inherits_and_adds(item, template):
    body = {"name": "job", "template": {"name": "tpl"}, "roms": [JOB], "autostart": True, "timeout_s": 5}
    made = item("POST", "/instances", body)
    read = item("GET", f"/instances/{made['uuid']}")
    source = item("GET", f"{PATH}/{template['uuid']}")

    assert made["state"] == "running"
    assert [rom["name"] for rom in read["roms"]] == ["base", "job"]
    assert read["roms"][0] == source["roms"][0]
    assert (read["image"], read["args"], read["env"]) == (source["image"], source["args"], source["env"])
    assert read["tags"] == []


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"template": {"name": "ghost"}}, 8),
        ({"template": {"name": "tpl"}, **APP}, 17),
        ({"template": {"name": "tpl"}, "env": {}}, 17),
        ({"template": {"name": "tpl"}, "args": []}, 17),
        ({"template": {"name": "tpl"}, "memory_mb": 128}, 17),
        ({"template": {"name": "tpl"}, "branch_from": {"name": "web"}}, 17),
        ({"template": {"name": "tpl"}, "roms": [{**JOB, "name": "base"}]}, 23),
        ({"template": {"name": "tpl"}, "roms": [{**JOB, "at": "/base"}]}, 7),
        ({"template": {"name": "tpl"}, "name": "tpl"}, 23),
        ({"branch_from": {"name": "tpl"}}, 11),
        ({"branch_from": {"name": "ghost"}}, 8),
        ({"checkpoint": {"name": "tpl"}}, 1),
        ({"name": "web"}, 7),
    ],
)
def test_create_without_one_good_origin_is_refused(item, template, names, body, code):
    assert item("POST", "/instances", body)["error"] == code
    assert names("/instances") == []


@pytest.mark.parametrize(
    "template",
    [
        {"name": "tpl", "uuid": GHOST},
        {},
        {"name": "tpl", "create_args": APP},
        {"uuid": GHOST, "prepare": True, "create_args": APP},
        prepared(prepare_timeout_s=-1),
        prepared(create_args={**APP, "name": "x"}),
        prepared(create_args={**APP, "service_group": {}}),
    ],
)
def test_template_that_is_not_understood_is_refused(refuse, template):
    assert refuse("POST", "/instances", {"template": template})


def test_image_of_a_template_to_be_made_is_a_plain_reference(refuse):
    message = refuse(
        "POST", "/instances", {"template": prepared(create_args={"image": {"url": "org/app:1"}})}
    )

    assert message == (
        "'template.create_args.image' in instance creation arguments has type 'object', but expected 'string'"
    )


def test_template_is_prepared_and_cloned_in_one_call(item, names):
    body = {"name": "job", "template": prepared(autokill={"time_ms": 5000}), "roms": [JOB], "autostart": True}
    made = item("POST", "/instances", body)
    template = item("GET", f"{PATH}?name=tpl")

    assert (made["name"], names("/instances"), names(PATH)) == ("job", ["job"], ["tpl"])
    assert template["template_autokill"] == {"time_ms": 5000}
    assert "roms" not in template


def test_array_of_creates_prepares_each_template_once(call, runner):
    bodies = [
        {"name": "a", "template": prepared()},
        {**APP, "name": "b"},
        {"name": "c", "template": prepared()},
    ]
    envelope = call("POST", "/instances", bodies)

    assert [one["name"] for one in envelope["data"]["instances"]] == ["a", "b", "c"]
    assert len(runner.machines) == 1


def test_replicas_of_a_prepared_clone_are_an_item_each(call):
    envelope = call(
        "POST",
        "/instances",
        {"name": "job", "template": prepared(), "replicas": 2, "autostart": True, "timeout_s": 5},
    )
    items = envelope["data"]["instances"]

    assert [one["state"] for one in items] == ["running"] * 3
    assert all(one["boot_time_us"] < 10_000 for one in items)


def test_template_that_is_never_written_lapses_and_is_gone(call, runner, names):
    runner.never_template("org/app")
    envelope = call("POST", "/instances", {"template": prepared(prepare_timeout_s=1)})
    (item,) = envelope["data"]["instances"]

    assert (envelope["status"], envelope["message"]) == ("error", "Operation timed out")
    assert (item["name"], item["state"]) == ("tpl", "running")
    assert "error" not in item
    assert names("/instances") == names(PATH) == []


def test_guest_that_stops_before_it_writes_is_told_without_a_code(call, runner, threads, asleep, names):
    runner.never_template("org/app")
    future = threads.submit(call, "POST", "/instances", {"template": prepared()})
    asleep(1)
    runner.machines[0].exit(3)
    envelope = future.result(5)
    (item,) = envelope["data"]["instances"]

    assert (item["status"], item["name"], item["state"]) == ("error", "tpl", "stopped")
    assert item["message"].startswith("Instance stopped before it became a template:")
    assert "error" not in item
    assert names("/instances") == ["tpl"]


def test_threads_that_prepare_one_template_converge(call, runner, threads, asleep, names):
    runner.never_template("org/app")
    futures = [threads.submit(call, "POST", "/instances", {"template": prepared()}) for _ in range(8)]
    asleep(8)
    runner.machines[0].write_template()
    wait(futures, 10)

    assert {future.result()["status"] for future in futures} == {"success"}
    assert (len(runner.machines), names(PATH), len(names("/instances"))) == (1, ["tpl"], 8)


def test_running_instance_is_branched(item):
    item("POST", "/instances", {**APP, "name": "web", "autostart": True, "roms": [BASE]})
    made = item(
        "POST",
        "/instances",
        {"name": "copy", "branch_from": {"name": "web"}, "autostart": True, "timeout_s": 5},
    )
    read = item("GET", "/instances?name=copy")

    assert (made["state"], read["roms"][0]["name"]) == ("running", "base")
    assert made["boot_time_us"] < 10_000
    assert item("GET", "/instances?name=web")["state"] == "running"


def test_network_settings_read_back(item):
    body = {
        **APP,
        "name": "web",
        "gateway": "10.0.0.1",
        "nameserver": "10.0.0.2",
        "network_interfaces": [{"name": "lan"}, {"autoconfig": False}],
        "autokill": {"time_ms": 5, "num_requests": 6},
    }
    item("POST", "/instances", body)
    read = item("GET", "/instances?name=web")

    assert (read["gateway"], read["nameserver"]) == ("10.0.0.1", "10.0.0.2")
    assert [one["name"] for one in read["network_interfaces"]] == ["lan", "web-eth1"]
    assert [one.get("autoconfig") for one in read["network_interfaces"]] == [None, False]
    assert read["autokill"] == {"time_ms": 5, "num_requests": 6}
