"""Trees that become a guest's root."""

from __future__ import annotations

import os
import stat

import pytest

from ukrom.errors import ImageError
from ukrom.images.libraries import LibrarySearch
from ukrom.images.rootfs import RootTree


@pytest.fixture
def tree(tmp_path):
    return RootTree(tmp_path / "root")


def mode(path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


def test_guest_finds_what_every_guest_has(tree):
    tree.furnish()

    for name in ("dev", "proc", "sys", "run", "root", "rom", "mnt", "uk", "etc"):
        assert mode(tree.folder / name) == 0o755
    assert mode(tree.folder / "tmp") == 0o1777
    assert "root:x:0:0" in (tree.folder / "etc/passwd").read_text()
    assert "127.0.0.1 localhost" in (tree.folder / "etc/hosts").read_text()


def test_old_paths_lead_into_usr(tree):
    tree.write("/bin/app", b"x", 0o755)
    tree.write("/lib64/lib.so", b"x")

    assert (tree.folder / "usr/bin/app").is_file()
    assert (tree.folder / "usr/lib64/lib.so").is_file()


def test_modes_are_as_given_under_any_umask(tree):
    before = os.umask(0o077)
    try:
        tree.write("/a/b/c", b"x", 0o644)
    finally:
        os.umask(before)

    assert mode(tree.folder / "a/b/c") == 0o644
    assert mode(tree.folder / "a/b") == 0o755


def test_links_never_lead_out_of_the_tree(tree, tmp_path):
    (tmp_path / "outside").mkdir()
    tree.link("/up", "../outside")
    tree.link("/absolute", str(tmp_path / "outside"))

    tree.write("/up/file", b"x")
    tree.write("/absolute/file", b"x")
    tree.write("/../../outside/other", b"x")

    assert list((tmp_path / "outside").iterdir()) == []
    assert (tree.folder / "outside/file").is_file()


def test_links_in_circles_are_refused(tree):
    tree.link("/a", "b")
    tree.link("/b", "a")

    with pytest.raises(ImageError, match="go round in circles"):
        tree.write("/a/file", b"x")


def test_file_takes_the_place_of_a_file_but_not_of_a_folder(tree):
    tree.write("/etc/hosts", b"old")
    tree.write("/etc/hosts", b"new")

    assert (tree.folder / "etc/hosts").read_bytes() == b"new"
    with pytest.raises(ImageError, match="'/etc' is a folder of the image"):
        tree.write("/etc", b"x")
    with pytest.raises(ImageError, match="hosts' is a file; a folder cannot take its place"):
        tree.write("/etc/hosts/more", b"x")


def test_merged_tree_is_not_written_through(tree, tmp_path):
    other = RootTree(tmp_path / "other")
    other.write("/etc/hosts", b"theirs")
    other.link("/etc/link", "hosts")

    tree.merge(other.folder)
    tree.write("/etc/hosts", b"mine")

    assert (other.folder / "etc/hosts").read_bytes() == b"theirs"
    assert (tree.folder / "etc/link").read_bytes() == b"mine"


def test_merging_keeps_what_is_there_but_replaces_links_by_files(tree, tmp_path):
    other = RootTree(tmp_path / "other")
    other.write("/usr/lib/liba.so", b"real")
    other.write("/etc/hosts", b"theirs")
    tree.link("/usr/lib/liba.so", "../../opt/liba.so")
    tree.write("/etc/hosts", b"mine")

    tree.merge(other.folder)

    assert (tree.folder / "usr/lib/liba.so").read_bytes() == b"real"
    assert (tree.folder / "etc/hosts").read_bytes() == b"mine"


def test_trees_are_copied_where_hard_links_cannot_be(tree, tmp_path, monkeypatch):
    def refuse(*args, **kwargs):
        raise OSError(18, "Invalid cross-device link")

    other = RootTree(tmp_path / "other")
    other.write("/etc/hosts", b"theirs", 0o600)
    monkeypatch.setattr("os.link", refuse)

    tree.merge(other.folder)

    assert (tree.folder / "etc/hosts").read_bytes() == b"theirs"
    assert mode(tree.folder / "etc/hosts") == 0o600


def test_library_of_an_unusual_folder_is_also_where_the_loader_looks(tree, make_elf, tmp_path):
    host = tmp_path / "host"
    make_elf(host / "lib/x86_64-linux-gnu/libc.so.6")
    make_elf(host / "usr/local/lib/libfoo.so.1")
    make_elf(host / "lib64/ld.so")
    app = make_elf(
        host / "opt/app", needed=("libc.so.6", "libfoo.so.1"), interpreter=str(host / "lib64/ld.so")
    )

    tree.binary(app, "/usr/bin/app")
    tree.add_libraries(LibrarySearch(host, ("/lib/x86_64-linux-gnu", "/usr/local/lib"), {}))

    assert (tree.folder / "usr/lib/x86_64-linux-gnu/libc.so.6").is_file()
    assert (tree.folder / "usr/local/lib/libfoo.so.1").is_file()
    link = tree.folder / "usr/lib/x86_64-linux-gnu/libfoo.so.1"
    assert link.is_symlink()
    assert link.resolve() == (tree.folder / "usr/local/lib/libfoo.so.1").resolve()


def test_host_file_that_is_gone_is_named(tree, tmp_path):
    with pytest.raises(ImageError, match="gone' cannot be read: No such file"):
        tree.copy(tmp_path / "gone", "/gone")
