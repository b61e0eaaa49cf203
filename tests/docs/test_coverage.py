"""The page on what is emulated is true, and no operation goes untested."""

from __future__ import annotations

import runpy
import sys

import pytest

from .snippets import ROOT


@pytest.fixture(scope="module")
def coverage():
    # Data classes look their module up by name.
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "coverage_page", type(sys)("coverage_page"))
        yield runpy.run_path(str(ROOT / "docs" / "coverage.py"), run_name="coverage_page")


def test_page_is_up_to_date(coverage):
    text = coverage["PAGE"].read_text(encoding="utf-8")

    assert coverage["page"](coverage["collected"]()) == text, "run: python docs/coverage.py"


def test_every_operation_has_a_test_of_its_change_and_one_of_its_refusal(coverage):
    assert coverage["faults"](coverage["collected"]()) == []


def test_missing_tests_are_told(coverage):
    tests = coverage["collected"]()
    fewer = [test for test in tests if (test.operation, test.kind) != ("POST /v1/services", "refusal")]
    without = [test for test in tests if test.operation != "GET /v1/instances/{uuid}/log"]

    assert coverage["faults"](fewer) == ["no test sees a refusal of 'create services'"]
    assert coverage["faults"](without) == ["no test takes GET /v1/instances/{uuid}/log"]


def test_marks_of_no_operation_or_kind_are_told(coverage, tmp_path):
    (tmp_path / "test_wrong.py").write_text(
        "@pytest.mark.covers('PUT /v1/nothing', kind='joke')\ndef test_nothing(): pass\n"
    )
    told = " ".join(coverage["faults"](coverage["collected"](tmp_path)))

    assert "test_wrong::test_nothing covers 'PUT /v1/nothing', which is no operation" in told
    assert "but 'joke'" in told


def test_doors_of_a_test_are_those_that_it_is_marked_with(coverage, tmp_path):
    (tmp_path / "test_doors.py").write_text(
        "@pytest.mark.covers('GET /v1/healthz', kind='change')\n"
        "@pytest.mark.through('http')\n"
        "async def test_health(): pass\n"
    )
    (test,) = coverage["collected"](tmp_path)

    assert test.doors == ("http",)
