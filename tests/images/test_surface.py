"""What other rooms may use of this one."""

from __future__ import annotations

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
