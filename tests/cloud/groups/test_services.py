from __future__ import annotations

import pytest

from ukrom.cloud import ErrorCode, Refusal, ServiceOrder
from ukrom.cloud.groups.services import plan_services


def order(port, *handlers, **fields):
    return ServiceOrder(port, handlers=frozenset(handlers) if handlers else None, **fields)


@pytest.mark.parametrize(
    ("port", "handlers", "planned"),
    [
        (80, ["http"], ("http",)),
        (80, ["redirect", "http"], ("http", "redirect")),
        (443, ["http", "tls"], ("tls", "http")),
        (5432, ["tls"], ("tls",)),
        (80, [], ("http",)),
        (443, [], ("tls", "http")),
        (5432, [], ("tls",)),
    ],
)
def test_handlers_that_fit_the_port_are_accepted(port, handlers, planned):
    (service,) = plan_services([order(port, *handlers)])

    assert service.handlers == planned


@pytest.mark.parametrize(
    ("port", "handlers", "message"),
    [
        (80, ["tls"], "Port 80 must have the handler 'http'"),
        (80, ["http", "tls"], "Port 80 must not have the handler 'tls'"),
        (80, ["redirect"], "Port 80 must have the handler 'http'"),
        (443, ["tls"], "Port 443 must have the handler 'http'"),
        (443, ["http"], "Port 443 must have the handler 'tls'"),
        (443, ["http", "tls", "redirect"], "Port 443 must not have the handler 'redirect'"),
        (5432, ["http", "tls"], "Port 5432 must not have the handler 'http'"),
        (5432, ["http"], "Port 5432 must have the handler 'tls'"),
    ],
)
def test_handlers_that_do_not_fit_are_refused(port, handlers, message):
    with pytest.raises(Refusal, match=message) as caught:
        plan_services([order(port, *handlers)])

    assert caught.value.code is ErrorCode.INVALID


def test_destination_is_the_port_itself_by_default():
    assert plan_services([order(443)])[0].destination_port == 443


@pytest.mark.parametrize("port", [1, 65535])
def test_ports_at_the_ends_of_the_range_are_accepted(port):
    assert plan_services([order(443, destination_port=port)])[0].destination_port == port


@pytest.mark.parametrize("port", [0, 65536, -1])
def test_ports_beyond_the_range_are_refused(port):
    with pytest.raises(Refusal, match="must be from 1 to 65535"):
        plan_services([order(port)])
    with pytest.raises(Refusal, match="Invalid 'destination_port'"):
        plan_services([order(443, destination_port=port)])


def test_port_given_twice_is_refused():
    with pytest.raises(Refusal, match="Two services have the port 443"):
        plan_services([order(443), order(443)])


def test_no_service_at_all_is_refused():
    with pytest.raises(Refusal, match="at least one service"):
        plan_services([])


def test_udp_is_not_emulated():
    with pytest.raises(Refusal) as caught:
        plan_services([order(53, protocol="udp", ip="192.0.2.1")])

    assert caught.value.code is ErrorCode.NOT_SUPPORTED


def test_a_redirect_leads_to_443_by_default():
    (service,) = plan_services([order(80, "http", "redirect")])

    assert service.destination_port == 443


def test_a_redirect_to_another_port_is_refused():
    with pytest.raises(Refusal, match="A redirect must have the destination_port 443") as caught:
        plan_services([order(80, "http", "redirect", destination_port=8080)])

    assert caught.value.code is ErrorCode.INVALID
