"""Programs are found, asked for their version, or told how to get."""

from __future__ import annotations

import pytest

from ukrom.errors import MissingTool
from ukrom.host import MKFS_EROFS, QEMU, SETPRIV, TOOLS, PackageManager, find_tool, package_manager


@pytest.fixture
def empty_path(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setattr("ukrom.host.tools._ALSO", (str(tmp_path / "sbin"),))
    return tmp_path


def script(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def test_program_on_path_is_found_with_its_version(empty_path):
    path = script(empty_path / "bin" / "setpriv", "echo setpriv from util-linux 2.38.1")
    found = find_tool(SETPRIV)
    assert (found.path, found.version) == (path, "2.38.1")


def test_program_of_administrators_is_found_off_the_path(empty_path):
    path = script(empty_path / "sbin" / "mkfs.erofs", "echo mkfs.erofs 1.5; exit 1")
    found = find_tool(MKFS_EROFS)
    assert (found.path, found.version) == (path, "1.5")


def test_missing_program_is_told_with_its_purpose(empty_path):
    with pytest.raises(MissingTool, match=r"mkfs\.erofs \(needed to make ROMs and base images\) is neither"):
        find_tool(MKFS_EROFS)


def test_program_that_fails_is_told_with_its_words(empty_path):
    script(empty_path / "bin" / "qemu-system-x86_64", "echo 'libfoo.so.1.2: cannot open' >&2; exit 127")
    with pytest.raises(MissingTool, match=r"does not run: libfoo\.so\.1\.2: cannot open"):
        find_tool(QEMU)


def test_program_that_cannot_be_started_is_told(empty_path):
    (empty_path / "text").write_text("no program")
    (empty_path / "text").chmod(0o755)
    with pytest.raises(MissingTool, match=r"does not run: .*Exec format error"):
        find_tool(QEMU, empty_path / "text")


def test_chosen_program_that_is_not_there_is_not_replaced_by_another(empty_path):
    script(empty_path / "bin" / "qemu-system-x86_64", "echo 7.2")
    with pytest.raises(MissingTool, match="nowhere, given as qemu-system-x86_64, is no file"):
        find_tool(QEMU, empty_path / "nowhere")


@pytest.mark.parametrize(
    ("os_release", "expected"),
    [
        ("ID=debian\n", PackageManager.APT),
        ('ID="linuxmint"\nID_LIKE="ubuntu debian"\n', PackageManager.APT),
        ("ID=fedora\n", PackageManager.DNF),
        ('ID="rocky"\nID_LIKE="rhel centos fedora"\n', PackageManager.DNF),
        ("ID=arch\n", PackageManager.PACMAN),
        ("ID=alpine\n", PackageManager.APK),
        ("ID=nixos\n", None),
        ("", None),
    ],
)
def test_package_manager_is_known_by_the_system(tmp_path, os_release, expected):
    path = tmp_path / "os-release"
    path.write_text(os_release)
    assert package_manager(path, "linux") is expected


def test_system_without_os_release_has_no_known_package_manager(tmp_path):
    assert package_manager(tmp_path / "none", "linux") is None


def test_macos_has_brew(tmp_path):
    assert package_manager(tmp_path / "none", "darwin") is PackageManager.BREW


@pytest.mark.parametrize(
    ("manager", "remedy"),
    [
        (
            PackageManager.APT,
            "Run `ukrom setup`, or `sudo apt-get install --no-install-recommends erofs-utils`.",
        ),
        (PackageManager.PACMAN, "Run `sudo pacman -S erofs-utils`."),
        (PackageManager.BREW, "Run `brew install erofs-utils`."),
    ],
)
def test_remedy_is_a_command_of_this_system(manager, remedy):
    assert MKFS_EROFS.remedy(manager) == remedy


def test_remedy_without_known_package_manager_names_the_program():
    assert "Install the program qemu-system-x86_64" in QEMU.remedy(None)


def test_remedy_where_no_package_exists_says_so():
    assert "no setpriv for this system" in SETPRIV.remedy(PackageManager.BREW)


def test_every_linux_system_has_every_tool():
    for tool in TOOLS:
        assert set(PackageManager) - set(tool.packages) <= {PackageManager.BREW}
