"""Names of architectures."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from ukrom.errors import HostNotSupported, ImageError
from ukrom.images import host_architecture, known_architecture


@pytest.mark.parametrize(
    ("text", "means"),
    [
        ("amd64", "x86_64"),
        ("x86-64", "x86_64"),
        ("X86_64", "x86_64"),
        ("aarch64", "arm64"),
        ("arm64", "arm64"),
    ],
)
def test_spellings_are_folded(text, means):
    assert known_architecture(text) == means


def test_unknown_one_is_refused():
    with pytest.raises(ImageError, match="no architecture 's390x' on the platform"):
        known_architecture("s390x")


def test_host_of_an_unknown_kind_is_told_so(monkeypatch):
    monkeypatch.setattr("os.uname", lambda: SimpleNamespace(machine="ppc64le"))

    with pytest.raises(HostNotSupported, match="This machine is of architecture 'ppc64le'"):
        host_architecture()
