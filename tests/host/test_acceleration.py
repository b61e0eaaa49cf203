"""The accelerator is chosen by what trials show; QEMU itself is a stand-in here."""

from __future__ import annotations

import os

import pytest

from ukrom.errors import MissingTool, SettingsError
from ukrom.host import Qemu, acceleration, accelerator, find_kernel, store_kernel
from ukrom.host.firmware import EXIT_STATUS, firmware

PASS, HANG = f"exit {EXIT_STATUS}", "exec sleep 30"


@pytest.fixture
def kvm(tmp_path, monkeypatch):
    """A device that may be opened, and a short deadline for what hangs."""
    path = tmp_path / "kvm"
    path.touch()
    monkeypatch.setattr("ukrom.host.acceleration._KVM", path)
    monkeypatch.setattr("ukrom.host.acceleration._KVM_DEADLINE_S", 0.3)
    monkeypatch.setattr("ukrom.host.acceleration._KVM_PATIENCE", 1)
    return path


@pytest.fixture
def choose(cache, fake_qemu, kvm):
    """Choose with a QEMU whose runs go as told."""

    def choose(kernel=None, environ=None, **runs):
        return accelerator(Qemu(fake_qemu(**runs), "7.2.22"), cache, kernel, environ or {})

    return choose


def test_working_kvm_is_taken(choose):
    chosen = choose(kvm=PASS, tcg=PASS)
    assert (chosen.name, [trial.passed for trial in chosen.measured]) == ("kvm", [True, True])
    assert "a loop of 20 million turns ran in" in chosen.why
    assert 1.0 <= chosen.speed <= 4.0


def test_kvm_that_interprets_is_refused(choose):
    chosen = choose(kvm=HANG, tcg=PASS)
    assert chosen.name == "tcg"
    assert "kvm is of no use here: a loop of 20 million turns did not end within" in chosen.why
    assert 10.0 <= chosen.speed <= 40.0


def test_kvm_that_qemu_cannot_open_is_refused_with_its_words(choose):
    chosen = choose(kvm="echo 'qemu: failed to initialize kvm: Busy' >&2; exit 1", tcg=PASS)
    assert chosen.name == "tcg"
    assert "failed to initialize kvm: Busy" in chosen.why


def test_without_device_it_is_tcg(choose, kvm):
    kvm.unlink()
    chosen = choose(kvm=PASS, tcg=PASS)
    assert (chosen.name, chosen.measured[0].passed) == ("tcg", False)
    assert "there is no " in chosen.why


def test_device_that_may_not_be_opened_is_told(choose, monkeypatch):
    monkeypatch.setattr("os.access", lambda path, mode: False)
    chosen = choose(kvm=PASS, tcg=PASS)
    assert chosen.name == "tcg"
    assert "group kvm" in chosen.why


def test_kvm_must_also_boot_the_guest_kernel(choose, cache, tree):
    store_kernel(cache, tree.root)
    kernel = find_kernel(cache)

    chosen = choose(kernel, kvm=PASS, tcg=PASS, boot="echo 'KVM internal error' >&2; exit 1")
    assert chosen.name == "tcg"
    assert f"the kernel {kernel.release} did not run: KVM internal error" in chosen.why

    (cache.root / "accelerator" / "verdict.json").unlink()
    chosen = choose(kernel, kvm=PASS, tcg=PASS, boot="exit 0")
    assert chosen.name == "kvm"
    assert f"the kernel {kernel.release} ran in" in chosen.why


def test_verdict_is_kept(choose, fake_qemu):
    first = choose(kvm=HANG, tcg=PASS)
    runs = fake_qemu.runs()

    assert choose(kvm=HANG, tcg=PASS) == first
    assert fake_qemu.runs() == runs


def test_cache_that_can_only_be_read_costs_a_measurement(choose, cache, monkeypatch):
    """Nothing is kept, and no lock is taken."""
    access = os.access
    folder = cache.folder("accelerator")
    monkeypatch.setattr(os, "access", lambda path, mode: path != folder and access(path, mode))

    assert choose(kvm=PASS, tcg=PASS).name == "kvm"
    assert list(folder.iterdir()) == []


def test_another_boot_of_the_machine_is_measured_anew(choose, fake_qemu, monkeypatch):
    choose(kvm=PASS, tcg=PASS)
    runs = fake_qemu.runs()
    monkeypatch.setattr("ukrom.host.acceleration._boot_id", lambda: "another")
    choose(kvm=PASS, tcg=PASS)
    assert fake_qemu.runs() > runs


def test_damaged_verdict_is_made_anew(choose, cache):
    first = choose(kvm=PASS, tcg=PASS)
    cache.write("accelerator", "verdict.json", b'{"key": 1}')
    assert choose(kvm=PASS, tcg=PASS).name == first.name


@pytest.mark.parametrize("name", ["kvm", "tcg"])
def test_user_can_force_one(choose, fake_qemu, name):
    chosen = choose(environ={"UKROM_ACCELERATOR": name}, kvm=HANG, tcg=HANG)
    assert (chosen.name, chosen.why) == (name, "UKROM_ACCELERATOR forces it")
    assert fake_qemu.runs() == 0


def test_unknown_forced_accelerator_is_refused(choose):
    with pytest.raises(SettingsError, match="UKROM_ACCELERATOR is 'xen', which is no accelerator"):
        choose(environ={"UKROM_ACCELERATOR": "xen"})


def test_qemu_that_runs_nothing_is_told(choose):
    with pytest.raises(MissingTool, match=r"runs no guest at all: .*status 1"):
        choose(kvm="exit 1", tcg="exit 1")


def test_slow_moment_does_not_make_deadlines_endless(choose, monkeypatch):
    monkeypatch.setitem(acceleration._USUAL, "tcg", (10.0, 1e-9))
    assert choose(kvm="exit 1", tcg=PASS).speed == 40.0


def test_firmware_fills_its_place_and_starts_with_a_jump():
    image = firmware(7)
    assert len(image) == 65536
    assert image[0xFFF0:0xFFF5] == b"\xea\x00\x00\x00\xf0"
    assert image[0x40:0x45] == b"\xb9\x07\x00\x00\x00"
