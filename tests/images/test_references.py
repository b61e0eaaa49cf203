"""References as people and clients write them (specification, Part E.6)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ukrom.errors import BadReference
from ukrom.images.references import Reference

DIGEST = "sha256:" + "ab" * 32


@pytest.mark.parametrize(
    ("typed", "means"),
    [
        ("nginx", "unikraft.io/official/nginx:latest"),
        ("nginx:1.25", "unikraft.io/official/nginx:1.25"),
        ("me/app", "unikraft.io/me/app:latest"),
        ("me/team/app:v1", "unikraft.io/me/team/app:v1"),
        ("unikraft.io/me/app", "unikraft.io/me/app:latest"),
        ("unikraft.io/nginx", "unikraft.io/official/nginx:latest"),
        ("index.unikraft.io/me/app", "unikraft.io/me/app:latest"),
        ("harbor.unikraft.io/me/app", "unikraft.io/me/app:latest"),
        ("index.fra.unikraft.cloud/me/app", "unikraft.io/me/app:latest"),
        ("Index.Unikraft.IO/me/app", "unikraft.io/me/app:latest"),
        ("localhost/x", "unikraft.io/official/x:latest"),
        ("localhost:5000/o/x", "unikraft.io/o/x:latest"),
        ("127.0.0.1:5000/o/x:1", "unikraft.io/o/x:1"),
        ("docker.io/nginx", "docker.io/library/nginx:latest"),
        ("ghcr.io/o/x", "ghcr.io/o/x:latest"),
        ("registry.example:5000/o/x", "registry.example:5000/o/x:latest"),
        (f"me/app@{DIGEST}", f"unikraft.io/me/app@{DIGEST}"),
        (f"me/app:v1@{DIGEST}", f"unikraft.io/me/app:v1@{DIGEST}"),
        (f"me/app@{DIGEST.upper().replace('SHA', 'sha')}", f"unikraft.io/me/app@{DIGEST}"),
        (f"oci://unikraft.io/me/app:latest@{DIGEST}", f"unikraft.io/me/app:latest@{DIGEST}"),
        ("oci://me/app", "unikraft.io/me/app:latest"),
    ],
)
def test_reference_means(typed, means):
    assert str(Reference.parse(typed)) == means


@pytest.mark.parametrize(
    ("typed", "reason"),
    [
        ("", "is empty"),
        ("Me/App", "'Me' must be in lower case"),
        ("me/app:", "'' is no tag"),
        ("me/app:a b", "'a b' is no tag"),
        ("me/app:-v1", "'-v1' is no tag"),
        (f"me/app:{'t' * 129}", "is no tag"),
        ("me/app@", "'' is no digest"),
        ("me/app@sha256:12", "'sha256:12' is no digest"),
        ("me/app@latest", "'latest' is no digest"),
        ("me//app", "'' is no name"),
        ("/me/app", "'' is no name"),
        ("me/", "'' is no name"),
        ("me/../app", "'..' is no name"),
        ("me/app name", "'app name' is no name"),
        (":5000/me/app", "':5000' is no host name"),
        ("http+oci://host/repo/@sha256:12", "its scheme 'http+oci' is not supported, only 'oci' is"),
        ("oci-layout://dir", "its scheme 'oci-layout' is not supported"),
    ],
)
def test_text_that_is_no_reference_is_refused(typed, reason):
    with pytest.raises(BadReference) as caught:
        Reference.parse(typed)

    assert reason in str(caught.value)
    assert "Write [<host>/]" in str(caught.value)


def test_short_form_is_what_people_type():
    assert Reference.parse("index.unikraft.io/official/nginx").short == "nginx:latest"
    assert Reference.parse("unikraft.io/me/app:v1").short == "me/app:v1"
    assert Reference.parse("docker.io/nginx").short == "docker.io/nginx:latest"


def test_pinned_form_is_what_the_platform_gives_back():
    assert Reference.parse("me/app").pinned(DIGEST) == f"oci://unikraft.io/me/app:latest@{DIGEST}"


names = st.from_regex(r"[a-z0-9]{1,8}((\.|_|__|-{1,2})[a-z0-9]{1,4}){0,2}", fullmatch=True)
hosts = st.sampled_from(
    ["", "unikraft.io/", "index.unikraft.io/", "localhost:5000/", "ghcr.io/", "docker.io/"]
)
tags = st.one_of(st.just(""), st.from_regex(r":[A-Za-z0-9_][A-Za-z0-9_.-]{0,20}", fullmatch=True))
digests = st.sampled_from(["", f"@{DIGEST}"])


def written(host: str, path: list[str], tag: str, digest: str) -> str:
    # a first segment with a dot in it is a host
    host = "unikraft.io/" if host == "" and "." in path[0] else host
    return f"{host}{'/'.join(path)}{tag}{digest}"


references = st.builds(written, hosts, st.lists(names, min_size=1, max_size=3), tags, digests)


@given(references)
def test_every_form_of_a_reference_leads_back_to_it(text):
    reference = Reference.parse(text)

    assert Reference.parse(str(reference)) == reference
    assert Reference.parse(reference.short) == reference
    assert Reference.parse(reference.pinned(DIGEST)).repository == reference.repository


@given(st.text(max_size=40))
def test_any_text_is_a_reference_or_refused(text):
    try:
        reference = Reference.parse(text)
    except BadReference:
        return
    assert Reference.parse(str(reference)) == reference
