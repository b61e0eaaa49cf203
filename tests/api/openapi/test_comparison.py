"""The comparison with the SDK notices what is missing."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from ukrom.api import Form, Operation
from ukrom.api.models.services import CreateGroup
from ukrom.api.openapi import document
from ukrom.api.shapes import ServiceGroup

from .comparison import missing
from .sdk_operations import operations

SDK = {str(operation): operation for operation in operations()}
LIST = SDK["platform: GET /v1/services"]
READ = SDK["platform: GET /v1/services/{uuid}"]
CREATE = SDK["platform: POST /v1/services"]
ROWS = (
    Operation("create", "POST", ("/services",), Form.CREATE, None, CreateGroup, "service_groups"),
    Operation("read", "GET", ("/services", "/services/{uuid}"), Form.READ, None, key="service_groups"),
)


def described():
    return document([replace(row, answer=ServiceGroup) for row in ROWS])


@pytest.mark.parametrize("operation", [LIST, READ], ids=str)
def test_nothing_is_missing_of_a_complete_description(operation):
    assert missing(described(), operation) == []


@pytest.mark.parametrize(
    ("operation", "old", "new", "gap"),
    [
        (READ, '"soft_limit"', '"softlimit"', "answer.data.service_groups[].soft_limit"),
        (READ, '"redirect"', '"tls"', "answer.data.service_groups[].services[].handlers[] = 'redirect'"),
        (READ, '"boolean"', '"string"', "answer.data.service_groups[].persistent: boolean"),
        (CREATE, '"destination_port"', '"dest_port"', "body.services[].destination_port"),
        (CREATE, '"udp"', '"tcp"', "body.services[].protocol = 'udp'"),
        (LIST, '"name": "sortby"', '"name": "sort"', "?sortby"),
        (LIST, '"/v1/services"', '"/v1/groups"', "platform: GET /v1/services"),
    ],
)
def test_what_is_missing_is_named(operation, old, new, gap):
    text = json.dumps(described())

    assert old in text
    assert gap in missing(json.loads(text.replace(old, new)), operation)


def test_answer_of_unknown_shape_lacks_all_fields():
    assert "answer.status" in missing(document(ROWS), READ)


def test_body_that_is_not_described_lacks_all_fields():
    whole = described()
    del whole["paths"]["/v1/services"]["post"]["requestBody"]

    assert "body.services" in missing(whole, CREATE)


def test_operation_that_is_not_emulated_is_missing():
    whole = document(ROWS[:1], [("GET", "/services")])

    assert missing(whole, LIST) == ["platform: GET /v1/services"]
