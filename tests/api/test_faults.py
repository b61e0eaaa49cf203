"""Faults on request: what the caller sees, and that nothing is done to the resources."""

from __future__ import annotations

import json
from concurrent.futures import TimeoutError as NotYet

import pytest

from ukrom.api import PLATFORM, Api, Effect, Request, Waiting
from ukrom.clock import VirtualClock
from ukrom.cloud import Cloud
from ukrom.errors import SettingsError

APP = {"image": "org/app:1", "name": "web"}


@pytest.fixture
def fail(api, cloud):
    def do(operation, *, code=None, status=None, message=None, delay=0.0, token="token", **more):
        effect = Effect(code, status, message, delay)
        return api.faults.add(cloud.account(token), operation, effect=effect, **more)

    return do


@pytest.fixture
def states(call):
    return lambda: {
        item["name"]: item["state"] for item in call("GET", "/instances?details=true")["data"]["instances"]
    }


def test_items_fail_with_the_code_and_nothing_is_done(call, item, fail, states):
    item("POST", "/instances", APP)
    fault = fail("start instances", code=10)
    envelope = call("PUT", "/instances/start", [{"name": "web"}, {"name": "ghost"}])

    assert envelope["status"] == "error"
    assert envelope["message"] == "Failed to perform all operations"
    message = "Failed on request of the test"
    assert envelope["data"]["instances"] == [
        {"status": "error", "name": "web", "message": message, "error": 10},
        {"status": "error", "name": "ghost", "message": message, "error": 10},
    ]
    assert fault.struck == 1
    assert states() == {"web": "stopped"}


def test_fault_strikes_once_unless_told_otherwise(call, item, fail, states):
    item("POST", "/instances", APP)
    fail("start instances", code=10)

    assert item("PUT", "/instances/start", [{"name": "web"}])["error"] == 10
    assert item("PUT", "/instances/start", [{"name": "web"}])["status"] == "success"


def test_single_form_is_struck_by_the_same_fault(item, fail):
    uuid = item("POST", "/instances", APP)["uuid"]
    fail("PUT /v1/instances/start", code=19, message="Quota exceeded")

    failed = item("PUT", f"/instances/{uuid}/start")
    assert (failed["uuid"], failed["error"], failed["message"]) == (uuid, 19, "Quota exceeded")


def test_create_that_fails_makes_nothing(call, fail, states):
    fail("create instances", code=9)
    (failed,) = call("POST", "/instances", [APP])["data"]["instances"]

    assert (failed["name"], failed["error"]) == ("web", 9)
    assert states() == {}


def test_request_that_cannot_be_understood_is_refused_before_its_items_fail(refuse, item, fail):
    fault = fail("create instances", code=9)

    assert (
        refuse("POST", "/instances", {"bogus": 1}) == "Unknown field 'bogus' in instance creation arguments"
    )
    assert fault.struck == 0
    assert item("POST", "/instances", APP)["error"] == 9


@pytest.mark.parametrize("there", [True, False])
def test_listing_fails_whatever_is_there(call, item, fail, there):
    made = item("POST", "/instances", APP) if there else None
    fail("GET /v1/instances", code=0)
    envelope = call("GET", "/instances")

    (failed,) = envelope["data"]["instances"]
    assert (envelope["status"], failed["error"]) == ("error", 0)
    assert failed.get("uuid") == (made["uuid"] if made else None)


def test_request_is_refused_with_the_status(client, refuse, item, fail, states):
    item("POST", "/instances", APP)
    fail("delete instances", status=503, message="Try later")

    assert refuse("DELETE", "/instances", [{"name": "web"}], status=503) == "Try later"
    assert states() == {"web": "stopped"}


def test_too_many_requests_say_when_to_come_back(client, fail):
    fail("*", status=429)
    answer = client.get("/instances")

    assert answer.status_code == 429
    assert answer.headers["retry-after"] == "1"
    assert "retry-after" not in client.get("/instances").headers


def test_fault_without_words_is_a_500(refuse, fail):
    fail("read instances")

    assert refuse("GET", "/instances", status=500) == "Failed on request of the test"


def test_operation_without_items_is_refused_where_items_would_fail(refuse, fail):
    fail("check health", code=0, message="Ill")

    assert refuse("GET", "/healthz") == "Ill"


def test_faults_of_one_operation_strike_one_after_the_other(client, fail):
    fail("read instances", status=503)
    fail("*", status=502, times=2)

    assert [client.get("/instances").status_code for _ in range(4)] == [503, 502, 502, 200]


def test_other_operations_and_accounts_are_spared(client, fail):
    fail("delete instances", status=503, times=None)
    fail("*", status=500, times=None, token="other")

    assert client.get("/instances").status_code == 200
    assert client.get("/instances", headers={"authorization": "Bearer other"}).status_code == 500


def test_fault_ends_when_it_is_cancelled(client, fail):
    fault = fail("*", status=500, times=None)

    assert [client.get("/instances").status_code for _ in range(3)] == [500] * 3
    fault.cancel()
    assert client.get("/instances").status_code == 200
    assert (fault.struck, fault.over) == (3, True)


def test_fault_ends_with_its_block(client, fail):
    with fail("*", status=500, times=None):
        assert client.get("/instances").status_code == 500
    assert client.get("/instances").status_code == 200


def test_faults_of_an_account_end_together(client, fail, api, cloud):
    faults = [fail("*", status=500, times=None), fail("read instances", code=1)]
    api.faults.clear(cloud.account("token"))

    assert client.get("/instances").status_code == 200
    assert all(fault.over for fault in faults)


def test_rate_strikes_as_often_as_it_says_and_by_the_seed(store, runner):
    def run(seed):
        api = Api(Cloud(runner=runner, images=store, seed=seed))
        fault = api.faults.add(
            api.cloud.account("token"), "*", effect=Effect(None, 500, None, 0), times=None, rate=0.2
        )
        request = Request("GET", "/v1/healthz", authorization="Bearer token")
        statuses = [api.handle(request).status for _ in range(500)]
        assert statuses.count(500) == fault.struck
        return statuses

    first = run(7)
    assert 60 <= first.count(500) <= 140
    assert run(7) == first
    assert run(8) != first


def test_log_tells_which_call_was_struck(client, api, fail):
    fail("read instances", status=503)
    client.get("/instances")
    client.get("/instances")

    assert [call.fault for call in api.log] == ["fault on request: HTTP 503", None]


class TestLate:
    @pytest.fixture
    def clock(self):
        clock = VirtualClock()
        clock.freeze()
        yield clock
        clock.close()

    @pytest.fixture
    def cloud(self, store, runner, clock):
        cloud = Cloud(runner=runner, images=store, clock=clock)
        yield cloud
        cloud.close()

    @pytest.fixture
    def ask(self, api):
        def do(method, path, body=None):
            content = b"" if body is None else json.dumps(body).encode()
            return api.handle(Request(method, f"/v1{path}", authorization="Bearer token", body=content))

        return do

    def test_answer_comes_when_the_clocks_time_has_come(self, ask, cloud, clock, fail):
        fail("create instances", delay=5)
        waiting = ask("POST", "/instances", APP)

        assert isinstance(waiting, Waiting)
        assert len(cloud.instances(cloud.account("token"))) == 1
        clock.advance(4.9)
        with pytest.raises(NotYet):
            waiting.future.result(timeout=0)
        clock.advance(0.1)
        assert json.loads(waiting.result().body)["data"]["instances"][0]["name"] == "web"

    def test_refusal_can_be_late_too(self, ask, clock, fail):
        fail("*", delay=5, status=502)
        waiting = ask("GET", "/instances")
        clock.advance(5)

        assert waiting.result().status == 502

    def test_cancelled_fault_gives_its_answers_at_once(self, ask, fail):
        fault = fail("*", delay=3600, times=None)
        waiting = [ask("GET", "/instances") for _ in range(3)]
        fault.cancel()

        assert [one.result().status for one in waiting] == [200] * 3
        assert ask("GET", "/instances").status == 200

    def test_call_that_waits_by_itself_is_late_as_well(self, ask, clock, fail, slow_runner):
        ask("POST", "/instances", {**APP, "autostart": True})
        fail("wait for instances", delay=5)
        waiting = ask("GET", "/instances/wait", [{"name": "web", "state": "running"}])
        clock.advance(6)
        assert not waiting.future.done()
        slow_runner.machines[0].boot()

        assert json.loads(waiting.result().body)["data"]["instances"][0]["state"] == "running"

    def test_whoever_gives_up_leaves_nothing_waiting(self, ask, cloud, fail, slow_runner):
        ask("POST", "/instances", {**APP, "autostart": True})
        fail("wait for instances", delay=5)
        waiting = ask("GET", "/instances/wait", [{"name": "web", "state": "running"}])
        assert len(cloud.waits.sleeping) == 2
        waiting.future.cancel()

        assert not cloud.waits.sleeping


@pytest.mark.parametrize(
    ("operation", "remedy"),
    [
        ("start instance", "'start instances'"),
        ("PUT /v1/instances/strat", "'PUT /v1/instances/start'"),
        ("POST /v1/nowhere/at/all", None),
        ("", None),
    ],
)
def test_unknown_operation_is_told_with_the_closest(fail, operation, remedy):
    with pytest.raises(SettingsError, match="There is no operation") as caught:
        fail(operation, status=500)

    if remedy is not None:
        assert remedy in caught.value.remedy


@pytest.mark.parametrize(
    "values",
    [
        {"code": 10, "status": 500},
        {"code": 31},
        {"code": -1},
        {"status": 200},
        {"status": 600},
        {"delay": -1},
        {"delay": float("nan")},
        {"delay": float("inf")},
        {"status": 500, "times": 0},
        {"status": 500, "rate": 0},
        {"status": 500, "rate": 1.1},
    ],
)
def test_values_that_make_no_sense_are_refused(fail, client, values):
    with pytest.raises(SettingsError):
        fail("*", **values)
    assert client.get("/instances").status_code == 200


@pytest.mark.parametrize("operation", PLATFORM, ids=lambda row: row.name)
def test_every_operation_can_be_made_to_fail(fail, client, operation):
    fault = fail(operation.name, status=418)
    path = operation.paths[0].replace("{uuid}", "11111111-2222-4333-8444-555555555555")

    assert client.request(operation.method, path).status_code == 418
    assert fault.struck == 1
