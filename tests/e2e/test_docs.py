"""The snippets of the documentation that need real VMs, all in one run of pytest."""

from __future__ import annotations

import pytest

from ..docs.snippets import lay_out  # noqa: TID252 - a neighbour, and tests are no package

pytestmark = pytest.mark.ukrom_vm


def test_vm_snippets_pass_in_real_vms(pytester):
    expected = lay_out(pytester.path, note="vm")
    assert expected >= 2

    result = pytester.runpytest_subprocess("--ukrom", "--ukrom-require-vm", "-W", "error", timeout=240)

    outcomes = result.parseoutcomes()
    assert set(outcomes) == {"passed"}, outcomes
    assert outcomes["passed"] >= expected
