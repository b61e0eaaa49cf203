"""Packing ROMs: what goes in, what comes out, what is refused."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from ukrom import roms
from ukrom.errors import MissingTool, RomError

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    root = tmp_path / "fs"
    (root / "sub" / "deep").mkdir(parents=True)
    (root / "empty").mkdir()
    (root / "rom.py").write_text("def function():\n    return 'Hi'\n")
    (root / "sub" / "deep" / "großes.bin").write_bytes(os.urandom(70_000))
    (root / "none").touch()
    (root / "run").write_text("#!/bin/sh\n")
    (root / "run").chmod(0o700)
    (root / "inside").symlink_to("sub/deep")
    (root / "outside").symlink_to("/etc/passwd")
    return root


def test_directory_arrives_in_the_guest_as_it_is(directory, read_erofs):
    seen = read_erofs(roms.build(directory))

    assert seen["rom.py"].data == b"def function():\n    return 'Hi'\n"
    assert seen["sub/deep/großes.bin"].data == (directory / "sub/deep/großes.bin").read_bytes()
    assert seen["none"].data == b""
    assert seen["empty"].kind == "dir"
    assert set(seen) == {
        "rom.py", "sub", "sub/deep", "sub/deep/großes.bin", "empty", "none", "run", "inside", "outside",
    }  # fmt: skip


def test_modes_are_those_of_a_read_only_medium(directory, read_erofs):
    (directory / "rom.py").chmod(0o600)
    (directory / "sub").chmod(0o700)

    seen = read_erofs(roms.build(directory))

    assert seen["rom.py"].mode == 0o644
    assert seen["run"].mode == 0o755
    assert seen["sub"].mode == 0o755


def test_symlinks_are_kept_and_never_followed(directory, read_erofs):
    seen = read_erofs(roms.build(directory))

    assert (seen["inside"].kind, seen["inside"].target) == ("link", "sub/deep")
    assert (seen["outside"].kind, seen["outside"].target) == ("link", "/etc/passwd")


def test_symlink_to_itself_does_not_hang(directory, read_erofs):
    (directory / "loop").symlink_to("loop")
    (directory / "up").symlink_to("..")

    assert read_erofs(roms.build(directory))["up"].target == ".."


def test_directory_reached_through_a_symlink_is_packed(directory, tmp_path, read_erofs):
    (tmp_path / "alias").symlink_to(directory)

    assert "rom.py" in read_erofs(roms.build(tmp_path / "alias"))


@pytest.mark.parametrize("form", ["erofs", "cpio"])
def test_same_content_gives_the_same_bytes_everywhere(directory, tmp_path, umask, form):
    first = roms.build(directory, format=form)
    umask(0o077)
    twin = tmp_path / "another" / "place" / "twin"
    for path in sorted(directory.rglob("*"), reverse=True):  # other order of creation
        copy = twin / path.relative_to(directory)
        copy.parent.mkdir(parents=True, exist_ok=True)
        if path.is_symlink():
            copy.symlink_to(path.readlink())
        elif path.is_dir():
            copy.mkdir(exist_ok=True)
        else:
            copy.write_bytes(path.read_bytes())
            os.utime(copy, (1, 1))
    (twin / "run").chmod(0o711)

    second = roms.build(twin, format=form)

    assert first == second


def test_mapping_and_directory_give_the_same_bytes(directory):
    mapping: dict[str, str | bytes | Path] = {
        "sub/deep/großes.bin": directory / "sub/deep/großes.bin",
        "rom.py": "def function():\n    return 'Hi'\n",
        "none": b"",
        "run": "#!/bin/sh\n",
    }
    for name in ("inside", "outside"):
        (directory / name).unlink()
    (directory / "empty").rmdir()

    assert roms.build(mapping) == roms.build(directory)


def test_mapping_value_may_be_a_whole_directory(directory, read_erofs):
    seen = read_erofs(roms.build({"app": directory, "app/extra.txt": "more"}))

    assert seen["app/rom.py"].kind == "file"
    assert seen["app/extra.txt"].data == b"more"


def test_inline_files_are_taken_by_shape(read_erofs):
    files = [SimpleNamespace(path="/config/settings.json", data=b"{}"), SimpleNamespace(path="a", data=b"1")]

    seen = read_erofs(roms.build(files))

    assert seen["config/settings.json"].data == b"{}"
    assert seen["a"].data == b"1"


def test_script_given_as_text_can_be_executed(read_erofs):
    seen = read_erofs(roms.build({"init": "#!/bin/sh\n", "data": "plain"}))

    assert (seen["init"].mode, seen["data"].mode) == (0o755, 0o644)


@pytest.mark.parametrize("form", ["erofs", "cpio", "raw"])
def test_rom_is_whole_pages(form):
    assert len(roms.build({"a": b"x" * 5000}, format=form)) % 4096 == 0


def test_erofs_has_blocks_of_4096_bytes():
    superblock = roms.build({"a": "x"})[1024:1152]

    assert superblock[:4] == bytes.fromhex("e2e1f5e0")
    assert superblock[12] == 12  # log2 of the block size


def test_raw_rom_is_the_file_with_zeros_behind_it(tmp_path):
    (tmp_path / "model.bin").write_bytes(b"weights")

    assert roms.build(tmp_path / "model.bin", format="raw") == b"weights".ljust(4096, b"\0")
    assert roms.build({"model.bin": b"weights"}, format="raw") == b"weights".ljust(4096, b"\0")


def test_raw_rom_of_two_files_is_refused():
    with pytest.raises(RomError, match="content of one file, but 2 were given"):
        roms.build({"a": "1", "b": "2"}, format="raw")


@pytest.mark.parametrize("form", ["erofs", "cpio"])
def test_ready_made_rom_is_taken_untouched(tmp_path, form):
    made = tmp_path / "rom.img"
    roms.build_to({"a": "1"}, made, format=form)

    assert roms.build(made, format=form) == made.read_bytes()
    assert roms.build(made, format="raw") == made.read_bytes()


def test_ready_made_rom_of_another_format_is_refused(tmp_path):
    roms.build_to({"a": "1"}, tmp_path / "rom.cpio", format="cpio")

    with pytest.raises(RomError, match=r"rom\.cpio' is a file and holds no erofs file system"):
        roms.build(tmp_path / "rom.cpio")


@pytest.mark.parametrize("form", ["erofs", "cpio", "raw"])
def test_format_is_told_by_magic(tmp_path, form):
    roms.build_to({"a": "1"}, tmp_path / "rom", format=form)

    assert roms.detect(tmp_path / "rom") == form


def test_detect_of_a_missing_file_names_it(tmp_path):
    with pytest.raises(RomError, match="gone' cannot be read: No such file"):
        roms.detect(tmp_path / "gone")


def test_unknown_format_is_refused_with_the_known_ones():
    with pytest.raises(RomError, match=r"no ROM format 'squashfs'\.\nChoose one of erofs, cpio, raw\."):
        roms.build({"a": "1"}, format="squashfs")


def test_missing_directory_is_refused(tmp_path):
    with pytest.raises(RomError, match=r"The ROM directory '.*rom1/fs' does not exist"):
        roms.build(tmp_path / "rom1" / "fs")


@pytest.mark.parametrize("source", [{}, []])
def test_no_files_are_refused(source):
    with pytest.raises(RomError, match="a ROM cannot be empty"):
        roms.build(source)


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("", "path of the ROM directory is empty"),
        (b"bytes", "cannot be made of a bytes"),
        (7, "cannot be made of a int"),
        ([("a", b"x")], "cannot be made of a list"),
        ({7: "x"}, "7 cannot be the path of a file: it is no text"),
    ],
)
def test_what_is_no_source_is_refused(source, reason):
    with pytest.raises(RomError, match=reason):
        roms.build(source)


def test_empty_directory_is_refused(tmp_path):
    with pytest.raises(RomError, match=f"The ROM directory '{tmp_path}' is empty"):
        roms.build(str(tmp_path))


def test_unreadable_directory_is_refused(as_nobody):
    (as_nobody / "fs" / "locked").mkdir(parents=True)
    (as_nobody / "fs" / "locked").chmod(0)

    with pytest.raises(RomError, match="locked' cannot be read: Permission denied"):
        roms.build(as_nobody / "fs")


@pytest.mark.parametrize("form", ["erofs", "cpio", "raw"])
def test_unreadable_file_is_refused(as_nobody, form):
    (as_nobody / "fs").mkdir()
    (as_nobody / "fs" / "secret").write_text("x")
    (as_nobody / "fs" / "secret").chmod(0)

    with pytest.raises(RomError, match="secret' cannot be read: Permission denied"):
        roms.build(as_nobody / "fs", format=form)


def test_missing_file_of_a_mapping_is_refused(tmp_path):
    with pytest.raises(RomError, match=r"gone\.py', meant for 'rom\.py', cannot be read: No such file"):
        roms.build({"rom.py": tmp_path / "gone.py"})


def test_socket_is_refused_by_name(directory, monkeypatch):
    monkeypatch.chdir(directory)  # a socket's path must be short
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("s.sock")
        with pytest.raises(RomError, match=r"s\.sock' is a socket; only files, directories"):
            roms.build(directory)


def test_pipe_is_refused_by_name(directory):
    os.mkfifo(directory / "pipe")

    with pytest.raises(RomError, match="pipe' is a pipe"):
        roms.build(directory)


def test_content_of_a_wrong_type_is_refused():
    with pytest.raises(RomError, match=r"content of 'a' is a int.\nGive text"):
        roms.build({"a": 1})


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("", "empty name"),
        ("/", "empty name"),
        ("a//b", "empty name"),
        ("a/", "empty name"),
        ("../etc/passwd", "'..' in it"),
        ("a/../../b", "'..' in it"),
        ("./a", "'.' in it"),
        ("a\0b", "NUL"),
        ("n" * 256, "longer than 255 bytes"),
        ("ü" * 128, "longer than 255 bytes"),
        ("\ud800", "no text that can name a file"),
    ],
)
def test_broken_path_is_refused(path, reason):
    with pytest.raises(RomError, match=reason):
        roms.build({path: "x"})
    with pytest.raises(RomError, match=reason):
        roms.build([SimpleNamespace(path=path, data=b"x")])


def test_path_given_twice_is_refused():
    with pytest.raises(RomError, match="'a/b' is given twice"):
        roms.build([SimpleNamespace(path="a/b", data=b"1"), SimpleNamespace(path="/a/b", data=b"2")])


@pytest.mark.parametrize("order", [("a", "a/b"), ("a/b", "a")])
def test_file_that_is_also_a_directory_is_refused(order):
    with pytest.raises(RomError, match=r"'a' is given twice|needs a directory 'a'"):
        roms.build(dict.fromkeys(order, "x"))


def test_long_name_is_accepted(read_erofs):
    # 255 bytes are allowed, but mkfs.erofs 1.5 fails on the last of them
    assert list(read_erofs(roms.build({"n" * 254: "x"}))) == ["n" * 254]


def test_missing_tool_is_named_with_what_to_do(monkeypatch):
    monkeypatch.setattr("shutil.which", lambda *args, **kwargs: None)

    with pytest.raises(MissingTool, match=r"mkfs\.erofs, which is not on PATH.\nRun `ukrom setup`") as caught:
        roms.build({"a": "1"})
    assert caught.value.tool == "mkfs.erofs"


def test_failing_tool_is_quoted(tmp_path, monkeypatch):
    fake = tmp_path / "mkfs.erofs"
    fake.write_text("#!/bin/sh\necho '<E> erofs: no space' >&2\nexit 3\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)

    with pytest.raises(RomError, match=r"exit code 3\): <E> erofs: no space"):
        roms.build({"a": "1"})


def test_failed_build_leaves_the_old_file_and_nothing_else(tmp_path):
    target = tmp_path / "out" / "rom.erofs"
    target.parent.mkdir()
    target.write_text("old")

    with pytest.raises(RomError):
        roms.build_to({"a": tmp_path / "gone"}, target)

    assert [path.name for path in target.parent.iterdir()] == ["rom.erofs"]
    assert target.read_text() == "old"


def test_target_in_a_missing_directory_is_refused(tmp_path):
    with pytest.raises(RomError, match="cannot be written: No such file"):
        roms.build_to({"a": "1"}, tmp_path / "no" / "rom")


def test_nothing_stays_in_the_temporary_folder(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr("ukrom.roms.scratch._SMALL", 0)

    roms.build({"a": "1"})

    assert list(tmp_path.iterdir()) == []


def test_importing_the_room_loads_nothing_of_other_rooms():
    code = "import sys, ukrom.roms; print([m for m in sys.modules if m.startswith('ukrom.')])"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout

    assert all(name.startswith(("ukrom.roms", "ukrom.errors")) for name in eval(loaded))
