from __future__ import annotations

import json

import pytest
from pydantic import TypeAdapter, ValidationError

from ukrom.api.shapes import Authorization, Instance, QuotaList, Reference, Updated, answer_shape

UUID = "01234567-89ab-4def-8123-456789abcdef"
GOOD = {"status": "success", "uuid": UUID, "name": "web"}
FAILED = {"status": "error", "name": "ghost", "message": "No instance with name 'ghost'", "error": 8}


def read(shape, key, held, **envelope):
    whole = {"status": "success", "data": held, "op_time_us": 46, **envelope}
    return TypeAdapter(answer_shape(shape, key)).validate_json(json.dumps(whole))


def read_item(item, shape=Instance):
    return read(shape, "instances", {"instances": [item]})["data"]["instances"][0]


def test_items_that_succeeded_and_failed_stand_beside_each_other():
    found = read(Instance, "instances", {"instances": [GOOD, FAILED]}, status="partial_success")

    assert found["data"]["instances"] == [GOOD, FAILED]


def test_item_of_a_lapsed_wait_has_no_error_code():
    lapsed = {"status": "error", "uuid": UUID, "name": "web", "state": "starting"}

    assert read_item(lapsed) == lapsed


def test_data_without_items_is_read_by_its_own_shape():
    whose = {
        "organization_name": "org",
        "organization_display_name": "Org",
        "organization_uuid": UUID,
        "registry": "index.unikraft.io",
    }

    assert read(Authorization, "", whose)["data"] == whose


def test_tag_of_a_patch_comes_back():
    assert read_item({**GOOD, "id": "mine"}, Updated)["id"] == "mine"


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"colour": "red"}, "colour"),
        ({"memory_mb": "128"}, "memory_mb"),
        ({"memory_mb": 128.0}, "memory_mb"),
        ({"memory_mb": True}, "memory_mb"),
        ({"memory_mb": -1}, "memory_mb"),
        ({"state": "asleep"}, "state"),
        ({"created_at": ""}, "created_at"),
        ({"created_at": "2026-05-28T13:53:40+02:00"}, "created_at"),
        ({"stopped_at": None}, "stopped_at"),
        ({"uuid": "not-a-uuid"}, "uuid"),
        ({"uuid": UUID.upper()}, "uuid"),
        ({"env": {"A": 1}}, "env"),
        ({"exit_code": 256}, "exit_code"),
        ({"services": ["443"]}, "services"),
        ({"roms": [{"name": "data"}]}, "roms"),
        ({"roms": [{"name": "data", "image": "x", "size": 1}]}, "roms"),
        ({"error": 8}, "error"),
    ],
)
def test_what_is_not_in_the_shape_is_refused(change, place):
    with pytest.raises(ValidationError) as refused:
        read_item({**GOOD, **change})

    assert all(place in problem["loc"] for problem in refused.value.errors())


@pytest.mark.parametrize("field", ["status", "uuid", "name"])
def test_what_every_item_needs_is_missed(field):
    with pytest.raises(ValidationError):
        read_item({key: value for key, value in GOOD.items() if key != field})


@pytest.mark.parametrize(
    "envelope", [{"status": "failure"}, {"op_time_us": None}, {"data": {}}, {"data": None}, {"extra": 1}]
)
def test_envelope_of_another_form_is_refused(envelope):
    with pytest.raises(ValidationError):
        read(Reference, "instances", {"instances": [GOOD]}, **envelope)


def test_quotas_are_all_counts():
    used = {"instances": 1, "live_vcpus": -1}
    quota = {"status": "success", "uuid": UUID, "used": used, "hard": {}, "limits": {}}

    with pytest.raises(ValidationError, match="live_vcpus"):
        read(QuotaList, "", {"quotas": [quota]})
