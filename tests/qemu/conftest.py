import sys
from pathlib import Path

import pytest

from ukrom.qemu import Equipment

FAKE = Path(__file__).with_name("fake_qemu.py")


@pytest.fixture
def fake_qemu(tmp_path):
    """A program that takes QEMU's arguments and plays the part named as kernel."""
    program = tmp_path / "qemu"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} {FAKE} "$@"\n')
    program.chmod(0o755)
    return program


@pytest.fixture
def equipment(fake_qemu):
    def make(part="runs"):
        return Equipment(fake_qemu, "tcg", Path(part), Path("initramfs"), None)

    return make
