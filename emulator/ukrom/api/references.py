"""Image references, as far as listings compare them (specification, Part E.6)."""

from __future__ import annotations

__all__ = ["namespace", "repository", "tag_of"]


def repository(reference: str) -> str:
    """Give `<namespace>/<repository>`; scheme, registry host, tag and digest are dropped."""
    path = reference.split("://", 1)[-1].split("@", 1)[0]
    first, slash, rest = path.partition("/")
    if slash and ("." in first or ":" in first or first == "localhost"):
        path = rest
    head, slash, last = path.rpartition("/")
    return f"{head or 'official'}/{last.split(':', 1)[0]}"


def namespace(reference: str) -> str:
    """Give the namespace of a reference."""
    return repository(reference).rsplit("/", 1)[0]


def tag_of(reference: str) -> str:
    """Give the tag of a reference, `latest` if it has none."""
    last = reference.split("://", 1)[-1].split("@", 1)[0].rsplit("/", 1)[-1]
    return last.partition(":")[2] or "latest"
