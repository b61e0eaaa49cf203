"""`ukrom setup` says what it does, asks, and remembers; what the steps do is tested in the host room."""

from __future__ import annotations

from pathlib import Path

import pytest

from ukrom.errors import MissingTool
from ukrom.host import Accelerator, Choices, GuestKernel, Qemu, Step, remember, remembered


@pytest.fixture
def machine(monkeypatch):
    """A machine that lacks what `machine.todo` says; `machine.done` and `machine.chosen` tell what came."""

    class Machine:
        todo: tuple[str, ...] = ()
        done: list[str] = []  # noqa: RUF012 - a fresh class for every test
        chosen: Choices | None = None

    def steps(cache, chosen):
        Machine.chosen = chosen
        return [Step(what, lambda what=what: Machine.done.append(what)) for what in Machine.todo]

    monkeypatch.setattr("ukrom.host.steps", steps)
    monkeypatch.setattr("ukrom.host.find_qemu", lambda *_: Qemu(Path("/qemu"), "7.2.22"))
    monkeypatch.setattr("ukrom.host.find_kernel", lambda *_: GuestKernel(Path("/vmlinuz"), "6.1.0-9", ()))
    monkeypatch.setattr("ukrom.host.agent_binary", lambda: Path("/agent"))
    monkeypatch.setattr("ukrom.host.accelerator", lambda *_: Accelerator("tcg", "a test", 10.0))
    return Machine


@pytest.fixture
def terminal(monkeypatch):
    class Sys:
        class stdin:  # noqa: N801
            isatty = staticmethod(lambda: True)

    monkeypatch.setattr("ukrom.cli.setup.sys", Sys)


def test_complete_machine_is_told_so(ukrom, machine):
    result = ukrom("setup")
    assert result.exit_code == 0
    assert result.output == "Ready: QEMU 7.2.22, guest kernel 6.1.0-9, accelerator tcg.\n"


def test_plan_is_shown_and_carried_out_when_agreed(ukrom, machine, terminal):
    machine.todo = ("install this", "download that")
    result = ukrom("setup", answer="y\n")
    assert result.exit_code == 0
    assert "ukrom setup will:\n  1. install this\n  2. download that\nGo on? [Y/n]" in result.output
    assert machine.done == ["install this", "download that"]


def test_nothing_is_done_when_refused(ukrom, machine, terminal):
    machine.todo = ("install this",)
    result = ukrom("setup", answer="n\n")
    assert result.exit_code == 1
    assert machine.done == []


def test_nothing_is_done_where_nobody_can_be_asked(ukrom, machine):
    machine.todo = ("install this",)
    result = ukrom("setup")
    assert result.exit_code == 1
    assert "Nothing was done: the input is no terminal" in result.output
    assert "ukrom setup --yes" in result.output
    assert machine.done == []


def test_yes_asks_nothing(ukrom, machine):
    machine.todo = ("install this",)
    result = ukrom("setup", "--yes")
    assert result.exit_code == 0
    assert "Go on?" not in result.output
    assert machine.done == ["install this"]


def test_named_paths_are_remembered(ukrom, machine, cache, tmp_path):
    for name in ("qemu", "vmlinuz"):
        (tmp_path / name).touch()
    chosen = Choices(qemu=tmp_path / "qemu", kernel=tmp_path / "vmlinuz", modules=tmp_path)

    options = ("--qemu", chosen.qemu, "--kernel", chosen.kernel, "--modules", chosen.modules)
    result = ukrom("setup", *map(str, options))

    assert result.exit_code == 0
    assert f"Remembered in {cache.root / 'settings.json'}." in result.output
    assert machine.chosen == remembered(cache) == chosen


def test_one_new_path_leaves_the_others_remembered(ukrom, machine, cache, tmp_path):
    remember(cache, Choices(kernel=Path("/vmlinuz")))
    (tmp_path / "qemu").touch()
    ukrom("setup", "--qemu", str(tmp_path / "qemu"))
    assert remembered(cache) == Choices(kernel=Path("/vmlinuz"), qemu=tmp_path / "qemu")


def test_environment_counts_and_is_not_remembered(ukrom, machine, cache, monkeypatch):
    monkeypatch.setenv("UKROM_QEMU", "/opt/qemu")
    ukrom("setup")
    assert machine.chosen == Choices(qemu=Path("/opt/qemu"))
    assert remembered(cache) == Choices()


def test_paths_can_be_forgotten(ukrom, machine, cache):
    remember(cache, Choices(qemu=Path("/old")))
    ukrom("setup", "--forget")
    assert machine.chosen == remembered(cache) == Choices()


def test_path_that_is_not_there_is_refused(ukrom, machine):
    result = ukrom("setup", "--kernel", "/nowhere/vmlinuz")
    assert result.exit_code == 2
    assert "'/nowhere/vmlinuz' does not exist" in result.output


def test_unusable_choice_is_not_remembered(ukrom, machine, cache, monkeypatch, tmp_path):
    def steps(cache, chosen):
        raise MissingTool("qemu-system-x86_64", "It was built without the machine microvm.")

    monkeypatch.setattr("ukrom.host.steps", steps)
    (tmp_path / "qemu").touch()
    result = ukrom("setup", "--qemu", str(tmp_path / "qemu"))
    assert result.exit_code == 1
    assert "Error: It was built without the machine microvm." in result.output
    assert remembered(cache) == Choices()
