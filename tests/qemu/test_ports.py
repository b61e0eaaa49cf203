from __future__ import annotations

import pytest

from ukrom.cloud.ports import Endpoint, Listening
from ukrom.qemu.ports import GuestPorts


@pytest.fixture
def told():
    return []


@pytest.fixture
def ports(told):
    return GuestPorts([8080], lambda event: told.append((event.port, event.reachable)), lambda: 1.5)


def test_a_port_leads_nowhere_until_qemu_has_bound_one(ports):
    assert ports.endpoint(8080) is None

    ports.forward({8080: 40001})

    assert ports.endpoint(8080) == Endpoint(address=("127.0.0.1", 40001))


def test_who_listens_early_is_told_once_the_port_leads_somewhere(ports, told):
    ports.heard(8080)
    assert told == []

    ports.forward({8080: 40001})

    assert told == [(8080, True)]
    assert ports.first == 1.5


def test_other_ports_are_told_when_they_are_first_seen(ports, told):
    ports.seen(["8080", "9090", "127.0.0.1:7070"])
    ports.seen(["8080", "9090", "127.0.0.1:7070", "9091"])

    assert told == [(9090, True), (7070, False), (9091, True)]
    assert ports.listening == (8080, 9090, 9091)
    assert ports.unreachable == ("127.0.0.1:7070",)


def test_the_time_of_an_event_is_in_microseconds():
    events = []
    GuestPorts([], events.append, lambda: 0.25).seen(["80"])

    assert events == [Listening(80, 250_000)]
