"""Random triples: whatever they say, an instance is left as it may be."""

from __future__ import annotations

from contextlib import contextmanager, suppress

import httpx
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from ukrom.api import Api, InProcessTransport
from ukrom.api.models.patched import INSTANCE
from ukrom.api.shapes import Instance, answer_shape
from ukrom.cloud import Cloud, Ref, Refusal, StopOrder, StubRunner

from .conftest import FRA, MemoryStore

ANSWER = TypeAdapter(answer_shape(Instance, "instances"))
LIVE = {"starting", "running", "draining", "stopping"}
CLEARED = {
    "args": ["/app"],
    "env": {"A": "1"},
    "memory_mb": 128,
    "vcpus": 1,
    "tags": [],
    "delete_lock": False,
    **dict.fromkeys(("scale_to_zero", "autokill", "roms", "sched_priority", "schedules", "plugins"), None),
    "annotations": None,
}

words = st.sampled_from(["a", "b", "c", "rom", "r-1", "", "no good", "x" * 300])
paths = st.sampled_from(["/a", "/b", "/a/b", "a", "/..", "/"])
files = st.lists(st.fixed_dictionaries({"path": words, "data": words}), max_size=3)
roms = st.fixed_dictionaries(
    {},
    optional={
        "name": words,
        "at": paths,
        "files": files,
        "image": st.sampled_from(["org/cfg:1", "org/ghost:1"]),
    },
)
good_roms = st.builds(
    lambda name, at, data: {"name": name, "at": at, "files": [{"path": "f", "data": data}]},
    st.sampled_from([f"rom{n}" for n in range(12)]),
    st.sampled_from([f"/m{n}" for n in range(12)]),
    words,
)
VALUES = {
    "image": st.sampled_from(["org/app:1", "org/http-python:latest", "org/ghost:1", "", "::"]),
    "args": st.lists(words, max_size=4) | words,
    "env": st.dictionaries(words, words, max_size=3) | st.lists(words, max_size=3),
    "memory_mb": st.integers(-1, 9000),
    "vcpus": st.integers(-1, 40),
    "scale_to_zero": st.fixed_dictionaries(
        {"policy": st.sampled_from(["on", "off", "idle"])},
        optional={"stateful": st.booleans(), "cooldown_time_ms": st.integers(60_000, 90_000_000)},
    ),
    "tags": st.lists(words | st.sampled_from([f"t{n}" for n in range(20)]), max_size=20),
    "delete_lock": st.booleans(),
    "schedules": st.just([]) | st.just([{"name": "s"}]),
    "autokill": st.fixed_dictionaries({}, optional={"time_ms": st.integers(-1, 1) | st.just(10**9)}),
    "hostname": words,
    "roms": st.lists(good_roms, max_size=9) | st.lists(roms, max_size=3) | st.lists(words, max_size=2),
    "dependencies": st.lists(st.sampled_from(["web", "other", "ghost"]), max_size=2),
    "sched_priority": st.sampled_from(["normal", "high", "admin"]),
    "plugins": st.just([]) | st.just(["p"]),
    "annotations": st.dictionaries(words, words | st.just("\x07"), max_size=3),
}
anything = st.none() | st.integers() | st.text(max_size=3) | st.lists(st.integers(), max_size=2)


@st.composite
def triples(draw):
    prop = draw(st.sampled_from([*VALUES, "name", "nothing"]))
    triple = {"prop": prop, "op": draw(st.sampled_from(["set", "set", "add", "del"]))}
    if draw(st.integers(0, 4)):
        value = VALUES.get(prop, anything)
        triple["value"] = draw(value if draw(st.integers(0, 5)) else anything)
    return triple


steps = st.lists(triples() | st.sampled_from(["start", "stop", "suspend"]), max_size=15)


@contextmanager
def platform():
    store = MemoryStore()
    store.put("org/app:1", args=("/app",), env={"A": "1"})
    store.put("org/http-python:latest")
    store.put("org/cfg:1", rom=True)
    cloud = Cloud(runner=StubRunner(), images=store, seed=1)
    headers = {"authorization": "Bearer token"}
    with httpx.Client(transport=InProcessTransport(Api(cloud)), base_url=FRA, headers=headers) as client:
        for name in ("web", "other"):
            group = {"services": [{"port": 443}]}
            client.post("/instances", json={"image": "org/app:1", "name": name, "service_group": group})
        yield client, cloud.space(cloud.account("token"))
    cloud.close()


def read(client):
    answer = client.get("/instances?name=web")
    ANSWER.validate_json(answer.content)
    return answer.json()["data"]["instances"][0]


def change(client, triple):
    """Make a change, and tell whether it was made."""
    answer = client.patch("/instances", json=[{"name": "web", **triple}])
    assert answer.status_code in {200, 400}, answer.text
    return answer.json()["status"] == "success"


def move(space, step):
    """Start, stop or suspend the instance, if that is possible."""
    web = space.instance(Ref(name="web"))
    with space.cloud.guard, suppress(Refusal):
        if step == "start":
            space.cloud.lifecycle.start(web)
        elif step == "stop":
            space.cloud.lifecycle.stop(web, StopOrder())
        else:
            space.cloud.lifecycle.suspend(web, 0)


def check(web, space):
    roms = web.get("roms", [])
    mounts = [rom["at"] for rom in roms if "at" in rom]

    assert 16 <= web["memory_mb"] <= 8192
    assert 1 <= web["vcpus"] <= 32
    assert len(set(web["tags"])) == len(web["tags"]) <= 16
    assert len({rom["name"] for rom in roms}) == len(roms) <= 8
    assert len(set(mounts)) == len(mounts)
    inline = {rom["image"] for rom in roms if len(rom["image"]) == 36}
    assert {str(uuid) for uuid in space.inline_images} == inline
    waiting = [update for update in web.get("updates", []) if update["status"] == "pending"]
    assert not waiting or web["state"] in LIVE or "snapshot" in web


@settings(max_examples=150, deadline=None)
@given(steps)
def test_instance_is_left_as_it_may_be(steps):
    with platform() as (client, space):
        for step in steps:
            before = read(client)
            made = change(client, step) if isinstance(step, dict) else move(space, step)
            after = read(client)

            check(after, space)
            assert made is not False or after == before | {"uptime_ms": after["uptime_ms"]}


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_what_is_set_and_cleared_is_as_it_was(data):
    prop = data.draw(st.sampled_from(sorted(CLEARED)))
    value = data.draw(VALUES[prop])
    with platform() as (client, _):
        change(client, {"prop": prop, "op": "set", "value": value})

        assert change(client, {"prop": prop, "op": "set"})
        assert read(client).get(prop) == CLEARED[prop]


def test_random_values_are_there_for_every_property():
    assert set(VALUES) == set(INSTANCE)
    assert set(CLEARED) == set(INSTANCE) - {"image", "hostname", "dependencies"}
