"""Header fields on their way through the gateway (RFC 9110, section 7.6)."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Fields", "downstream", "field", "upstream"]

Fields: TypeAlias = "list[tuple[bytes, bytes]]"
"""Names in lower case."""

HOP_BY_HOP = frozenset(
    {
        b"connection",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    }
)
FORWARDED = frozenset({b"x-forwarded-for", b"x-forwarded-host", b"x-forwarded-proto"})


def field(fields: Iterable[tuple[bytes, bytes]], name: bytes) -> bytes | None:
    """The first value of a field, or None."""
    return next((value for key, value in fields if key == name), None)


def upstream(fields: Fields, *, client: str, scheme: str) -> Fields:
    """The fields of a request as the instance gets them.

    `Host` stays as the client sent it. `Expect` goes, since the listener has answered it. One
    connection carries one request: a kept one would stand in the way of single-threaded
    applications and would be torn by a snapshot.
    """
    dropped = HOP_BY_HOP | FORWARDED | {b"expect"} | _named_by_connection(fields)
    kept = [(name, value) for name, value in fields if name not in dropped]
    before = field(fields, b"x-forwarded-for")
    chain = client.encode() if before is None else before + b", " + client.encode()
    kept.append((b"x-forwarded-for", chain))
    kept.append((b"x-forwarded-proto", scheme.encode()))
    kept.append((b"x-forwarded-host", field(fields, b"host") or b""))
    kept.append((b"connection", b"close"))
    if field(fields, b"transfer-encoding") is not None and field(fields, b"content-length") is None:
        kept.append((b"transfer-encoding", b"chunked"))
    return kept


def downstream(fields: Fields) -> Fields:
    """The fields of an instance's answer as the client gets them."""
    dropped = HOP_BY_HOP | _named_by_connection(fields)
    return [(name, value) for name, value in fields if name not in dropped]


def _named_by_connection(fields: Fields) -> frozenset[bytes]:
    named: set[bytes] = set()
    for name, value in fields:
        if name == b"connection":
            named.update(token.strip().lower() for token in value.split(b","))
    # A client must not be able to have these stripped: the request would be read as another one.
    return frozenset(named - {b"host", b"content-length"})
