"""ROM limits and refusals as a client sees them (specification, Part E.12)."""

from __future__ import annotations

import base64
from uuid import UUID

import pytest

MIB = 1_048_576
IMAGE = {"image": "org/my-rom1:latest"}


@pytest.fixture
def create(item):
    return lambda *roms: item("POST", "/instances", {"image": "org/app:1", "roms": list(roms)})


def files(count):
    return [{"path": f"f{i}", "data": "x"} for i in range(count)]


def test_read_shows_image_roms_pinned_and_inline_ones_by_uuid(create, item, store):
    made = create(
        {"name": "python_function.py", **IMAGE, "at": "/rom/"},
        {"name": "cfg", "files": files(1), "at": "/cfg"},
        {"name": "raw", "files": files(1)},
    )
    roms = item("GET", f"/instances/{made['uuid']}")["roms"]

    pinned = store.by_name["org/my-rom1:latest"].reference
    assert roms[0] == {"name": "python_function.py", "image": pinned, "at": "/rom"}
    assert roms[1].keys() == {"name", "image", "at"}
    assert roms[2].keys() == {"name", "image"}
    assert UUID(roms[1]["image"]) != UUID(roms[2]["image"])


def test_read_has_no_roms_when_there_are_none(create, item):
    assert "roms" not in item("GET", f"/instances/{create()['uuid']}")


@pytest.mark.parametrize(
    "roms",
    [
        [IMAGE] * 8,
        [{"name": "a", "files": files(16)}],
        [{"name": "a", "files": [{"path": "a", "data": "x" * MIB}]}],
        [
            {
                "name": "a",
                "files": [{"path": "a", "data": base64.b64encode(b"x" * MIB).decode(), "encoding": "base64"}],
            }
        ],
        [{"name": "x" * 247, **IMAGE}],
    ],
)
def test_what_is_at_a_limit_is_accepted(create, roms):
    assert create(*roms)["status"] == "success"


@pytest.mark.parametrize(
    ("roms", "code"),
    [
        ([IMAGE] * 9, 5),
        ([{"files": files(17)}], 5),
        ([{"files": [{"path": "a", "data": "x" * (MIB + 1)}]}], 22),
        ([{**IMAGE, "files": files(1)}], 17),
        ([{"name": "a"}], 7),
        ([{"files": []}], 7),
        ([{"name": "a", **IMAGE}, {"name": "a", **IMAGE}], 23),
        ([{"name": "a/b", **IMAGE}], 7),
        ([{"name": "", **IMAGE}], 7),
        ([{"name": "x" * 248, **IMAGE}], 7),
        ([{**IMAGE, "at": "rom"}], 7),
        ([{**IMAGE, "at": "/rom/.."}], 7),
        ([{**IMAGE, "at": "/rom:ro"}], 7),
        ([{**IMAGE, "at": "/rom"}, {**IMAGE, "at": "/rom"}], 7),
        ([{"files": [{"path": "", "data": ""}]}], 7),
        ([{"files": [{"path": "../a", "data": ""}]}], 7),
        ([{"files": [{"path": "a", "data": ""}, {"path": "/a", "data": ""}]}], 7),
        ([{"files": [{"path": "a", "data": "*", "encoding": "base64"}]}], 7),
    ],
)
def test_what_is_beyond_is_refused_with_its_code(create, call, roms, code):
    made = create(*roms)

    assert made.keys() == {"status", "message", "error"}
    assert (made["status"], made["error"]) == ("error", code)
    assert call("GET", "/instances")["data"]["instances"] == []
