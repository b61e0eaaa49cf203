"""The async doors, under asyncio and trio: the httpx transport and the ASGI app."""

from __future__ import annotations

import json

import anyio
import httpx
import pytest

from ukrom.api import MAX_BODY, ApiApp, AsyncInProcessTransport

pytestmark = pytest.mark.anyio
APP = {"image": "org/app:1"}
HEADERS = {"authorization": "Bearer token"}


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request):
    return request.param


@pytest.fixture(params=["in process", "asgi"])
async def client(request, api):
    asgi = request.param == "asgi"
    transport = httpx.ASGITransport(ApiApp(api)) if asgi else AsyncInProcessTransport(api)
    async with httpx.AsyncClient(
        transport=transport, base_url="http://localhost/v1", headers=HEADERS
    ) as client:
        yield client


def scope(method="GET", path="/v1/instances", headers=()):
    pairs = [(b"authorization", b"Bearer token"), *headers]
    return {"type": "http", "method": method, "path": path, "query_string": b"", "headers": pairs}


async def test_call_is_answered(client):
    answer = await client.post("/instances", json={**APP, "name": "web"})

    assert answer.json()["data"]["instances"][0]["name"] == "web"
    assert answer.headers["content-type"] == "application/json"
    assert int(answer.headers["content-length"]) == len(answer.content)


async def test_body_of_a_generator_is_read(client):
    async def body():
        yield b'{"image":'
        yield b'"org/app:1"}'

    assert (await client.post("/instances", content=body())).json()["status"] == "success"


async def test_body_with_a_get_is_read(client):
    answer = await client.request("GET", "/instances", json=[{"name": "ghost"}])

    assert answer.json()["data"]["instances"][0]["error"] == 8


async def test_too_large_body_is_refused(client):
    answer = await client.post("/instances", content=b" " * (MAX_BODY + 1))

    assert answer.status_code == 413
    assert "8388608" in answer.json()["message"]


async def test_wait_does_not_block_the_loop(client, slow_runner):
    uuid = (await client.post("/instances", json={**APP, "autostart": True})).json()["data"]["instances"][0][
        "uuid"
    ]
    answers = []

    async def wait():
        answers.append(
            await client.request("GET", f"/instances/{uuid}/wait", json={"state": "running"}, timeout=None)
        )

    with anyio.fail_after(10):
        async with anyio.create_task_group() as tasks:
            for _ in range(50):
                tasks.start_soon(wait)
            await anyio.wait_all_tasks_blocked()
            assert (await client.get("/healthz")).status_code == 200
            assert not answers
            slow_runner.machines[0].boot()

    assert {answer.json()["data"]["instances"][0]["state"] for answer in answers} == {"running"}


async def test_cancelled_wait_is_forgotten(client, cloud, slow_runner):
    uuid = (await client.post("/instances", json={**APP, "autostart": True})).json()["data"]["instances"][0][
        "uuid"
    ]
    with anyio.move_on_after(0.05) as scope:
        await client.request("GET", f"/instances/{uuid}/wait", timeout=None)

    assert scope.cancelled_caught
    assert not cloud.waits.sleeping


async def test_client_that_leaves_ends_its_wait(api, cloud, slow_runner):
    made = api.handle(_create())
    uuid = json.loads(made.body)["data"]["instances"][0]["uuid"]
    left, sent = anyio.Event(), []
    messages = iter([{"type": "http.request", "body": b""}])

    async def receive():
        for message in messages:
            return message
        await left.wait()
        return {"type": "http.disconnect"}

    async def send(message):
        sent.append(message)

    with anyio.fail_after(10):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(ApiApp(api), scope(path=f"/v1/instances/{uuid}/wait"), receive, send)
            await anyio.wait_all_tasks_blocked()
            assert cloud.waits.sleeping
            left.set()

    assert sent == []
    assert not cloud.waits.sleeping


async def test_client_that_leaves_in_the_middle_of_its_body_is_not_answered(api):
    sent = []
    messages = iter([{"type": "http.request", "body": b"[", "more_body": True}, {"type": "http.disconnect"}])

    async def receive():
        return next(messages)

    async def send(message):
        sent.append(message)

    await ApiApp(api)(scope("DELETE"), receive, send)

    assert sent == []


async def test_endless_body_is_cut_off(api):
    sent, received = [], 0

    async def receive():
        nonlocal received
        received += MAX_BODY
        return {"type": "http.request", "body": b" " * MAX_BODY, "more_body": True}

    async def send(message):
        sent.append(message)

    await ApiApp(api)(scope("POST"), receive, send)

    assert sent[0]["status"] == 413
    assert received <= 6 * MAX_BODY


async def test_lifespan_and_websockets_are_dealt_with(api):
    sent = []
    messages = iter([{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}])

    async def receive():
        return next(messages)

    async def send(message):
        sent.append(message["type"])

    await ApiApp(api)({"type": "lifespan"}, receive, send)
    await ApiApp(api)({"type": "websocket"}, receive, send)

    assert sent == ["lifespan.startup.complete", "lifespan.shutdown.complete", "websocket.close"]


def _create():
    from ukrom.api import Request

    body = json.dumps({**APP, "autostart": True}).encode()
    return Request("POST", "/v1/instances", authorization="Bearer token", body=body)
