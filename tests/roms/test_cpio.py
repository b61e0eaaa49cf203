"""The archive that ROMs and the initramfs share."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from ukrom.errors import RomError
from ukrom.roms import Device, Directory, File, Symlink, cpio


def packed(*entries) -> bytes:
    stream = io.BytesIO()
    cpio.write(entries, stream)
    return stream.getvalue()


def test_initramfs_keeps_modes_links_and_devices(read_cpio):
    seen = read_cpio(
        packed(
            Directory("dev"),
            Device("dev/console", 5, 1, mode=0o620),
            Device("dev/vda", 254, 0, kind="block"),
            File("init", b"\x7fELF...", 0o755),
            Symlink("linuxrc", "/init"),
            Directory("tmp", 0o1777),
        )
    )

    assert (seen["init"].mode, seen["init"].data) == (0o755, b"\x7fELF...")
    assert (seen["dev/console"].kind, seen["dev/console"].device) == ("char", (5, 1))
    assert seen["dev/console"].mode == 0o620
    assert (seen["dev/vda"].kind, seen["dev/vda"].device) == ("block", (254, 0))
    assert seen["linuxrc"].target == "/init"
    assert seen["tmp"].mode == 0o1777


def test_entries_are_read_from_a_generator_in_their_order(read_cpio):
    archive = packed(*(File(f"f{i}", b"%d" % i) for i in (2, 1, 3)))

    assert list(read_cpio(archive)) == ["f2", "f1", "f3"]


def test_missing_parents_come_before_their_children(read_cpio):
    assert list(read_cpio(packed(File("mod/a/x.ko", b"1"), File("mod/a/y.ko", b"2")))) == [
        "mod", "mod/a", "mod/a/x.ko", "mod/a/y.ko",
    ]  # fmt: skip


@pytest.mark.parametrize("size", [0, 1, 2, 3, 4, 5, 4096])
def test_every_size_is_padded_right(read_cpio, size, tmp_path):
    host = tmp_path / "host"
    host.write_bytes(b"h" * size)

    seen = read_cpio(packed(File("a", b"x" * size), File("b", host)))

    assert seen["a"].data == b"x" * size
    assert seen["b"].data == b"h" * size


def test_inode_numbers_differ(read_cpio):
    archive = packed(File("a", b"1"), File("b", b"1"))
    inodes = [archive[i + 6 : i + 14] for i in range(len(archive)) if archive.startswith(b"070701", i)]

    assert len(set(inodes)) == 3


def test_same_path_twice_is_refused():
    with pytest.raises(RomError, match="'a' is in the archive twice"):
        packed(File("a", b"1"), File("a", b"2"))


def test_path_that_climbs_out_is_refused():
    with pytest.raises(RomError, match=r"'\.\.' in it"):
        packed(File("../a", b"1"))


def test_file_of_four_gibibytes_is_refused(tmp_path):
    huge = tmp_path / "huge"
    with huge.open("wb") as stream:
        stream.truncate(1 << 32)

    with pytest.raises(RomError, match="too large for a CPIO archive"):
        packed(File("huge", huge))


def test_missing_host_file_is_named(tmp_path):
    with pytest.raises(RomError, match="gone' cannot be read: No such file"):
        packed(File("a", tmp_path / "gone"))


def test_file_whose_size_is_a_lie_is_refused(tmp_path):
    with pytest.raises(RomError, match="changed while it was packed"):
        packed(File("cpuinfo", Path("/proc/self/status")))  # says 0 bytes, gives more
