"""The EROFS writer's own promises."""

from __future__ import annotations

import pytest

from ukrom.errors import RomError
from ukrom.roms import Device, Directory, File, Symlink, erofs


def test_entries_keep_the_modes_they_were_given(tmp_path, read_erofs):
    entries = [Directory("tmp", 0o1777), File("secret", b"x", 0o600), Symlink("link", "secret")]

    erofs.write(entries, tmp_path / "image")

    seen = read_erofs((tmp_path / "image").read_bytes())
    assert seen["tmp"].mode == 0o1777
    assert seen["secret"].mode == 0o600
    assert seen["link"].target == "secret"


def test_device_node_is_refused(tmp_path):
    with pytest.raises(RomError, match=r"'null' is a device node.*\nChoose format 'cpio'"):
        erofs.write([Device("null", 1, 3)], tmp_path / "image")


def test_directory_is_packed_with_its_own_modes(tmp_path, read_erofs):
    root = tmp_path / "root"
    root.mkdir()
    (root / "private").write_bytes(b"x")
    (root / "private").chmod(0o640)

    erofs.write_directory(root, tmp_path / "image")

    assert read_erofs((tmp_path / "image").read_bytes())["private"].mode == 0o640
