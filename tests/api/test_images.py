from __future__ import annotations

from dataclasses import replace

import httpx
import pytest
from pydantic import TypeAdapter

from ukrom.api import InProcessTransport
from ukrom.api.shapes import ImageList, PinnedImage, UnpinnedImage, answer_shape

GHOST = "00000000-0000-4000-8000-00000000dead"
PIN = {"url": "org/app:1", "timeout_s": -1}


@pytest.fixture
def pinned(item):
    return item("POST", "/images", [PIN])


@pytest.fixture
def tagged_twice(store):
    """An image with the tags 1 and 2; a listing shows the first of them."""
    image = replace(store.by_name["org/app:1"], tags=("1", "2"))
    store.by_name["org/app:1"] = image
    store.by_name["org/app:2"] = replace(image, reference=image.reference.replace(":1@", ":2@"))
    store.images = lambda: (image,)
    return image


def listed(call, path="/images", body=None):
    return call("GET", path, body)["data"]["images"]


def test_pin_is_answered_with_all_that_is_known(pinned, call, store):
    uuid = pinned.pop("uuid")
    reference = store.by_name["org/app:1"].reference

    assert len(uuid) == 36
    assert pinned == {
        "status": "success",
        "name": "org/app",
        "created_at": "2026-05-28T13:53:40Z",
        "state": "ready",
        "url": reference,
        "persistent": True,
        "tags": ["1"],
    }


def test_pinned_image_is_listed_as_persistent(pinned, call):
    (image,) = listed(call, "/images?tag=org/app:1")

    assert (image["uuid"], image["persistent"], image["users"]) == (pinned["uuid"], True, ["token"])
    assert all("persistent" not in other for other in listed(call) if other["url"] != image["url"])
    assert listed(call, "/image-store") == listed(call)


def test_answers_have_the_shapes_that_they_are_described_with(call):
    made = call("POST", "/images", [PIN, {**PIN, "url": "org/ghost:1"}])
    TypeAdapter(answer_shape(PinnedImage, "images")).validate_python(made)
    TypeAdapter(answer_shape(ImageList)).validate_python(call("GET", "/images"))
    body = [{"uuid": made["data"]["images"][0]["uuid"]}, {"uuid": GHOST}]
    gone = call("DELETE", "/images", body)
    TypeAdapter(answer_shape(UnpinnedImage, "images")).validate_python(gone)

    assert (made["status"], gone["status"]) == ("partial_success", "partial_success")


def test_unpinned_image_stays_in_the_list(pinned, item, call):
    done = item("DELETE", "/images", [{"uuid": pinned["uuid"]}])
    again = item("DELETE", "/images", [{"uuid": pinned["uuid"]}])
    (image,) = listed(call, "/images?tag=org/app:1")

    assert done == {"status": "success", "uuid": pinned["uuid"], "name": "org/app"}
    assert (again["error"], again["uuid"]) == (8, pinned["uuid"])
    assert "persistent" not in image


def test_failure_does_not_name_the_image(item):
    failed = item("POST", "/images", [{**PIN, "url": "org/ghost:1"}])

    assert failed == {"status": "error", "message": "No image with name 'org/ghost:1'", "error": 8}


def test_image_pinned_twice_has_one_pin(item, pinned):
    assert item("POST", "/images", [{**PIN, "merge_requests": False}])["uuid"] == pinned["uuid"]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"timeout_s": 0}, "Invalid 'timeout_s' 0: must be -1, 1 or more"),
        ({"timeout_s": -2}, "Invalid time-out -2: must be -1, 0 or more"),
        ({"timeout_s": "5"}, "'timeout_s' in image pin arguments has type 'string', but expected 'integer'"),
        ({"url": 5}, "'url' in image pin arguments has type 'integer', but expected 'string'"),
        (
            {"pull_policy": "sometimes"},
            "'pull_policy' in image pin arguments has value 'sometimes', but expected",
        ),
        ({"autokill": {"time_ms": "1"}}, "'autokill.time_ms' in image pin arguments has type 'string'"),
        ({"name": "app"}, "Unknown field 'name' in image pin arguments"),
        (
            {"url": "https://example.com/i", "credentials": "user:word"},
            "'credentials' are for OCI registries alone",
        ),
    ],
)
def test_pin_that_can_never_be_is_refused(refuse, cloud, fields, message):
    assert refuse("POST", "/images", [{**PIN, **fields}]).startswith(message)


def test_pin_needs_url_and_timeout(refuse):
    assert refuse("POST", "/images", [{"url": "a"}]) == "'timeout_s' is missing in image pin arguments"
    assert refuse("POST", "/images", [{"timeout_s": 1}]) == "'url' is missing in image pin arguments"
    assert refuse("POST", "/images") == "The request body is missing"


def test_pins_are_asked_for_in_an_array(refuse):
    assert refuse("POST", "/images", PIN) == "The request body has type 'object', but expected 'array'"


def test_pins_are_let_go_by_uuid_alone(refuse, item, pinned):
    named = refuse("DELETE", "/images", [{"name": "app"}])

    assert named == "Unknown field 'name' in image unpin arguments"
    assert item("DELETE", "/images?name=org/app")["error"] == 13
    assert refuse("DELETE", "/images", [{"uuid": "app"}]) == "Invalid uuid 'app'"
    assert refuse("DELETE", "/images").startswith("The request names no resource")


@pytest.mark.parametrize("path", ["/images/tag/org/app:2", "/images?tag=org/app:2"])
def test_image_is_found_by_each_of_its_tags(call, tagged_twice, path):
    assert [image["url"] for image in listed(call, path)] == [tagged_twice.reference]
    assert listed(call, path.replace(":2", ":3")) == []


@pytest.mark.usefixtures("tagged_twice")
def test_registry_lists_all_tags_of_an_image(call):
    url = "https://controlplane.unikraft.cloud/v1/images?namespace=org&details=true"
    (image,) = listed(call, url)

    assert [tag["name"] for tag in image["tags"]] == ["1", "2"]
    assert len({tag["digest"] for tag in image["tags"]}) == 1


@pytest.mark.usefixtures("tagged_twice")
def test_image_pinned_by_two_tags_has_one_pin(item, call, pinned):
    again = item("POST", "/images", [{**PIN, "url": "org/app:2"}])
    (image,) = listed(call)

    assert again["uuid"] == pinned["uuid"] == image["uuid"]
    assert again["url"].startswith("oci://unikraft.io/org/app:2@")


@pytest.mark.parametrize(
    "path",
    [
        "/images/tag/org/app:1",
        "/images/tag/org%2Fapp%3A1",
        "/images/tag/index.unikraft.io/org/app:1",
        "/images?tag=org/app:1",
        "/images?tag=org%2Fapp:1",
    ],
)
def test_image_is_found_by_tag(call, store, path):
    assert [image["url"] for image in listed(call, path)] == [store.by_name["org/app:1"].reference]


@pytest.mark.parametrize("path", ["/images/digest/{}", "/image-store?digest={}", "/images?digest={}"])
def test_image_is_found_by_digest(call, store, path):
    digest = store.by_name["org/cfg:1"].digest

    assert [image["url"] for image in listed(call, path.format(digest))] == [
        store.by_name["org/cfg:1"].reference
    ]


def test_filters_are_alternatives_in_query_and_body(call, store):
    digest = store.by_name["org/cfg:1"].digest
    found = listed(call, f"/images?digest={digest}", [{"tag": "org/app:1"}])

    assert sorted(image["url"].split("@")[0] for image in found) == [
        "oci://unikraft.io/org/app:1",
        "oci://unikraft.io/org/cfg:1",
    ]
    assert listed(call, "/images", [{"tag": "org/app:1", "digest": digest}]) == []


def test_nothing_is_found_where_there_is_nothing(call):
    assert listed(call, "/images/tag/org/ghost:1") == []
    assert listed(call, "/images/digest/sha256:00ff") == []


def test_path_without_its_parameter_is_no_route(refuse):
    assert refuse("GET", "/images/tag", status=404).startswith("no route for GET")
    assert refuse("GET", "/images/digest/", status=404).startswith("no route for GET")
    assert refuse("GET", "/images/name/app", status=404).startswith("no route for GET")
    assert refuse("DELETE", "/images/tag/org/app:1", status=405).endswith("it takes GET")


def test_other_accounts_and_metros_do_not_see_a_pin(api, pinned):
    headers = {"authorization": "Bearer other"}
    base = "https://api.fra.unikraft.cloud/v1"
    with httpx.Client(transport=InProcessTransport(api), base_url=base, headers=headers) as other:
        images = other.get("/images?tag=org/app:1").json()["data"]["images"]
        gone = other.request("DELETE", "/images", json=[{"uuid": pinned["uuid"]}]).json()

    assert "persistent" not in images[0]
    assert gone["data"]["images"][0]["error"] == 8


@pytest.mark.parametrize("digest", ["xx", "sha256:", ":ab", "sha256:0g", "SHA256:00", "a:b:c"])
def test_digest_of_the_wrong_form_is_refused(refuse, digest):
    said = f"Invalid 'digest' '{digest}': must be <algorithm>:<hex>"

    assert refuse("GET", f"/images?digest={digest}") == said
    assert refuse("GET", "/image-store", [{"digest": digest}]) == said
    assert refuse("GET", f"/images/digest/{digest}") == said


@pytest.mark.parametrize("digest", ["sha256:00FF", "sha512:00", "sha256+b64u:00"])
def test_digest_of_no_image_lists_nothing(call, digest):
    assert listed(call, "/images", [{"digest": digest}]) == []
