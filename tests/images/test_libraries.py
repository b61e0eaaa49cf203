"""Libraries are found where the dynamic loader finds them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from ukrom.images.libraries import Binary, LibrarySearch, host_libraries_key, host_search

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "root"


def search(root: Path, **cached: str) -> LibrarySearch:
    return LibrarySearch(
        root, ("/usr/lib",), {name.replace("_", "."): (path,) for name, path in cached.items()}
    )


def found(root: Path, guest: str, users: tuple[Binary, ...] = (), **cached: str) -> dict[str, Path]:
    binary = Binary.read(root / guest.lstrip("/"), guest)
    libraries, missing = search(root, **cached).closure(binary, users)
    assert not missing
    return {path: library.host for path, library in libraries.items()}


def test_libraries_of_libraries_are_found(make_elf, root):
    make_elf(root / "usr/bin/app", needed=("liba.so",))
    make_elf(root / "usr/lib/liba.so", needed=("libb.so",))
    make_elf(root / "usr/lib/libb.so", needed=("liba.so",))

    assert set(found(root, "/usr/bin/app")) == {"/usr/lib/liba.so", "/usr/lib/libb.so"}


def test_cache_of_the_loader_comes_before_its_own_folders(make_elf, root):
    make_elf(root / "usr/bin/app", needed=("liba.so",))
    make_elf(root / "usr/lib/liba.so")
    make_elf(root / "usr/local/lib/liba.so")

    assert list(found(root, "/usr/bin/app", liba_so="/usr/local/lib/liba.so")) == ["/usr/local/lib/liba.so"]


@pytest.mark.parametrize("kind", ["rpath", "runpath"])
@pytest.mark.parametrize("origin", ["$ORIGIN", "${ORIGIN}"])
def test_library_beside_its_user_stays_in_that_relation(make_elf, tmp_path, root, kind, origin):
    make_elf(tmp_path / "venv/pkg/ext.so", needed=("libx.so",), **{kind: f"{origin}/../pkg.libs"})
    make_elf(tmp_path / "venv/pkg.libs/libx.so", needed=("liby.so",), **{kind: origin})
    make_elf(tmp_path / "venv/pkg.libs/liby.so")
    binary = Binary.read(tmp_path / "venv/pkg/ext.so", "/usr/lib/site/pkg/ext.so")

    libraries, missing = search(root).closure(binary)

    assert not missing
    assert {guest: library.host.resolve() for guest, library in libraries.items()} == {
        "/usr/lib/site/pkg.libs/libx.so": tmp_path / "venv/pkg.libs/libx.so",
        "/usr/lib/site/pkg.libs/liby.so": tmp_path / "venv/pkg.libs/liby.so",
    }


def test_rpath_of_the_program_counts_for_what_it_loads(make_elf, root):
    make_elf(root / "opt/bin/python", rpath="/opt/lib")
    make_elf(root / "opt/lib/libssl.so")
    make_elf(root / "ext.so", needed=("libssl.so",))
    program = Binary.read(root / "opt/bin/python", "/usr/bin/python")

    assert list(found(root, "/ext.so", (program,))) == ["/opt/lib/libssl.so"]


def test_runpath_of_the_program_does_not_count_for_what_it_loads(make_elf, root):
    make_elf(root / "opt/bin/python", runpath="/opt/lib")
    make_elf(root / "opt/lib/libssl.so")
    program = Binary.read(root / "opt/bin/python", "/usr/bin/python")
    extension = Binary.read(make_elf(root / "ext.so", needed=("libssl.so",)), "/ext.so")

    assert search(root).closure(extension, (program,)) == ({}, {"libssl.so"})


def test_library_of_another_architecture_is_passed_over(make_elf, root):
    make_elf(root / "usr/bin/app", needed=("liba.so",), runpath="/opt/lib")
    make_elf(root / "opt/lib/liba.so", architecture="arm64")
    make_elf(root / "usr/lib/liba.so")

    assert list(found(root, "/usr/bin/app")) == ["/usr/lib/liba.so"]


def test_library_named_by_path_is_taken_from_there(make_elf, root):
    make_elf(root / "usr/bin/app", needed=("/opt/liba.so",))
    make_elf(root / "opt/liba.so")

    assert list(found(root, "/usr/bin/app")) == ["/opt/liba.so"]


def test_what_is_nowhere_is_told(make_elf, root):
    app = Binary.read(make_elf(root / "app", needed=("libgone.so",)), "/app")

    assert search(root).closure(app) == ({}, {"libgone.so"})


def test_machine_without_ldconfig_is_searched_by_folder(monkeypatch):
    monkeypatch.setattr("shutil.which", lambda *args, **kwargs: None)

    assert host_search("x86_64").cached == {}
    assert "/usr/lib/x86_64-linux-gnu" in host_search("x86_64").system


def test_key_of_the_machine_changes_when_a_library_is_installed(make_elf, tmp_path, monkeypatch):
    monkeypatch.setattr("ukrom.images.libraries._SYSTEM", (str(tmp_path), "/no/such/folder"))
    before = host_libraries_key("x86_64")
    make_elf(tmp_path / "libnew.so")
    os.utime(tmp_path, (1, 1))

    assert host_libraries_key("x86_64") != before
