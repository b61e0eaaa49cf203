from __future__ import annotations

import pytest


@pytest.fixture
def five(call):
    body = [{"image": "org/app:1", "name": f"i{n}", "tags": ["all", f"n={n}"]} for n in range(5)]
    return [item["uuid"] for item in call("POST", "/instances", body)["data"]["instances"]]


@pytest.fixture
def names(call):
    return lambda query="": [item["name"] for item in call("GET", f"/instances{query}")["data"]["instances"]]


def test_plain_listing_gives_references(call, five):
    items = call("GET", "/instances")["data"]["instances"]

    assert [item["uuid"] for item in items] == five
    assert all(item.keys() == {"status", "uuid", "name"} for item in items)


def test_details_give_everything(call, five):
    assert all("image" in item for item in call("GET", "/instances?details=true")["data"]["instances"])


def test_lookup_gives_everything_unless_told_otherwise(item, five):
    assert item("GET", "/instances?name=i1")["image"]
    assert item("GET", f"/instances/{five[1]}")["image"]
    assert item("GET", f"/instances/{five[1]}?details=false") == {
        "status": "success",
        "uuid": five[1],
        "name": "i1",
    }


def test_pages_begin_with_the_item_of_the_cursor(names, five):
    assert names("?count=2") == ["i0", "i1"]
    assert names(f"?count=3&from={five[1]}") == ["i1", "i2", "i3"]
    assert names(f"?count=3&from={five[3]}") == ["i3", "i4"]


def test_page_of_a_cursor_that_is_gone_is_empty(call, names, five):
    call("DELETE", f"/instances/{five[1]}")

    assert names(f"?count=3&from={five[1]}") == []


def test_order_can_be_turned_around(names, five):
    assert names("?order=desc&sortby=create_time&count=2") == ["i4", "i3"]
    assert names(f"?order=desc&from={five[1]}") == ["i1", "i0"]


def test_all_tags_must_be_there(names, five):
    assert names("?tags=all,n%3D2") == ["i2"]
    assert names("?tags=all,nope") == []
    assert names("?tags=all") == ["i0", "i1", "i2", "i3", "i4"]


def test_filters_by_uuid_and_name_add_up(names, five):
    assert names(f"?uuid={five[3]}&name=i1&uuid={five[0]}") == ["i3", "i0", "i1"]
    assert names(f"?uuid={five[3]},{five[4]}") == ["i3", "i4"]
    assert names(f"?uuid={five[3].upper()}") == ["i3"]


def test_references_in_a_get_body_count_like_filters(call, five):
    items = call("GET", "/instances?name=i2", [{"name": "i1"}, {"uuid": five[0]}, {"name": "i2"}])["data"][
        "instances"
    ]

    assert [item["name"] for item in items] == ["i1", "i0", "i2"]


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("?uuid=web", "Invalid uuid 'web'"),
        ("?uuid=", "Invalid uuid ''"),
        ("?from=web", "Invalid uuid 'web'"),
        ("?count=0", "Invalid 'count' '0'"),
        ("?count=two", "Invalid 'count' 'two'"),
        ("?order=up", "Invalid 'order' 'up': must be asc or desc"),
        ("?sortby=name", "Invalid 'sortby' 'name'"),
        ("?details=1", "Invalid 'details' '1': must be true or false"),
    ],
)
def test_bad_query_is_refused(refuse, query, message):
    assert refuse("GET", f"/instances{query}").startswith(message)


def test_reference_is_by_one_thing_only(call, five):
    items = call("PUT", "/instances/stop", [{"name": "i0", "uuid": five[0]}, {}])["data"]["instances"]

    assert [item["error"] for item in items] == [17, 13]
