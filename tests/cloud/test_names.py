from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ukrom.names import Names, base_name


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
    from ukrom.cloud.instances.plans import check_name

    check_name(Names(1).instance(reference))


class Picky(set):
    """Has everything the first time it is asked."""

    asked = 0

    def __contains__(self, name):
        self.asked += 1
        return self.asked == 1


@pytest.mark.parametrize("make", ["instance", "domain"])
def test_taken_name_is_not_given(make):
    names = Names(3)
    taken = Picky()
    getattr(names, make)("web", taken)

    assert taken.asked == 2


def test_uuids_are_version_4_and_seeded():
    assert Names(5).uuid() == Names(5).uuid()
    assert Names(5).uuid() != Names(6).uuid()
    assert Names().uuid().version == 4
