from __future__ import annotations

import pytest

APP = {"image": "org/app:1"}


def test_success_has_data_and_a_time(call):
    envelope = call("POST", "/instances", {**APP, "name": "web"})

    assert envelope.keys() == {"status", "data", "op_time_us"}
    assert envelope["status"] == "success"
    assert isinstance(envelope["op_time_us"], int)
    assert envelope["op_time_us"] > 0


def test_all_items_failed(call):
    envelope = call("GET", "/instances?name=ghost&name=spook")

    assert envelope["status"] == "error"
    assert envelope["message"] == "Failed to perform all operations"
    assert envelope["data"]["instances"] == [
        {"status": "error", "name": "ghost", "message": "No instance with name 'ghost'", "error": 8},
        {"status": "error", "name": "spook", "message": "No instance with name 'spook'", "error": 8},
    ]
    assert "errors" not in envelope


def test_some_items_failed(call):
    call("POST", "/instances", {**APP, "name": "web"})
    envelope = call("DELETE", "/instances", [{"name": "web"}, {"name": "ghost"}])

    assert envelope["status"] == "partial_success"
    assert [item["status"] for item in envelope["data"]["instances"]] == ["success", "error"]
    assert "errors" not in envelope


def test_deprecated_field_gives_one_warning(call):
    body = [{**APP, "autostart": True, "wait_timeout_ms": 10}] * 2

    assert call("POST", "/instances", body)["warnings"] == [
        "'wait_timeout_ms' is deprecated, use 'timeout_s' instead"
    ]


@pytest.mark.parametrize("authorization", [None, "", "Bearer", "Bearer ", "Basic dXNlcjpwYXNz"])
def test_missing_token_is_refused(client, authorization):
    headers = {} if authorization is None else {"authorization": authorization}
    client.headers.pop("authorization")
    answer = client.get("/instances", headers=headers)

    assert answer.status_code == 401
    assert "Bearer" in answer.json()["errors"][0]["message"]


def test_fault_of_the_emulator_is_an_envelope_too(refuse, cloud, monkeypatch, caplog):
    monkeypatch.setattr(cloud, "space", lambda *_: 1 / 0)

    assert (
        refuse("GET", "/instances", status=500)
        == "internal error of the emulator: ZeroDivisionError: division by zero"
    )
    assert "Traceback" in caplog.text


def test_latest_calls_are_logged_with_what_went_wrong(api, call, refuse):
    call("GET", "/instances")
    call("GET", "/instances?name=ghost")
    refuse("GET", "/nowhere", status=404)

    first, second, third = api.log
    assert (first.method, first.path, first.status, first.error) == ("GET", "/v1/instances", 200, None)
    assert second.error == "No instance with name 'ghost'"
    assert (third.status, third.error) == (404, "no route for GET /v1/nowhere")
    assert all(logged.milliseconds > 0 for logged in api.log)


def test_log_is_bounded(api, call):
    for _ in range(250):
        call("GET", "/healthz")

    assert len(api.log) == 200
