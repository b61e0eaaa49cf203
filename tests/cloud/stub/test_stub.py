from __future__ import annotations

import anyio
import httpx
import pytest

from ukrom.cloud import Cloud, State, StubRunner


@pytest.fixture
def runner():
    return StubRunner()


def answer_of(cloud, instance, path="/"):
    route = cloud.gateway.route(instance.group.domains[0].fqdn("unikraft.app"), 443)
    app = cloud.gateway.lease(route).result(0).endpoint.app

    async def ask():
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://web") as client:
            return await client.post(path, content=b"body")

    return anyio.run(ask)


def test_instance_runs_at_once_but_answers_as_starting(cloud, create):
    instance = create()
    with cloud.guard:
        cloud.lifecycle.start(instance)
        assert instance.state is State.STARTING

    assert instance.state is State.RUNNING


@pytest.mark.parametrize("prefix", ["org/web", "org/web:1", "web", "oci://unikraft.io/org/web:1@sha256:"])
def test_callable_answers_for_its_image(cloud, create, start, runner, prefix):
    runner.answer(prefix, lambda request: f"{request.method} {request.path} {request.body.decode()}")
    instance = create()
    start(instance)

    answer = answer_of(cloud, instance, "/a?b=c")

    assert (answer.status_code, answer.text) == (200, "POST /a body")
    assert answer.headers["content-type"] == "text/html"


def test_longest_prefix_wins_and_status_and_headers_are_kept(cloud, create, start, runner):
    runner.answer("org/", lambda _: b"short")
    runner.answer("org/web", lambda _: (418, b"long", {"X-Tea": "yes"}))
    instance = create()
    start(instance)

    answer = answer_of(cloud, instance)

    assert (answer.status_code, answer.content, answer.headers["x-tea"]) == (418, b"long", "yes")


def test_asgi_app_answers_as_it_is(cloud, create, start, runner):
    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": 202, "headers": []})
        await send({"type": "http.response.body", "body": scope["path"].encode()})

    runner.answer("org/web", app)
    instance = create()
    start(instance)

    assert answer_of(cloud, instance, "/x").text == "/x"


def test_instance_with_no_answer_says_so(cloud, create, start):
    instance = create()
    start(instance)

    answer = answer_of(cloud, instance)

    assert answer.status_code == 501
    assert "no answer is registered for oci://unikraft.io/org/web:1@sha256:" in answer.text
    assert "stub.answer(image, app)" in answer.text


def test_answer_may_come_after_the_instance(cloud, create, start, runner):
    instance = create()
    start(instance)
    runner.answer("web", lambda _: "late")

    assert answer_of(cloud, instance).text == "late"


def test_what_was_since_a_mark_can_be_forgotten(cloud, create, start, runner):
    runner.answer("web", lambda _: "before")
    instance = create()
    start(instance)
    forget = runner.mark()
    runner.answer("web", lambda _: "since")
    start(create())
    assert answer_of(cloud, instance).text == "since"

    forget()

    assert answer_of(cloud, instance).text == "before"
    assert [machine.spec.uuid for machine in runner.machines] == [instance.uuid]


def test_exit_and_crash_can_be_provoked(create, start, runner):
    instance = create()
    start(instance)
    runner.machines[-1].print("Traceback\n")
    runner.machines[-1].exit(1)
    assert (instance.state, instance.stop_reason, instance.exit_code) == (State.STOPPED, 3, 1)

    start(instance)
    runner.machines[-1].crash(818948)

    assert (instance.stop_reason, instance.stop_code) == (1, 818948)
    assert instance.console == b"Traceback\n"


def test_events_after_the_end_are_not_reported(create, start, runner):
    instance = create()
    start(instance)
    machine = runner.machines[-1]
    machine.kill()
    machine.print("late")

    assert instance.console == b""


def test_stub_needs_no_clock_to_be_stopped(store, order, runner):
    cloud = Cloud(runner=runner, images=store)
    with cloud.guard:
        (instance,) = cloud.space(cloud.account("token")).create_instances(order())
        cloud.lifecycle.start(instance)
    cloud.close()

    assert instance.state is State.DELETED
    assert not runner.machines[-1].alive
