"""The judgement of answers is one that can fail."""

from __future__ import annotations

import json

import pytest

from .answers import faults
from .sdk_operations import operation_of, operations

UUID = "00000000-0000-4000-8000-000000000001"
GOOD = {"status": "success", "uuid": UUID, "name": "web"}
MISSING = {"status": "error", "name": "web", "message": "No instance with name 'web'", "error": 8}


def judge(envelope, *, status=200, method="GET", path="/v1/instances", surface="platform"):
    return faults(surface, method, path, status, json.dumps({"op_time_us": 1, **envelope}).encode())


def items(*items, **fields):
    return {"status": "success", "data": {"instances": list(items)}, **fields}


def test_good_answers_have_no_faults():
    failed = {"status": "error", "message": "Failed to perform all operations"}

    assert judge(items(GOOD)) == []
    assert judge(items(MISSING, **failed)) == []
    assert judge(items(GOOD, MISSING, status="partial_success", message="Some failed")) == []
    assert (
        judge({"status": "error", "message": "no", "errors": [{"status": 400, "message": "no"}]}, status=400)
        == []
    )


def test_lapsed_wait_is_good_without_a_code():
    item = {"status": "error", "uuid": UUID, "name": "web", "state": "starting"}
    envelope = items(item, status="error", message="Operation timed out")

    assert judge(envelope, path="/v1/instances/wait") == []


@pytest.mark.parametrize(
    ("envelope", "fault"),
    [
        (items({**GOOD, "colour": "red"}), "colour"),
        (items({**GOOD, "service_group": {"colour": "red"}}), "colour"),
        (items({**GOOD, "memory_mb": "128"}), "memory_mb"),
        (items({**GOOD, "state": "asleep"}), "state"),
        (items(GOOD, colour="red"), "colour"),
        (items(GOOD, status="failure"), "failure"),
        (items(GOOD, op_time_us=None), "op_time_us"),
        (items(MISSING), "1 of 1 items failed"),
        (items(GOOD, MISSING, status="error", message="no"), "1 of 2 items failed"),
        (items(MISSING, status="error"), "without a message"),
        (items(MISSING, status="error", message="no", errors=[{"status": 404}]), "`errors` in a 200"),
        (items({**MISSING, "error": 404}, status="error", message="no"), "404"),
        (items({"status": "error", "name": "web"}, status="error", message="no"), "neither code nor state"),
    ],
)
def test_faults_are_found(envelope, fault):
    assert fault in " ".join(judge(envelope))


@pytest.mark.parametrize(
    ("envelope", "status"),
    [
        ({"status": "success"}, 400),
        ({"status": "error", "message": "no", "data": {"instances": [GOOD]}}, 400),
        ({"status": "error", "message": "no", "errors": [{"status": 404}]}, 400),
        ({"status": "error", "message": "no"}, 500),
        ({"status": "error"}, 404),
    ],
)
def test_faults_of_refusals_are_found(envelope, status):
    assert judge(envelope, status=status)


def test_what_is_no_json_object_is_found():
    assert faults("platform", "GET", "/v1/instances", 200, b"<html>")
    assert faults("platform", "GET", "/v1/instances", 200, b"[]")


def test_every_operation_of_the_sdk_is_known():
    counts = {
        surface: sum(1 for one in operations() if one.surface == surface)
        for surface in ("platform", "controlplane")
    }

    # All of Part 0.3 but the two event streams and what answers with nothing.
    assert counts["platform"] == 89
    assert counts["controlplane"] >= 16


def test_literal_paths_win_over_uuids():
    assert operation_of("platform", "GET", "/v1/instances/wait").name == "wait_instances"
    assert operation_of("platform", "GET", f"/v1/instances/{UUID}").name == "get_instance_by_uuid"
    assert operation_of("platform", "PUT", f"/v1/instances/{UUID}") is None
