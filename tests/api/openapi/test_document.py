from __future__ import annotations

import json
from dataclasses import replace

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator, validate

from ukrom.api import CONTROL_PLANE, NOT_EMULATED, PLATFORM, Form, Operation
from ukrom.api.models.instances import LogInstance
from ukrom.api.models.services import CreateGroup
from ukrom.api.openapi import document
from ukrom.api.shapes import Authorization, Image, ImageList, Instance, InstanceLog, Reference, ServiceGroup

TABLES = {"platform": PLATFORM, "control plane": CONTROL_PLANE, "both": (*PLATFORM, *CONTROL_PLANE)}


def unused(*_):
    raise AssertionError("a document calls no handler")


READ = Operation(
    "read instances",
    "GET",
    ("/instances", "/instances/{uuid}"),
    Form.READ,
    unused,
    key="instances",
    answer=Instance,
    tagged=True,
)
LOG = Operation(
    "read logs",
    "GET",
    ("/instances/log", "/instances/{uuid}/log"),
    Form.ACT,
    unused,
    LogInstance,
    "instances",
    answer=InstanceLog,
    arguments=("offset", "limit"),
)
WAIT = Operation(
    "wait",
    "GET",
    ("/instances/wait",),
    Form.ACT,
    unused,
    key="instances",
    answer=Reference,
    query=("state", "timeout_s"),
)
CREATE = Operation(
    "create services",
    "POST",
    ("/services",),
    Form.CREATE,
    unused,
    CreateGroup,
    "service_groups",
    answer=ServiceGroup,
)
DELETE = Operation(
    "delete services",
    "DELETE",
    ("/services", "/services/{uuid}"),
    Form.ACT,
    unused,
    key="service_groups",
    answer=Reference,
)
WHO = Operation("read authorization", "GET", ("/auth",), Form.DATA, unused, answer=Authorization)
ROWS = (READ, LOG, CREATE, DELETE, WHO)


class Described:
    """A document, with its references followed."""

    def __init__(self, *rows, not_emulated=()):
        self.whole = document(rows or ROWS, not_emulated)
        validate(self.whole, cls=OpenAPIV31SpecValidator)

    def follow(self, part):
        while "$ref" in part:
            reference, part = part["$ref"], self.whole
            for step in reference.removeprefix("#/").split("/"):
                part = part[step]
        return part

    def entry(self, method, path):
        return self.whole["paths"][path][method]

    def query(self, method, path):
        named = [self.follow(part) for part in self.entry(method, path)["parameters"]]
        return {part["name"]: part for part in named if part["in"] == "query"}

    def body(self, method, path):
        return self.follow(self.entry(method, path)["requestBody"]["content"]["application/json"]["schema"])

    def answer(self, method, path, status="200"):
        response = self.follow(self.entry(method, path)["responses"][status])
        return self.follow(response["content"]["application/json"]["schema"])

    def items(self, method, path, key):
        data = self.follow(self.answer(method, path)["properties"]["data"])
        return [self.follow(option) for option in data["properties"][key]["items"]["oneOf"]]


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_document_of_the_table_is_valid(table):
    validate(document(table, NOT_EMULATED), cls=OpenAPIV31SpecValidator)


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_same_table_gives_the_same_text(table):
    assert json.dumps(document(table, NOT_EMULATED)) == json.dumps(document(table, NOT_EMULATED))


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_every_path_of_the_table_is_there(table):
    paths = document(table, NOT_EMULATED)["paths"]

    for row in table:
        for path in row.paths:
            assert "200" in paths[f"/v1{path}"][row.method.lower()]["responses"]


def test_operations_have_ids_of_their_own():
    paths = document(TABLES["both"], NOT_EMULATED)["paths"]
    ids = [entry["operationId"] for methods in paths.values() for entry in methods.values()]

    assert len(ids) == len(set(ids))


def test_listing_takes_filters_pages_and_tags():
    query = Described().query("get", "/v1/instances")

    assert set(query) == {"uuid", "name", "details", "count", "from", "order", "sortby", "tags"}
    assert query["uuid"]["explode"] is True
    assert (query["tags"]["style"], query["tags"]["explode"]) == ("form", False)


def test_listing_without_tags_does_not_take_them():
    plain = Operation(
        "read", "GET", ("/services",), Form.READ, unused, key="service_groups", answer=ServiceGroup
    )

    assert "tags" not in Described(plain).query("get", "/v1/services")


def test_single_read_takes_details_only():
    assert set(Described().query("get", "/v1/instances/{uuid}")) == {"details"}


def test_parameters_without_effect_are_marked():
    query = Described(WAIT).query("get", "/v1/instances/wait")

    assert query["state"]["deprecated"] is True
    assert query["timeout_s"]["deprecated"] is True


@pytest.mark.parametrize("path", ["/v1/instances/log", "/v1/instances/{uuid}/log"])
def test_arguments_that_the_query_may_give_are_described(path):
    query = Described().query("get", path)

    assert query["offset"]["schema"] == {"type": "array", "items": {"type": "integer"}}
    assert "deprecated" not in query["limit"]


def test_create_takes_an_object_or_an_array():
    described = Described()
    one, many = described.body("post", "/v1/services")["oneOf"]

    assert "services" in described.follow(one)["properties"]
    assert described.follow(many["items"]) == described.follow(one)


def test_create_that_takes_arrays_alone_says_so():
    body = Described(replace(CREATE, array=True)).body("post", "/v1/services")

    assert body["type"] == "array"


def test_bulk_form_takes_references_with_arguments():
    described = Described()
    item = described.follow(described.body("get", "/v1/instances/log")["items"])

    assert set(item["properties"]) == {"uuid", "name", "offset", "limit"}
    assert item["oneOf"] == [{"required": ["uuid"]}, {"required": ["name"]}]
    assert item["additionalProperties"] is False


def test_single_form_takes_arguments_alone():
    assert set(Described().body("get", "/v1/instances/{uuid}/log")["properties"]) == {"offset", "limit"}


def test_operation_without_arguments_takes_bare_references():
    described = Described()
    item = described.follow(described.body("delete", "/v1/services")["items"])

    assert set(item["properties"]) == {"uuid", "name"}
    assert "requestBody" not in described.entry("delete", "/v1/services/{uuid}")


def test_request_cannot_say_null():
    described = Described()
    texts = [text for name, text in described.whole["components"]["schemas"].items() if name.endswith("Body")]

    assert texts
    assert '"null"' not in json.dumps(texts)


def test_items_have_succeeded_or_failed():
    done, failed = Described().items("get", "/v1/instances/{uuid}", "instances")

    assert {"status", "uuid", "name"} == set(done["required"])
    assert "memory_mb" in done["properties"]
    assert failed["required"] == ["status"]
    assert {"message", "error"} <= set(failed["properties"])


def test_data_without_items_is_described_as_it_is():
    described = Described()
    data = described.follow(described.answer("get", "/v1/auth")["properties"]["data"])

    assert "organization_uuid" in data["properties"]


@pytest.mark.parametrize("status", ["400", "401", "404", "405", "413", "500", "501"])
def test_refusals_have_an_envelope(status):
    refused = Described().answer("get", "/v1/instances", status)

    assert {"status", "message", "errors", "op_time_us"} == set(refused["required"])


def test_error_codes_are_told():
    told = Described().whole["info"]["description"]

    assert "- 8: not found" in told
    assert "- 23: already exists" in told


def test_what_is_not_emulated_answers_501_and_nothing_else():
    described = Described(not_emulated=[("GET PUT", "/certificates/{uuid}"), ("GET", "/nodes/*")])

    for method, path in (("get", "/v1/certificates/{uuid}"), ("put", "/v1/certificates/{uuid}")):
        assert set(described.entry(method, path)["responses"]) == {"501"}
    assert set(described.entry("get", "/v1/nodes/{rest}")["responses"]) == {"501"}


def test_what_is_emulated_stays_so_beside_a_wider_pattern():
    described = Described(not_emulated=[("GET POST", "/instances"), ("GET POST", "/services/*")])

    assert "200" in described.entry("get", "/v1/instances")["responses"]
    assert set(described.entry("post", "/v1/instances")["responses"]) == {"501"}
    assert "/v1/services/{rest}" not in described.whole["paths"]
    assert "200" in described.entry("delete", "/v1/services/{uuid}")["responses"]


def test_path_of_both_apis_takes_and_gives_what_either_does():
    ours = Operation(
        "list images", "GET", ("/images",), Form.DATA, unused, answer=ImageList, query=("digest",)
    )
    theirs = Operation(
        "list registry", "GET", ("/images",), Form.DATA, unused, answer=Authorization, query=("namespace",)
    )
    described = Described(ours, theirs)

    assert set(described.query("get", "/v1/images")) == {"digest", "namespace"}
    assert len(described.answer("get", "/v1/images")["anyOf"]) == 2


def test_other_media_types_are_told():
    metrics = Operation("show", "GET", ("/x",), Form.SHOW, unused, key="x", answer=Image, media="text/plain")
    content = Described(metrics).entry("get", "/v1/x")["responses"]["200"]["content"]

    assert set(content) == {"application/json", "text/plain"}


def test_simplifications_are_told():
    row = Operation(
        "act", "PUT", ("/x",), Form.ACT, unused, key="x", simplified="It sleeps.", answer=Reference
    )

    assert Described(row).entry("put", "/v1/x")["description"] == "Simplified: It sleeps."


def test_servers_and_title_are_the_callers():
    told = document(ROWS, title="Mine", version="7", servers=["https://api.fra.unikraft.cloud"])

    assert (told["info"]["title"], told["info"]["version"]) == ("Mine", "7")
    assert told["servers"] == [{"url": "https://api.fra.unikraft.cloud"}]
    assert told["security"] == [{"token": []}]
