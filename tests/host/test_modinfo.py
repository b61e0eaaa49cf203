"""What is read out of a module's bytes, and what is no module."""

from __future__ import annotations

import struct

import pytest

from ukrom.errors import SettingsError
from ukrom.host.modinfo import describe


@pytest.fixture
def elf_module(tree):
    return lambda name, **facts: tree.add(name, **facts).read_bytes()


def test_facts_are_read(elf_module):
    found = describe(elf_module("a", depends="b-c,d", softdep="pre: crc32c post: x"), "a")

    assert found.depends == ("b_c", "d")
    assert found.softly_before == ("crc32c",)


@pytest.mark.parametrize("keep", [0, 3, 20, 70, 200], ids="{} bytes".format)
def test_truncated_module_is_refused(elf_module, keep):
    with pytest.raises(SettingsError, match="a is no kernel module"):
        describe(elf_module("a")[:keep], "a")


def test_module_without_the_section_is_refused(elf_module):
    with pytest.raises(SettingsError, match=r"it has no section \.modinfo"):
        describe(elf_module("a").replace(b".modinfo", b".renamed"), "a")


def test_module_whose_section_names_are_missing_is_refused(elf_module):
    damaged = bytearray(elf_module("a"))
    struct.pack_into("<H", damaged, 0x3E, 999)

    with pytest.raises(SettingsError, match="it is damaged"):
        describe(bytes(damaged), "a")
