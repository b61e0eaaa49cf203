from __future__ import annotations

import pytest

from ukrom.api import CONTROL_PLANE, PLATFORM, nearest

UUID = "11111111-2222-4333-8444-555555555555"


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("GET", "/v1/instnces", "GET /v1/instances (read instances)"),
        ("GET", "/instance", "GET /v1/instances (read instances)"),
        ("POST", "/v1/Instances/", "POST /v1/instances (create instances)"),
        ("POST", f"/v1/instances/{UUID}/start", "PUT /v1/instances/{uuid}/start (start instances)"),
        ("PUT", "/v1/instances/strat", "PUT /v1/instances/start (start instances)"),
        ("GET", f"/v1/service/{UUID}", "GET /v1/services/{uuid} (read services)"),
        ("PUT", f"/dal/v1/instances/{UUID}/stoop", "PUT /v1/instances/{uuid}/stop (stop instances)"),
        ("GET", "/v1/metro", "GET /v1/metros (list metros)"),
        ("GET", "/v1/users/quota", "GET /v1/users/quotas (read quotas)"),
        ("GET", "/v1/instances/logs", "GET /v1/instances/log (read instance logs)"),
        ("GET", "/v1/instances/web", "GET /v1/instances/{uuid} (read instances)"),
    ],
)
def test_closest_operation_comes_first(method, path, expected):
    assert nearest(method, path, (*PLATFORM, *CONTROL_PLANE))[0] == expected


@pytest.mark.parametrize("path", ["/", "", "/favicon.ico", "/a/b/c/d/e/f/g", "/" + "x" * 100_000, "/%00\0"])
def test_nothing_alike_is_not_guessed_at(path):
    assert nearest("GET", path, PLATFORM) == []


@pytest.mark.parametrize("path", ["/v1/instances/start", f"/v1/instances/{UUID}/start"])
def test_wrong_method_names_the_right_one_alone(path):
    (text,) = nearest("POST", path, PLATFORM)

    assert text.startswith("PUT /v1/instances/")


def test_no_more_are_named_than_asked_for():
    assert len(nearest("PUT", f"/v1/instances/{UUID}/x", PLATFORM)) == 3
    assert len(nearest("PUT", f"/v1/instances/{UUID}/x", PLATFORM, 1)) == 1


def test_calls_that_met_no_operation_are_marked(client, api):
    for method, path in (
        ("GET", "/instnces"),
        ("PUT", "/instances"),
        ("GET", "/instances"),
        ("GET", "/audit"),
    ):
        client.request(method, path)

    assert [(call.status, call.missed) for call in api.log] == [
        (404, True),
        (405, True),
        (200, False),
        (501, True),
    ]


@pytest.mark.parametrize(
    ("method", "path", "missed"),
    [
        ("GET", "/instances/logs", True),
        ("DELETE", "/instances/web", True),
        ("GET", "/users/me/quotas", True),
        ("GET", "/instances?uuid=web", False),
    ],
)
def test_word_in_the_place_of_a_uuid_is_marked_too(client, api, method, path, missed):
    answer = client.request(method, path)

    assert (answer.status_code, answer.json()["message"][:14]) == (400, "Invalid uuid '")
    assert [call.missed for call in api.log] == [missed]
