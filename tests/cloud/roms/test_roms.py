from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ukrom.cloud import ErrorCode, FileOrder, ImageOrder, Limits, Refusal, RomOrder
from ukrom.cloud.roms.mounts import file_path, mount_path
from ukrom.cloud.roms.rom import plan_roms

MIB = 1_048_576


def plan(*orders):
    return plan_roms(orders, Limits())


def image(name=None, at=None):
    return RomOrder(name=name, image=ImageOrder("org/rom:1"), at=at)


def inline(*files, name="cfg"):
    return RomOrder(name=name, files=tuple(FileOrder(*file) for file in files))


def refused(code, *orders):
    with pytest.raises(Refusal) as caught:
        plan(*orders)
    assert caught.value.code is code
    return caught.value.message


def test_eight_roms_are_accepted_and_a_ninth_is_refused():
    assert len(plan(*[image() for _ in range(8)])) == 8

    message = refused(ErrorCode.TOO_MANY, *[image() for _ in range(9)])
    assert message == "Too many ROMs: 9 given, at most 8 per instance"


def test_sixteen_files_are_accepted_and_a_seventeenth_is_refused():
    files = [(f"f{i}", "x") for i in range(17)]
    (rom,) = plan(inline(*files[:16]))
    assert len(rom.content) == 16

    message = refused(ErrorCode.TOO_MANY, inline(*files))
    assert message == "ROM 'cfg' has too many files: 17 given, at most 16 per ROM"


def test_one_mebibyte_is_accepted_and_a_byte_more_is_refused():
    (rom,) = plan(inline(("a", "x" * (MIB - 1)), ("b", "y")))
    assert sum(len(file.data) for file in rom.content) == MIB

    message = refused(ErrorCode.TOO_LONG, inline(("a", "x" * MIB), ("b", "y")))
    assert message == "ROM 'cfg' is too large: 1048577 bytes inline, at most 1048576 per ROM"


def test_size_is_that_of_the_decoded_content():
    encoded = base64.b64encode(b"x" * MIB).decode()
    (rom,) = plan(inline(("a", encoded, "base64")))

    assert len(encoded) > MIB
    assert rom.content[0].data == b"x" * MIB


def test_image_and_files_exclude_each_other():
    order = RomOrder(name="r", image=ImageOrder("org/rom:1"), files=(FileOrder("a", "b"),))

    assert "both 'image' and 'files'" in refused(ErrorCode.NOT_BOTH, order)


def test_a_rom_needs_content():
    assert "neither 'image' nor 'files'" in refused(ErrorCode.INVALID, RomOrder(name="r"))
    assert "an empty 'files'" in refused(ErrorCode.INVALID, RomOrder(name="r", files=()))
    assert "an empty 'image'" in refused(ErrorCode.INVALID, RomOrder(name="r", image=ImageOrder("")))


def test_missing_names_are_made_up_without_a_clash():
    assert [rom.name for rom in plan(image(), image("rom2"), image(), image("x"))] == [
        "rom0",
        "rom2",
        "rom3",
        "x",
    ]


def test_duplicate_name_is_refused():
    assert (
        refused(ErrorCode.ALREADY_EXISTS, image("a"), image("a")) == "A ROM with the name 'a' already exists"
    )


def test_dots_and_underscores_are_fine_in_a_name():
    assert plan(image("python_function.py"))[0].name == "python_function.py"


@pytest.mark.parametrize("name", ["", "a/b", "x" * 248, "a b", "a\nb", "a\0b"])
def test_bad_name_is_refused(name):
    assert "Invalid ROM name" in refused(ErrorCode.INVALID, image(name))


def test_longest_name_is_accepted():
    assert plan(image("x" * 247))


@pytest.mark.parametrize("at", ["rom", "", "/a/../b", "/a/./b", "/a:b", "/", "//", "/a\0b", "/" + "x" * 256])
def test_bad_mount_path_is_refused(at):
    assert "Invalid 'at'" in refused(ErrorCode.INVALID, image("a", at))


def test_one_mount_path_for_two_roms_is_refused_however_it_is_written():
    message = refused(ErrorCode.INVALID, image("a", "/rom"), image("b", "/rom/"))

    assert message == "Two ROMs have the mount path '/rom'"


def test_nested_mount_paths_are_accepted():
    assert [rom.at for rom in plan(image("a", "/rom"), image("b", "/rom/base"))] == ["/rom", "/rom/base"]


@pytest.mark.parametrize("path", ["", "/", "a/", "a//b", "../a", "a/../b", "./a", "a\0", "x" * 256])
def test_bad_file_path_is_refused(path):
    assert "Invalid 'path'" in refused(ErrorCode.INVALID, inline((path, "x")))


def test_leading_slash_of_a_file_counts_for_nothing():
    (rom,) = plan(inline(("/config/a.json", "{}")))

    assert rom.content[0].path == "config/a.json"
    assert "twice" in refused(ErrorCode.INVALID, inline(("a", "x"), ("/a", "y")))


def test_file_that_is_a_directory_of_another_is_refused():
    assert "both as a file and as a directory" in refused(ErrorCode.INVALID, inline(("a/b", "x"), ("a", "y")))


@pytest.mark.parametrize("data", ["%%%", "abc", "YQ=", "YQ\n=="])
def test_bad_base64_is_refused(data):
    assert "is no base64" in refused(ErrorCode.INVALID, inline(("a", data, "base64")))


def test_text_that_has_no_bytes_is_refused():
    assert "is no text" in refused(ErrorCode.INVALID, inline(("a", "\ud800")))


@given(
    st.lists(
        st.text(
            st.characters(exclude_characters="/:\0", exclude_categories=["Cs", "Cc"]), min_size=1, max_size=20
        ),
        min_size=1,
        max_size=6,
    )
)
def test_accepted_mount_path_is_its_own_normal_form(parts):
    try:
        path = mount_path("/" + "//".join(parts) + "/")
    except Refusal:
        assert {".", ".."} & set(parts)
        return
    assert path == mount_path(path)
    assert path.split("/")[1:] == parts


@given(st.text(max_size=40))
def test_accepted_file_path_never_leaves_the_rom(text):
    try:
        path = file_path(text)
    except Refusal:
        return
    assert not path.startswith("/")
    assert not {"", ".", ".."} & set(path.split("/"))
