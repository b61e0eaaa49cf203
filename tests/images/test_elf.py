"""What ELF files say they need."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from ukrom.errors import ImageError
from ukrom.images.architectures import host_architecture
from ukrom.images.elf import Elf, read_elf


def test_every_need_is_read(make_elf, tmp_path):
    path = make_elf(
        tmp_path / "app",
        needed=("liba.so.1", "libb.so"),
        runpath="$ORIGIN/../lib:/opt/lib",
        interpreter="/lib64/ld-linux-x86-64.so.2",
    )

    assert read_elf(path) == Elf(
        "x86_64",
        "/lib64/ld-linux-x86-64.so.2",
        ("liba.so.1", "libb.so"),
        rpath=(),
        runpath=("$ORIGIN/../lib", "/opt/lib"),
    )


def test_old_search_path_is_told_from_the_new(make_elf, tmp_path):
    assert read_elf(make_elf(tmp_path / "lib.so", rpath="/opt/lib")).rpath == ("/opt/lib",)


@pytest.mark.parametrize(("machine", "means"), [("arm64", "arm64"), ("x86_64", "x86_64"), ("riscv64", None)])
def test_architecture_is_in_the_platforms_words(make_elf, tmp_path, machine, means):
    assert read_elf(make_elf(tmp_path / "lib.so", architecture=machine)).architecture == means


def test_interpreter_that_runs_this_is_of_this_machine():
    assert read_elf(Path(sys.executable).resolve()).architecture == host_architecture()


def test_file_that_is_no_elf_is_none(tmp_path):
    (tmp_path / "script").write_text("#!/bin/sh\n")

    assert read_elf(tmp_path / "script") is None


def test_damaged_elf_is_named(make_elf, tmp_path):
    path = make_elf(tmp_path / "broken", needed=("liba.so",))
    path.write_bytes(path.read_bytes()[:100])

    with pytest.raises(ImageError, match="broken' is a damaged ELF file"):
        read_elf(path)


def test_missing_file_is_named(tmp_path):
    with pytest.raises(ImageError, match="gone' cannot be read: No such file"):
        read_elf(tmp_path / "gone")
