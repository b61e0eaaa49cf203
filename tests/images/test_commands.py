"""The command of an image is checked before a machine boots in vain."""

from __future__ import annotations

import pytest

from ukrom.errors import ImageError
from ukrom.images.commands import check_command
from ukrom.images.rootfs import RootTree


@pytest.fixture
def tree(tmp_path, make_elf):
    tree = RootTree(tmp_path / "root")
    make_elf(tree.folder / "usr/bin/app", interpreter="/lib64/ld.so")
    make_elf(tree.folder / "usr/lib64/ld.so")
    make_elf(tree.folder / "usr/bin/static")
    make_elf(tree.folder / "usr/bin/foreign", architecture="arm64")
    tree.write("/wrapper.sh", b"#!/usr/bin/static -e\n", 0o755)
    tree.write("/lost.sh", b"#!/usr/bin/perl\n", 0o755)
    tree.write("/data", b"x")
    tree.link("/usr/bin/alias", "/usr/bin/app")
    return tree


@pytest.mark.parametrize("program", ["/usr/bin/app", "/bin/app", "app", "alias", "/wrapper.sh", "static"])
def test_command_that_can_start_is_accepted(tree, program):
    check_command(tree, [program, "-v"], {}, "x86_64")


def test_no_command_is_accepted(tree):
    check_command(tree, [], {}, "x86_64")


def test_own_search_path_is_heeded(tree):
    check_command(tree, ["wrapper.sh"], {"PATH": "/opt:/"}, "x86_64")


@pytest.mark.parametrize(
    ("program", "reason"),
    [
        ("/usr/bin/gone", "program '/usr/bin/gone' is not in the image"),
        ("gone", "program 'gone' is not in the image"),
        ("/usr/bin", "program '/usr/bin' is not in the image"),
        ("/data", "program '/data' cannot be executed"),
        ("foreign", "'/usr/bin/foreign' is for arm64, but the image is for x86_64"),
        ("/lost.sh", "'/lost.sh' needs '/usr/bin/perl' to start"),
    ],
)
def test_command_that_cannot_start_is_refused(tree, program, reason):
    with pytest.raises(ImageError, match=reason):
        check_command(tree, [program], {}, "x86_64")


def test_missing_loader_is_named(tree):
    (tree.folder / "usr/lib64/ld.so").unlink()

    with pytest.raises(ImageError, match=r"'/usr/bin/app' needs '/lib64/ld\.so' to start, which is not in"):
        check_command(tree, ["app"], {}, "x86_64")
