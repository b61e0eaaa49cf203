"""The emulator's own certificates."""

from __future__ import annotations

import ssl
import subprocess
import sys

import httpx
import pytest

import ukrom.ingress
from ukrom.ingress import CertificateAuthority, Deadlines


def handshake(authority, name):
    """A handshake in memory; gives what the server's side knows."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = authority.client_context().wrap_bio(to_client, to_server, server_hostname=name or "127.0.0.1")
    server = authority.server_context().wrap_bio(to_server, to_client, server_side=True)
    for side in (client, server, client, server):
        try:
            side.do_handshake()
        except ssl.SSLWantReadError:
            continue
    return client, server


def test_name_that_was_asked_for_is_known(authority):
    client, server = handshake(authority, "Shop.example.com")

    assert authority.asked_name(server) == "shop.example.com"
    assert authority.asked_name(handshake(authority, None)[1]) == ""
    assert client.selected_alpn_protocol() == "http/1.1"


def test_client_context_is_made_once(authority):
    assert authority.client_context() is authority.client_context()


def test_two_authorities_do_not_trust_each_other(authority):
    other = CertificateAuthority()
    other.client_context()
    trusting = CertificateAuthority()
    trusting.client_context = authority.client_context

    assert other.ca_pem != authority.ca_pem
    trusting.server_context = other.server_context
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(trusting, "a.fra.unikraft.app")


def test_bundle_holds_what_ssl_cert_file_named(authority, tmp_path, monkeypatch):
    mine = tmp_path / "mine.pem"
    mine.write_bytes(CertificateAuthority().ca_pem)
    monkeypatch.setenv("SSL_CERT_FILE", str(mine))

    bundle = authority.bundle(tmp_path / "bundle.pem").read_bytes()

    assert mine.read_bytes().strip() in bundle
    assert authority.ca_pem in bundle


def test_certificates_beyond_the_kept_ones_are_made_anew(authority, monkeypatch):
    monkeypatch.setattr("ukrom.ingress.authority.KEPT_CONTEXTS", 1)
    for name in ("a.example.com", "b.example.com", "a.example.com"):
        client, _ = handshake(authority, name)
        assert client.getpeercert()["subjectAltName"] == (("DNS", name),)


def test_no_certificate_is_made_for_clients_without_tls():
    code = "import sys, ukrom.ingress; ukrom.ingress.CertificateAuthority(); print('trustme' in sys.modules)"
    path = {"PYTHONPATH": ":".join(sys.path)}

    result = subprocess.run(
        [sys.executable, "-c", code], env=path, capture_output=True, text=True, check=True
    )

    assert result.stdout == "False\n"


def test_deadlines_grow_with_a_slow_runner_but_not_the_stop():
    scaled = Deadlines(lease=1, connect=2, answer=3, idle=4, stop=5, head=6, pause=7).scaled(2)

    assert scaled == Deadlines(2, 4, 6, 8, 5, head=6, pause=11)
    assert scaled.pause > scaled.idle


def test_public_names():
    assert ukrom.ingress.__all__ == sorted(ukrom.ingress.__all__)
    assert all(hasattr(ukrom.ingress, name) for name in ukrom.ingress.__all__)
    assert issubclass(ukrom.ingress.IngressTransport, httpx.BaseTransport)
