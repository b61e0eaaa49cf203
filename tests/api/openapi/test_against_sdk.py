"""No path, field or enum value that the official SDK knows of our resources is missing."""

from __future__ import annotations

import re

import pytest

from ukrom.api import CONTROL_PLANE, NOT_EMULATED, PLATFORM
from ukrom.api.openapi import document

from .comparison import Schema, entry, missing
from .sdk_operations import operations

EXCLUDED = {
    r"platform: \w+ /v1/certificates.*": "certificates come with the second half of the API",
    r"platform: \w+ /v1/services/(\{uuid\}/)?autoscale.*": "autoscale comes with the second half",
    r"platform: \w+ /v1/instances/checkpoints.*": "checkpoints come with the second half",
    r"platform: GET /v1/audit": "the audit stream comes with the second half",
    r"controlplane: POST /v1/auth/.*": "B.8: signing in needs a browser; any token is good here",
    r"controlplane: \w+ /v1/nodes.*": "nodes are of no use to a client of the platform",
}
NOT_TO_BE_SAID = {
    r"body\.template\.create_args\..*": "C.2: typed as an instance, but takes what a create takes; see below",
    r"body\.schedules\[\]\.next_at": "C.7: only read",
}
CREATE_ARGUMENTS = {
    *("image", "memory_mb", "vcpus", "args", "env", "roms", "scale_to_zero", "restart_policy"),
    *("autokill", "tags", "plugins", "template"),
}

SDK = operations()
DOCUMENTS = {
    "platform": document(PLATFORM, NOT_EMULATED),
    "controlplane": document(CONTROL_PLANE, NOT_EMULATED),
}


def is_excluded(operation):
    return any(re.fullmatch(pattern, str(operation)) for pattern in EXCLUDED)


OURS = [operation for operation in SDK if not is_excluded(operation)]


@pytest.mark.parametrize("operation", OURS, ids=str)
def test_nothing_that_the_sdk_knows_of_the_operation_is_missing(operation):
    gaps = missing(DOCUMENTS[operation.api], operation)

    assert [gap for gap in gaps if not any(re.fullmatch(known, gap) for known in NOT_TO_BE_SAID)] == []


@pytest.mark.parametrize("operation", [one for one in SDK if is_excluded(one)], ids=str)
def test_excluded_operation_is_not_described_as_if_it_were_there(operation):
    found = entry(DOCUMENTS[operation.api], operation)

    assert found is None or set(found["responses"]) == {"501"}


@pytest.mark.parametrize("pattern", EXCLUDED)
def test_every_exception_is_of_use(pattern):
    assert any(re.fullmatch(pattern, str(operation)) for operation in SDK)


def test_all_108_operations_of_the_sdk_are_looked_at():
    assert len(SDK) == 108
    assert len({str(operation) for operation in SDK}) == 108


def test_arguments_for_the_instance_behind_a_template_are_those_of_a_create():
    described = DOCUMENTS["platform"]
    body = described["paths"]["/v1/instances"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    create = Schema(body["oneOf"][0], described["components"]["schemas"])

    assert fields(create, "template", "create_args") >= CREATE_ARGUMENTS


def fields(schema, *names):
    """The names of the fields of an object within an object."""
    for name in names:
        inner = schema.inner(lambda option, name=name: option.get("properties", {}).get(name))
        schema = inner or Schema({}, {})
    return {field for option in schema.options for field in option.get("properties", {})}
