"""Which host name leads where on the two HTTP listeners."""

from __future__ import annotations

import socket
import ssl

import httpx
import pytest

from ukrom.ingress import Ingress, PortNotServed
from ukrom.ingress.hosts import Authority, Hosts, Site, split_authority

from .conftest import HOST, read_head


@pytest.mark.parametrize(
    "host",
    [
        "api.fra.unikraft.cloud",
        "API.FRA.unikraft.cloud",
        "api.fra.kraft.cloud",
        "api.fra0.kraft.cloud",
        "controlplane.unikraft.cloud",
        "localhost",
        "127.0.0.1",
        "[::1]:80",
        "192.0.2.1",
        # These are not emulated, which the API says in its own form.
        "api.dal.unikraft.cloud",
        "api.mars.kraft.cloud",
        "build.unikraft.cloud",
    ],
)
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_hosts_of_the_api_lead_to_the_api(client, scheme, host):
    answer = client.get(f"{scheme}://localhost/v1/healthz", headers={"Host": host})

    assert answer.headers["x-from"] == "api"
    assert answer.text == "api GET /v1/healthz"


def test_client_without_a_host_means_the_address_it_connected_to(ingress):
    with socket.create_connection(("127.0.0.1", ingress.http_port), timeout=10) as raw:
        raw.sendall(b"GET /v1/healthz HTTP/1.0\r\n\r\n")
        assert read_head(raw).startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize(
    "host", ["unknown.fra.unikraft.app", "example.com", "index.unikraft.io", "kraft.cloud", "::", "a:b"]
)
def test_unknown_host_gets_the_page_of_the_platform(client, host):
    answer = client.get("http://localhost/x", headers={"Host": host})

    assert answer.status_code == 404
    assert answer.headers["content-type"].startswith("text/html")
    assert "There is no service on this URL" in answer.text


@pytest.mark.parametrize("label", ["www", "api", "index"])
def test_reserved_name_is_never_a_service(client, gateway, http_machine, label):
    host = f"{label}.fra.unikraft.app"
    gateway.serve(host, http_machine())

    answer = client.get(f"https://{host}/")

    assert answer.status_code == 404
    assert f"the name '{label}' is reserved" in answer.text


def test_service_on_443_only_has_nothing_on_http(client, gateway, http_machine):
    gateway.serve(HOST, http_machine())

    answer = client.get(f"http://{HOST}/")

    assert answer.status_code == 404
    assert f"There is no service on this URL: http://{HOST}/ (there is one on https)" in answer.text


def test_custom_domain_leads_to_its_service(client, gateway, http_machine):
    gateway.serve("shop.example.com", http_machine())

    assert client.get("https://shop.example.com/x").text == "GET /x\n"


class TestRedirect:
    @pytest.fixture(autouse=True)
    def service(self, gateway, http_machine):
        endpoint = http_machine()
        gateway.serve(HOST, endpoint, port=80, handlers=("http", "redirect"))
        gateway.serve(HOST, endpoint)

    def test_it_leads_to_the_public_host(self, client):
        answer = client.post(f"http://{HOST}/a%20b?c=d")

        assert answer.status_code == 308
        assert answer.headers["location"] == f"https://{HOST}/a%20b?c=d"

    def test_it_can_be_followed(self, client):
        assert client.get(f"http://{HOST}/x", follow_redirects=True).text == "GET /x\n"

    def test_who_came_by_the_loopback_port_is_led_to_the_other_one(self, client, ingress):
        answer = client.get(f"http://{HOST}:{ingress.http_port}/x")

        assert answer.headers["location"] == f"https://{HOST}:{ingress.https_port}/x"
        assert client.get(answer.headers["location"]).text == "GET /x\n"


def peer_names(ingress, server_name):
    context = ingress.authority.client_context()
    with (
        socket.create_connection(("127.0.0.1", ingress.https_port), timeout=10) as raw,
        context.wrap_socket(raw, server_hostname=server_name) as secure,
    ):
        return [name for _, name in secure.getpeercert()["subjectAltName"]]


def test_every_name_is_shown_a_certificate_of_its_own(ingress):
    assert peer_names(ingress, HOST) == [HOST]
    assert peer_names(ingress, "shop.example.com") == ["shop.example.com"]
    assert "127.0.0.1" in peer_names(ingress, "127.0.0.1")


def test_client_that_does_not_know_the_ca_refuses(ingress, gateway, http_machine):
    gateway.serve(HOST, http_machine())
    with (
        socket.create_connection(("127.0.0.1", ingress.https_port), timeout=10) as raw,
        pytest.raises(ssl.SSLCertVerificationError),
    ):
        ssl.create_default_context().wrap_socket(raw, server_hostname=HOST)


def test_ca_in_a_bundle_is_enough_for_an_ordinary_client(ingress, gateway, http_machine, tmp_path):
    gateway.serve("localhost", http_machine())
    bundle = ingress.authority.bundle(tmp_path / "ca.pem")

    with httpx.Client(verify=ssl.create_default_context(cafile=str(bundle)), trust_env=False) as client:
        answer = client.get(f"https://localhost:{ingress.https_port}/v1/healthz")

    assert answer.headers["x-from"] == "api"
    assert bundle.read_text().count("BEGIN CERTIFICATE") > 1


def test_nonsense_gets_400_and_no_log(ingress, caplog):
    with socket.create_connection(("127.0.0.1", ingress.http_port), timeout=10) as raw:
        raw.sendall(b"\x16\x03\x01 nonsense\r\n\r\n")
        assert read_head(raw).startswith(b"HTTP/1.1 400 ")
    assert caplog.text == ""


def test_failure_of_the_api_is_a_500_and_is_logged(portal, gateway, authority, deadlines, caplog):
    async def broken(scope, receive, send):
        raise LookupError("no such operation")

    ingress = Ingress(gateway, broken, metros=("fra",), authority=authority, deadlines=deadlines)
    portal.call(ingress.start)
    with httpx.Client(transport=ingress.transport()) as client:
        assert client.get("http://localhost/v1/x").status_code == 500
    portal.call(ingress.stop)

    assert "GET /v1/x failed" in caplog.text
    assert "LookupError: no such operation" in caplog.text


def test_answers_are_not_held_up_by_delayed_acknowledgements(client, gateway, http_machine):
    # 44 ms each if they were; 20 of them leave room for a slow machine.
    gateway.serve(HOST, http_machine())
    client.get(f"https://{HOST}/")

    total = sum(client.post(f"https://{HOST}/", content=b"x").elapsed.total_seconds() for _ in range(20))

    assert total < 0.6


def test_ports_of_an_ingress_that_does_not_run_are_refused(portal, ingress):
    portal.call(ingress.stop)

    with pytest.raises(PortNotServed, match="not running"):
        ingress.port_for(443)


def test_taken_port_is_an_error_and_leaves_nothing(portal, ingress, gateway):
    other = type(ingress)(gateway, None, metros=("fra",), https_port=ingress.https_port)

    with pytest.raises(OSError, match="in use"):
        portal.call(other.start)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Hello.fra.unikraft.app.", Authority("hello.fra.unikraft.app", None)),
        ("a:81", Authority("a", 81)),
        ("[::1]:81", Authority("::1", 81)),
        ("[::1]", Authority("::1", None)),
        ("a:x", Authority("", None)),
        ("", Authority("", None)),
    ],
)
def test_authority_is_taken_apart(text, expected):
    assert split_authority(text) == expected


@pytest.mark.parametrize(
    ("host", "site"),
    [
        ("api.fra.unikraft.cloud", Site.API),
        ("api.fra0.kraft.cloud", Site.API),
        ("controlplane.unikraft.cloud", Site.API),
        ("a.fra.kraft.cloud", Site.INSTANCE),
        ("a.fra.kraft.host", Site.INSTANCE),
        ("a.b.fra.unikraft.app", Site.INSTANCE),
        ("api.dal.unikraft.cloud", Site.NOT_EMULATED),
        ("build.unikraft.cloud", Site.API),
        ("index.unikraft.io", Site.NOT_EMULATED),
        ("unikraft.io", Site.NOT_EMULATED),
        ("unikraft.app", Site.NOT_EMULATED),
        ("unikraft.com", Site.FOREIGN),
        ("notunikraft.app", Site.FOREIGN),
    ],
)
def test_host_names_are_sorted(host, site):
    assert Hosts(["fra"]).site(host) is site
