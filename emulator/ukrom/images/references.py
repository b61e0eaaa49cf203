"""Image references: `[oci://][host/][<org>/]<name>[:<tag>][@<digest>]`.

Follows the specification, Part E.6, and images and clients, section 2.1. The public registry, the
registry of a metro and this emulator's own are one name space, so all their hosts are one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from ukrom.errors import BadReference

__all__ = ["Reference"]

_HOST = "unikraft.io"
_FOLDED = frozenset({_HOST, "harbor.unikraft.io"})
_LOOPBACK = re.compile(r"localhost|127(\.\d{1,3}){3}|\[::1\]")
_NAMESPACES = {_HOST: "official/", "docker.io": "library/"}
_SYNTAX = "[<host>/][<org>/]<name>[:<tag>][@sha256:<64 hex digits>]"

_HOST_SYNTAX = re.compile(r"(?:[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:]+\])(?::\d{1,5})?")
_COMPONENT = re.compile(r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}|(?!sha256:)[a-z0-9]+(?:[.+_-][a-z0-9]+)*:[0-9a-f]{32,}")


@dataclass(frozen=True, slots=True)
class Reference:
    """Where an image is: host, repository, and a tag or a digest or both.

    If there are both, the digest says which image it is and the tag is for people.
    """

    host: str
    """`unikraft.io` for all hosts that are the platform's or this emulator's own."""
    repository: str
    """`<org>/<name>`, without host."""
    tag: str | None = None
    digest: str | None = None
    """`sha256:<64 hex>`."""

    @classmethod
    def parse(cls, text: str) -> Reference:
        """Read a reference; a bare name is in `official`, and without tag and digest it is `latest`.

        Raises:
            BadReference: The text is no reference.
        """
        if not isinstance(text, str) or text == "":
            raise BadReference("The image reference is empty.", remedy=f"Write {_SYNTAX}.")
        scheme, separator, rest = text.rpartition("://")
        if separator and scheme != "oci":
            raise _bad(text, f"its scheme {scheme!r} is not supported, only 'oci' is")
        rest, has_digest, digest = rest.partition("@")
        path, tag = _split_tag(rest)
        host, repository = _split_host(path)
        reference = cls(host, repository, tag, digest.lower() if has_digest else None)
        reference._check(text)
        return reference if reference.tag or has_digest else replace(reference, tag="latest")

    def __str__(self) -> str:
        """Normalised: `unikraft.io/<org>/<name>:<tag>@<digest>`, with what there is of the last two."""
        return f"{self.host}/{self.repository}{self._suffix()}"

    @property
    def name(self) -> str:
        """Host and repository: `unikraft.io/<org>/<name>`."""
        return f"{self.host}/{self.repository}"

    @property
    def short(self) -> str:
        """As people type it: `<org>/<name>:<tag>`, `<name>:<tag>` for official images."""
        repository = self.repository.removeprefix(_NAMESPACES.get(self.host, "\0"))
        if "/" in repository:
            repository = self.repository  # a longer path in a default namespace would look like another
        if self.host != _HOST or ("/" in repository and _looks_like_host(repository.partition("/")[0])):
            return f"{self.host}/{repository}{self._suffix()}"
        return f"{repository}{self._suffix()}"

    def pinned(self, digest: str) -> str:
        """As the platform gives it back: `oci://unikraft.io/<org>/<name>:<tag>@sha256:<hex>`."""
        return f"oci://{replace(self, digest=digest)}"

    def _suffix(self) -> str:
        tag = f":{self.tag}" if self.tag else ""
        return f"{tag}@{self.digest}" if self.digest else tag

    def _check(self, text: str) -> None:
        if not _HOST_SYNTAX.fullmatch(self.host):
            raise _bad(text, f"{self.host!r} is no host name")
        for component in self.repository.split("/"):
            if component != component.lower():
                raise _bad(text, f"{component!r} must be in lower case")
            if not _COMPONENT.fullmatch(component):
                raise _bad(text, f"{component!r} is no name")
        if self.tag is not None and not _TAG.fullmatch(self.tag):
            raise _bad(text, f"{self.tag!r} is no tag")
        if self.digest is not None and not _DIGEST.fullmatch(self.digest):
            raise _bad(text, f"{self.digest!r} is no digest")


def _split_tag(text: str) -> tuple[str, str | None]:
    """Part path and tag; a colon in an earlier segment is that of a port."""
    head, slash, name = text.rpartition("/")
    name, has_tag, tag = name.partition(":")
    return f"{head}{slash}{name}", tag if has_tag else None


def _split_host(path: str) -> tuple[str, str]:
    """Part host and repository; default and folded hosts become one."""
    first, slash, rest = path.partition("/")
    if not slash or not _looks_like_host(first):
        host, repository = _HOST, path
    else:
        host, repository = _fold(first.lower()), rest
    if "/" not in repository:
        repository = _NAMESPACES.get(host, "") + repository
    return host, repository


def _looks_like_host(segment: str) -> bool:
    return "." in segment or ":" in segment or segment == "localhost"


def _fold(host: str) -> str:
    """[choice] A loopback registry is this emulator's own; so is that of any metro, `index.<metro host>`."""
    bare = host.partition(":")[0] if not host.startswith("[") else host.partition("]")[0] + "]"
    own = bare in _FOLDED or bare.startswith("index.") or _LOOPBACK.fullmatch(bare)
    return _HOST if own and _HOST_SYNTAX.fullmatch(host) else host


def _bad(text: str, reason: str) -> BadReference:
    return BadReference(f"{text!r} is no image reference: {reason}.", remedy=f"Write {_SYNTAX}.")
