"""Any directory as a root file system."""

from __future__ import annotations

import subprocess

import pytest

from ukrom.errors import BadReference, ImageError
from ukrom.images import build_directory_image, host_architecture


@pytest.fixture
def root(tmp_path, make_elf):
    root = tmp_path / "fs"
    make_elf(root / "bin/app", architecture=host_architecture())
    (root / "secret").write_text("x")
    (root / "secret").chmod(0o600)
    return root


def test_directory_becomes_the_root_of_the_guest(store, root, tmp_path):
    image = build_directory_image(store, root, name="me/own", cmd=["/bin/app", "-v"], env={"A": "1"})

    out = tmp_path / "out"
    command = ["fsck.erofs", f"--extract={out}", "--preserve-perms", "--no-preserve-owner"]
    subprocess.run([*command, image.root.path], check=True, capture_output=True)
    assert (out / "bin/app").read_bytes() == (root / "bin/app").read_bytes()
    assert (out / "secret").stat().st_mode & 0o777 == 0o600
    assert image.args == ("/bin/app", "-v")
    assert image.env == {"A": "1"}
    assert store.resolve("me/own") == image


def test_directory_without_a_command_is_accepted(store, root):
    assert build_directory_image(store, root, name="me/own").args == ()


def test_missing_directory_is_refused(store, tmp_path):
    with pytest.raises(ImageError, match="gone' does not exist, so it cannot be an image"):
        build_directory_image(store, tmp_path / "gone", name="me/own")


def test_empty_directory_is_refused(store, tmp_path):
    (tmp_path / "empty").mkdir()

    with pytest.raises(ImageError, match="empty' is empty, so it cannot be an image"):
        build_directory_image(store, tmp_path / "empty", name="me/own")


def test_file_is_refused(store, root):
    with pytest.raises(ImageError, match="secret' is no directory"):
        build_directory_image(store, root / "secret", name="me/own")


def test_missing_program_is_refused(store, root):
    with pytest.raises(ImageError, match="program '/usr/bin/python3' is not in the image"):
        build_directory_image(store, root, name="me/own", cmd=["/usr/bin/python3"])


def test_program_of_another_architecture_is_refused(store, root):
    other = "arm64" if host_architecture() == "x86_64" else "x86_64"

    with pytest.raises(ImageError, match=f"is for {host_architecture()}, but the image is for {other}"):
        build_directory_image(store, root, name="me/own", cmd=["/bin/app"], architecture=other)


def test_bad_name_is_refused_before_any_work(store, root):
    with pytest.raises(BadReference):
        build_directory_image(store, root, name="Not A Name")
    assert not list((store.blobs.folder / "sha256").iterdir())
