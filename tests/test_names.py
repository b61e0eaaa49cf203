from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ukrom.names import Names, base_name

SEEDS = st.one_of(st.integers(), st.text())
LEGAL_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,254}")
LEGAL_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")


def all_of(names):
    return [
        names.uuid(),
        names.suffix(24),
        names.instance("org/web:1"),
        names.group(),
        names.domain("web"),
        names.volume(),
    ]


@pytest.mark.parametrize(
    ("reference", "name"),
    [
        ("org/http-python:latest", "http-python"),
        ("nginx", "nginx"),
        ("index.unikraft.io/org/web@sha256:" + "0" * 64, "web"),
        ("oci://unikraft.io/org/web:1@sha256:" + "0" * 64, "web"),
        ("localhost:5000/web", "web"),
    ],
)
def test_base_name_is_the_last_part_without_tag_and_digest(reference, name):
    assert base_name(reference) == name


@given(st.text(max_size=400))
def test_any_reference_gives_a_legal_name(reference):
    assert LEGAL_NAME.fullmatch(Names(1).instance(reference))


@given(st.from_regex(LEGAL_NAME, fullmatch=True))
def test_any_name_of_a_group_gives_a_dns_label(group):
    assert LEGAL_LABEL.fullmatch(Names(1).domain(group))


@pytest.mark.parametrize(
    ("make", "shape"),
    [
        (lambda names: names.instance("org/web:1"), r"web-[a-z0-9]{5}"),
        (lambda names: names.group(), r"[a-z]+-[a-z]+-[a-z0-9]{8}"),
        (lambda names: names.domain("Web_1.api"), r"web-1-api-[a-z0-9]{8}"),
        (lambda names: names.domain("..."), r"service-[a-z0-9]{8}"),
        (lambda names: names.volume(), r"vol-[a-z0-9]{5}"),
    ],
)
def test_names_have_the_platform_s_shapes(make, shape):
    assert re.fullmatch(shape, make(Names(1)))


def test_longest_names_are_cut_and_keep_their_suffix():
    names = Names(1)

    assert re.fullmatch(r"a{249}-[a-z0-9]{5}", names.instance("a" * 300))
    assert re.fullmatch(r"a{54}-[a-z0-9]{8}", names.domain("a" * 255))


class Picky:
    """Has everything the first time it is asked."""

    def __init__(self):
        self.asked = []

    def __contains__(self, name):
        self.asked.append(name)
        return len(self.asked) == 1


@pytest.mark.parametrize(
    "make",
    [
        lambda names, taken: names.instance("web", taken),
        lambda names, taken: names.group(taken),
        lambda names, taken: names.domain("web", taken),
        lambda names, taken: names.volume(taken),
    ],
)
def test_taken_name_is_not_given(make):
    taken = Picky()
    name = make(Names(3), taken)

    refused, given = taken.asked
    assert name == given != refused


@given(SEEDS)
def test_same_seed_gives_the_same_names(seed):
    assert all_of(Names(seed)) == all_of(Names(seed))


def test_other_seeds_give_other_names():
    assert len({Names(seed).uuid() for seed in (5, 6, "5", "fra", None, None)}) == 6


@given(SEEDS)
def test_uuids_are_version_4(seed):
    uuid = Names(seed).uuid()

    assert (uuid.version, uuid.variant) == (4, "specified in RFC 4122")
