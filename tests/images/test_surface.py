"""What other rooms may use of this one."""

from __future__ import annotations

import subprocess
import sys

import pytest

from ukrom import images, roms


def test_public_names_are_these():
    assert images.__all__ == [
        "DEFAULT_PROGRAMS",
        "Architecture",
        "ImageStore",
        "Reference",
        "build_directory_image",
        "build_python_image",
        "host_architecture",
        "known_architecture",
    ]
    assert roms.__all__ == [
        "PAGE",
        "Content",
        "Device",
        "Directory",
        "Entry",
        "File",
        "NamedBytes",
        "RomFormat",
        "Source",
        "Symlink",
        "build",
        "build_to",
        "checked_path",
        "collect",
        "content_mode",
        "cpio",
        "detect",
        "erofs",
        "file_mode",
    ]
    assert all(hasattr(room, name) for room in (images, roms) for name in room.__all__)


def test_store_is_imported_without_what_only_builders_need():
    builders = {"elftools", "filelock", "ukrom.images.distributions", "ukrom.images.python"}
    code = f"import sys, ukrom.images; print({builders} & set(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout

    assert loaded == "set()\n"


def test_unknown_name_is_refused():
    with pytest.raises(AttributeError, match=r"'ukrom\.images' has no attribute 'build_node_image'"):
        images.build_node_image  # noqa: B018
