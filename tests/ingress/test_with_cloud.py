"""The ingress over the real cloud: its gateway, with machines that do what a test says."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from ukrom.cloud import (
    Cloud,
    DomainOrder,
    Ended,
    GroupOrder,
    Image,
    ImageOrder,
    InstanceOrder,
    Listening,
    Running,
    ServiceOrder,
    Settings,
    StoredBlob,
)
from ukrom.ingress import Ingress

from .conftest import HOST, api


class OneImage:
    def resolve(self, reference):
        digest = "sha256:" + "0" * 64
        blob = StoredBlob(Path("/blob"), 4096, digest, "erofs")
        return Image(reference=reference, digest=digest, architecture="x86_64", root=blob)

    def images(self):
        return ()


class Guest:
    """A machine that is nothing but an HTTP server on this host."""

    def __init__(self, spec, report, endpoint):
        self.spec = spec
        self.report = report
        self.heard = ()
        self._endpoint = endpoint

    def stop(self, *, grace_s):
        self.report(Ended(started=True))

    def kill(self):
        self.report(Ended(started=True))

    def publish(self, port):
        pass

    def endpoint(self, port):
        return self._endpoint

    def listening(self):
        return self.heard

    def up(self, port):
        self.report(Running(boot_time_us=75_000))
        self.heard = (port,)
        self.report(Listening(port, net_time_us=80_000))


class Runner:
    name = "guests"
    speed = 1.0

    def __init__(self, endpoint):
        self.endpoint = endpoint
        self.booted = []

    def boot(self, spec, report, *, snapshot=None):
        self.booted.append(Guest(spec, report, self.endpoint))
        return self.booted[-1]


@pytest.fixture
def runner(http_machine):
    return Runner(http_machine())


@pytest.fixture
def cloud(runner):
    cloud = Cloud(Settings(wrong_port_grace_s=0.05, answer_timeout_s=0.5), runner=runner, images=OneImage())
    yield cloud
    cloud.close()


@pytest.fixture
def ingress(cloud, portal, authority, deadlines):
    ingress = Ingress(cloud.gateway, api, metros=("fra",), authority=authority, deadlines=deadlines)
    portal.call(ingress.start)
    yield ingress
    portal.call(ingress.stop)


@pytest.fixture
def instance(cloud, ingress):
    services = (
        ServiceOrder(80, 443, handlers=frozenset({"http", "redirect"})),
        ServiceOrder(443, 8080),
        ServiceOrder(9443, 8080),
    )
    order = InstanceOrder(
        image=ImageOrder("org/web:1"),
        name="hello",
        autostart=True,
        service_group=GroupOrder(services=services, domains=(DomainOrder("hello"),)),
    )
    with cloud.guard:
        instance = cloud.space(cloud.account("token")).create_instances(order)[0]
        cloud.lifecycle.start(instance)
    return instance


@pytest.mark.parametrize(
    "host", [HOST, "hello.fra.kraft.cloud", "hello.fra0.kraft.cloud", "HELLO.fra.kraft.host"]
)
def test_every_spelling_of_the_host_leads_to_the_instance(client, instance, runner, host):
    runner.booted[0].up(8080)

    assert client.get(f"https://{host}/x").text == "GET /x\n"
    assert client.get(f"http://{host}/x", follow_redirects=True).text == "GET /x\n"
    assert client.get(f"https://{host}:9443/x").text == "GET /x\n"


def test_request_made_too_early_waits_for_the_application(client, instance, runner):
    timer = threading.Timer(0.1, runner.booted[0].up, [8080])
    timer.start()

    assert client.get(f"https://{HOST}/").text == "GET /\n"
    timer.join()


def test_application_on_another_port_is_told(client, instance, runner):
    runner.booted[0].up(3000)

    answer = client.get(f"https://{HOST}/")

    assert answer.status_code == 502
    assert "'hello' does not listen on port 8080, but on 3000" in answer.text


def test_application_that_never_listens_is_told(client, instance, runner):
    answer = client.get(f"https://{HOST}/")

    assert answer.status_code == 502
    assert "Nothing listened on port 8080 within 0.5 s in 'hello' (starting)" in answer.text


def test_instance_that_ended_is_told(client, instance, runner):
    runner.booted[0].up(8080)
    runner.booted[0].report(Ended(started=True))

    answer = client.get(f"https://{HOST}/")

    assert answer.status_code == 502
    assert "The instance 'hello' is stopped" in answer.text
