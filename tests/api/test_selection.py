"""Whom a request means, in every form that is accepted (specification, Parts A.10 to A.12)."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

import pytest

from ukrom.api.query import Query
from ukrom.api.selection import page
from ukrom.cloud import Limits

APP = {"image": "org/app:1"}
NAMES = ("a", "b", "c")


@pytest.fixture
def uuids(call):
    body = [{**APP, "name": name} for name in NAMES]
    return {item["name"]: item["uuid"] for item in call("POST", "/instances", body)["data"]["instances"]}


@pytest.fixture
def names(call):
    def do(path, body=None, method="GET"):
        return [item.get("name") for item in call(method, path, body)["data"]["instances"]]

    return do


def test_query_is_repeated(names, uuids):
    assert names(f"/instances?uuid={uuids['a']}&uuid={uuids['c']}&name=b") == ["a", "c", "b"]


def test_query_is_joined_by_commas(names, uuids):
    assert names(f"/instances?uuid={uuids['a']},{uuids['c']}") == ["a", "c"]
    assert names(f"/instances?uuid={uuids['a']}%2C{uuids['c']}") == ["a", "c"]


def test_body_and_query_are_united(names, uuids):
    assert names(f"/instances?name=b&uuid={uuids['c']}", [{"name": "a"}]) == ["a", "c", "b"]


def test_reference_that_is_given_twice_is_meant_once(names, uuids):
    assert names("/instances?name=b&name=b", [{"name": "b"}]) == ["b"]
    assert names(f"/instances?uuid={uuids['a'].upper()}&uuid={uuids['a']}") == ["a"]


KINDS = {
    "instances": ("/instances", APP),
    "services": ("/services", {"services": [{"port": 443}]}),
    "volumes": ("/volumes", {"size_mb": 8}),
    "templates": ("/instances/templates", APP),
    "volume templates": ("/volumes/templates", {"size_mb": 8}),
    "metrics": ("/instances/metrics", APP),
    "history": ("/instances/history", APP),
    "logs": ("/instances/log", APP),
    "waits": ("/instances/wait", APP),
}


@pytest.fixture
def made(call, item):
    """Make something of a kind, called `s1`, and give the path of its kind and its UUID."""

    def do(kind):
        path, body = KINDS[kind]
        base = f"/{path.split('/')[1]}"
        uuid = item("POST", base, {**body, "name": "s1"})["uuid"]
        if "templates" in kind:
            call("POST", path, [{"uuid": uuid}])
        return path, uuid

    return do


@pytest.mark.parametrize("kind", KINDS)
def test_name_and_uuid_of_one_resource_mean_it_once(client, made, kind):
    path, uuid = made(kind)
    body = [{"name": "s1", "state": "stopped"}] if kind == "waits" else None
    asked = {"json": body, "headers": {"accept": "application/json"}}
    answer = client.request("GET", f"{path}?name=s1&uuid={uuid}&details=false", **asked)
    (items,) = answer.json()["data"].values()
    (found,) = items

    assert (found["uuid"], found["name"]) == (uuid, "s1")


def test_references_in_the_body_of_a_read_are_filters_too(names, uuids):
    assert names("/instances", [{"name": "a"}, {"uuid": uuids["a"]}, {"name": "b"}]) == ["a", "b"]


def test_filters_of_an_action_mean_a_resource_once(names, uuids):
    assert names(f"/instances?name=a&uuid={uuids['a']}", method="DELETE") == ["a"]
    assert names(f"/instances/start?name=b&uuid={uuids['b']}&uuid={uuids['c']}", method="PUT") == ["b", "c"]


def test_body_of_an_action_is_done_as_often_as_it_is_said(call, uuids):
    body = [{"name": "a"}, {"uuid": uuids["a"]}]

    assert len(call("PUT", "/instances/start", body)["data"]["instances"]) == 2


def test_missing_ones_are_told_each(call):
    ghosts = f"name=ghost&uuid={UUID(int=1)}&uuid={UUID(int=2)}"

    assert [one["error"] for one in call("GET", f"/instances?{ghosts}")["data"]["instances"]] == [8, 8, 8]


@pytest.mark.parametrize("way", ["query", "body", "path"])
@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_reads_and_deletes_take_every_form(names, uuids, method, way):
    path, body = {
        "query": (f"/instances?uuid={uuids['b']}", None),
        "body": ("/instances", [{"uuid": uuids["b"]}]),
        "path": (f"/instances/{uuids['b']}", None),
    }[way]

    assert names(path, body, method) == ["b"]
    assert names("/instances") == (["a", "b", "c"] if method == "GET" else ["a", "c"])


@pytest.mark.parametrize("filters", ["uuid=web", "uuid=web&name=a", "uuid=", "uuid=%00", "uuid=%FF"])
def test_name_in_the_uuid_filter_is_refused(refuse, uuids, filters):
    assert refuse("GET", f"/instances?{filters}").startswith("Invalid uuid '")


def test_name_in_the_uuid_filter_is_quoted(refuse):
    assert refuse("GET", "/instances?uuid=web") == "Invalid uuid 'web'"
    assert refuse("DELETE", "/instances/web") == "Invalid uuid 'web'"
    assert refuse("DELETE", "/instances", [{"uuid": "web"}]) == "Invalid uuid 'web'"


def test_missing_ones_stand_beside_those_that_are_there(call, uuids):
    envelope = call("GET", "/instances?name=a&name=ghost")

    assert envelope["status"] == "partial_success"
    assert [(item["name"], item["status"]) for item in envelope["data"]["instances"]] == [
        ("a", "success"),
        ("ghost", "error"),
    ]


def test_tags_are_joined_by_plain_commas_and_hold_encoded_ones():
    assert Query("tags=a%2Cb,c").tags() == {"a,b", "c"}
    assert Query("tags=a%2cb&tags=c").tags() == {"a,b", "c"}
    assert Query("tags=").tags() == frozenset()


def test_tags_must_all_be_there(call, names):
    call(
        "POST", "/instances", [{**APP, "name": "x", "tags": ["a", "c"]}, {**APP, "name": "y", "tags": ["a"]}]
    )

    assert names("/instances?tags=a") == ["x", "y"]
    assert names("/instances?tags=c,a") == ["x"]
    assert names("/instances?tags=c%2Ca") == []


def test_creates_take_an_object_or_an_array(names):
    assert names("/instances", {**APP, "name": "one"}, "POST") == ["one"]
    assert names("/instances", [{**APP, "name": "two"}, {**APP, "name": "three"}], "POST") == ["two", "three"]


def test_cursor_counts_from_either_end(names, uuids):
    assert names(f"/instances?from={uuids['b']}") == ["b", "c"]
    assert names(f"/instances?from={uuids['b']}&order=desc") == ["b", "a"]
    assert names(f"/instances?from={uuids['b']}&count=1") == ["b"]
    assert names("/instances?count=2&order=desc") == ["c", "b"]


class Listed:
    """An item that counts how often it is looked at."""

    looks = 0

    def __init__(self, number):
        self._uuid = UUID(int=number)

    @property
    def uuid(self):
        Listed.looks += 1
        return self._uuid


@pytest.mark.parametrize(("query", "looks"), [("count=10", 0), ("count=10&order=desc", 0), ("", 0)])
def test_page_without_a_cursor_looks_at_nothing_else(query, looks):
    Listed.looks = 0
    found = list(page([Listed(number) for number in range(10_000)], Query(query)))

    assert len(found) == (10 if query else 10_000)
    assert Listed.looks == looks


def test_page_at_a_cursor_looks_no_further_than_there():
    Listed.looks = 0
    found = list(page([Listed(number) for number in range(10_000)], Query(f"count=10&from={UUID(int=500)}")))

    assert [item.uuid.int for item in found] == list(range(500, 510))
    assert Listed.looks == 501 + 10


def test_pages_of_ten_thousand_are_the_whole(client, call, cloud):
    cloud.settings = replace(cloud.settings, limits=Limits(instances=10_000))
    call("POST", "/instances", [APP] * 10_000)
    whole = [item["uuid"] for item in call("GET", "/instances")["data"]["instances"]]
    seen, cursor = [], ""
    while len(found := client.get(f"/instances?count=1001{cursor}").json()["data"]["instances"]) == 1001:
        seen += [item["uuid"] for item in found[:-1]]
        cursor = f"&from={found[-1]['uuid']}"

    assert len(whole) == 10_000
    assert seen + [item["uuid"] for item in found] == whole
