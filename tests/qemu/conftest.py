import sys
from pathlib import Path

import pytest

from ukrom.qemu import Equipment

FAKE = Path(__file__).with_name("fake_qemu.py")


@pytest.fixture
def fake_qemu(tmp_path):
    """A program that takes QEMU's arguments and plays the part that the kernel is named for."""
    program = tmp_path / "qemu"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -S -E {FAKE} "$@"\n')
    program.chmod(0o755)
    return program


@pytest.fixture
def kernels(tmp_path):
    """The folder of the kernels, and of what the fakes were told."""
    folder = tmp_path / "kernels"
    folder.mkdir()
    return folder


@pytest.fixture
def equipment(fake_qemu, kernels):
    def make(part="runs", setpriv=None):
        kernel = kernels / part
        kernel.write_text(f"a kernel that plays {part!r}")
        return Equipment(fake_qemu, "tcg", kernel, Path("initramfs"), setpriv, "7.2", 2_000_000)

    return make


@pytest.fixture
def journal(kernels):
    """What the fakes were told, in words: of all, or of those that one thing was done with."""

    def journal(role=None):
        file = kernels / "journal"
        lines = [line.split(" ", 1)[1] for line in file.read_text().splitlines()] if file.exists() else []
        told = [line.partition(": ")[::2] for line in lines]
        return lines if role is None else [words for who, words in told if who == role]

    return journal


@pytest.fixture
def descriptors():
    """What the files are that this process has open."""

    def descriptors():
        found = []
        for link in Path("/proc/self/fd").iterdir():
            try:
                found.append(str(link.readlink()))
            except OSError:  # the one that lists the others
                continue
        return sorted(found)

    return descriptors
