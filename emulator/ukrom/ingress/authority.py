"""The emulator's own certificate authority, and TLS contexts made with it."""

from __future__ import annotations

import ssl
import threading
import weakref
from collections import OrderedDict
from pathlib import Path
from typing import TYPE_CHECKING

import certifi

if TYPE_CHECKING:
    import trustme

__all__ = ["CertificateAuthority"]

LOCAL_NAMES = ("localhost", "127.0.0.1", "::1")
KEPT_CONTEXTS = 512


class CertificateAuthority:
    """One generated CA, made on first use, and a certificate per host name that is asked for.

    Every name gets a certificate of its own, so custom domains work as well as the platform's.
    Nothing is written to disk except by `bundle`.
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._made: trustme.CA | None = None
        self._client: ssl.SSLContext | None = None
        self._leaves: OrderedDict[tuple[str, ...], ssl.SSLContext] = OrderedDict()
        self._asked: weakref.WeakKeyDictionary[object, str] = weakref.WeakKeyDictionary()

    @property
    def ca_pem(self) -> bytes:
        """The CA's certificate, as PEM."""
        return self._ca().cert_pem.bytes()

    def client_context(self) -> ssl.SSLContext:
        """A context for clients that trusts this CA and nothing else; always the same one."""
        with self._lock:
            if self._client is None:
                context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
                context.load_verify_locations(cadata=self.ca_pem.decode("ascii"))
                context.set_alpn_protocols(["http/1.1"])
                self._client = context
            return self._client

    def server_context(self) -> ssl.SSLContext:
        """A context for a listener that shows each client the certificate of the name it asks for."""

        def choose(connection: ssl.SSLSocket | ssl.SSLObject, name: str | None, _: ssl.SSLContext) -> None:
            if name:
                self._asked[connection] = name.lower()
            connection.context = self._leaf(name.lower()) if name else self._leaf(*LOCAL_NAMES)

        context = _server_context()
        context.sni_callback = choose
        return context

    def asked_name(self, connection: object) -> str:
        """The host name that the client of a connection of ours asked for; empty if none."""
        return self._asked.get(connection, "")

    def bundle(self, path: Path) -> Path:
        """Write the system's CAs and this one into one PEM file, for `SSL_CERT_FILE` and its like.

        Returns:
            The path itself.
        """
        path.write_bytes(_system_cas().rstrip() + b"\n" + self.ca_pem)
        return path

    def _ca(self) -> trustme.CA:
        with self._lock:
            if self._made is None:
                import trustme  # noqa: PLC0415 -- 25 ms; only who speaks TLS pays.

                self._made = trustme.CA(organization_name="ukrom", organization_unit_name="local emulator")
            return self._made

    def _leaf(self, *names: str) -> ssl.SSLContext:
        with self._lock:
            context = self._leaves.get(names)
            if context is None:
                context = self._leaves[names] = _server_context()
                self._ca().issue_cert(*names).configure_cert(context)
                if len(self._leaves) > KEPT_CONTEXTS:
                    self._leaves.popitem(last=False)
            return context


def _server_context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_alpn_protocols(["http/1.1"])
    return context


def _system_cas() -> bytes:
    """The CAs that OpenSSL trusts by default, `SSL_CERT_FILE` respected; certifi's if it knows none."""
    known = ssl.get_default_verify_paths().cafile
    return Path(known or certifi.where()).read_bytes()
