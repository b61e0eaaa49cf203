"""Programs of this machine in an image."""

from __future__ import annotations

import pytest

from ukrom.errors import ImageError
from ukrom.images.programs import DEFAULT_PROGRAMS, add_programs, find_programs, programs_key
from ukrom.images.rootfs import RootTree


@pytest.fixture
def own_programs(tmp_path, monkeypatch, make_elf):
    folder = tmp_path / "bin"
    make_elf(folder / "busybox")
    for name in ("sh", "cat"):
        (folder / name).symlink_to("busybox")
    monkeypatch.setenv("PATH", str(folder))
    return folder


def test_default_programs_are_on_this_machine_and_keep_their_places():
    found = find_programs(DEFAULT_PROGRAMS)

    assert "/usr/bin/sh" in found or "/bin/sh" in found
    assert len(found) == len(DEFAULT_PROGRAMS)


def test_missing_program_is_named():
    with pytest.raises(ImageError, match=r"'frobnicate' is not on this machine.*\nInstall it, or name other"):
        find_programs(["sh", "frobnicate"])


def test_programs_of_unusual_folders_go_to_usr_bin(own_programs):
    assert list(find_programs(["sh"])) == ["/usr/bin/sh"]


def test_one_file_under_several_names_is_there_once(own_programs, tmp_path):
    tree = RootTree(tmp_path / "root")
    add_programs(tree, find_programs(["sh", "cat"]), "x86_64")

    sh, cat = (tree.folder / "usr/bin" / name for name in ("sh", "cat"))
    assert sh.stat().st_ino == cat.stat().st_ino
    assert not sh.is_symlink()


def test_script_without_its_interpreter_is_refused(own_programs, tmp_path):
    (own_programs / "tool").write_text("#!/opt/perl -w\n")
    (own_programs / "tool").chmod(0o755)

    with pytest.raises(ImageError, match=r"'/usr/bin/tool' is a script for '/opt/perl'.*\nName 'perl'"):
        add_programs(RootTree(tmp_path / "root"), find_programs(["tool"]), "x86_64")


def test_key_changes_when_a_program_does(own_programs):
    before = programs_key(find_programs(["sh"]))
    (own_programs / "busybox").write_bytes(b"\x7fELFnew")

    assert programs_key(find_programs(["sh"])) != before
