"""`ukrom doctor` tells what is there, what is missing and what to do; it never fails itself."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ukrom.errors import MissingTool
from ukrom.host import Accelerator, FoundTool, GuestKernel, Qemu, Trial

MEASURED = (
    Trial("kvm", None, "a loop did not end within 2 s", passed=False),
    Trial("tcg", 0.08, "a loop ran in 0.08 s", passed=True),
)


@pytest.fixture
def machine(monkeypatch):
    """A machine that has everything; `machine(name=error)` takes something away."""

    def replace(name, answer):
        def found(*_):
            if isinstance(answer, Exception):
                raise answer
            return answer

        monkeypatch.setattr(f"ukrom.cli.diagnosis.{name}", found)

    def machine(**answers):
        everything = {
            "find_tool": FoundTool(Path("/usr/bin/tool"), "1.5"),
            "find_qemu": Qemu(Path("/usr/bin/qemu"), "7.2.22"),
            "find_kernel": GuestKernel(Path("/cache/vmlinuz"), "6.1.0-9", ()),
            "agent_binary": Path("/agent"),
            "find_compiler": ["zig", "cc"],
            "accelerator": Accelerator("tcg", "kvm is of no use", 10.0, MEASURED),
        }
        for name, answer in (everything | answers).items():
            replace(name, answer)

    return machine


def report(result):
    return {finding["name"]: finding for finding in json.loads(result.output)["findings"]}


def test_complete_machine_passes(ukrom, machine):
    machine()
    result = ukrom("doctor")
    assert result.exit_code == 0
    assert "7.2.22, /usr/bin/qemu" in result.output
    assert "a loop ran in 0.08 s (chosen)" in result.output
    assert result.output.endswith("Next: Run `pytest --ukrom`.\n")


@pytest.mark.parametrize("name", ["find_qemu", "find_kernel", "agent_binary", "accelerator"])
def test_machine_that_cannot_boot_fails_with_the_next_step(ukrom, machine, name):
    machine(**{name: MissingTool("it", "It is not there.", remedy="Get it.")})
    result = ukrom("doctor")
    assert result.exit_code == 1
    assert "It is not there." in result.output
    assert result.output.endswith("Next: Get it.\n")


def test_missing_compiler_is_no_failure(ukrom, machine):
    machine(find_compiler=None)
    result = ukrom("doctor")
    assert result.exit_code == 0
    assert "none links statically" in result.output


def test_json_tells_the_same(ukrom, machine, cache):
    machine()
    result = ukrom("doctor", "--json")
    assert result.exit_code == 0
    whole = json.loads(result.output)
    assert (whole["ok"], whole["next"]) == (True, "Run `pytest --ukrom`.")
    assert whole["cache"] == {"folder": str(cache.root), "bytes": 0}
    findings = report(result)
    assert findings["guest kernel"]["found"] == "6.1.0-9, 0 modules, /cache/vmlinuz"
    assert findings["accelerator kvm"]["ok"] is False
    assert findings["accelerator tcg"]["ok"] is True


def test_json_of_a_bad_machine_has_status_1(ukrom, machine):
    machine(find_kernel=MissingTool("guest kernel", "None."))
    result = ukrom("doctor", "--json")
    assert result.exit_code == 1
    assert report(result)["guest kernel"]["remedy"] == "Run `ukrom setup`."


def test_forced_accelerator_is_told(ukrom, machine):
    machine(accelerator=Accelerator("kvm", "UKROM_ACCELERATOR forces it", 1.0))
    assert report(ukrom("doctor", "--json"))["accelerator kvm"]["found"] == "UKROM_ACCELERATOR forces it"


def test_cache_that_cannot_be_made_is_told(ukrom, machine, cache):
    machine()
    cache.root.write_text("a file in its place")
    result = ukrom("doctor")
    assert result.exit_code == 1
    assert "set UKROM_CACHE to another folder" in result.output
