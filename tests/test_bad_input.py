"""Bad input, as a user meets it: the text of the refusal, and that no process or folder is left.

Nothing here needs a machine; what fails in one is in `tests/e2e/test_failures.py`.
"""

from __future__ import annotations

import base64
import os
import tempfile
from pathlib import Path

import pytest

from pytest_ukrom import InstanceFailed, Refused
from ukrom.errors import RomError

TEXT = [{"path": "a.txt", "encoding": "text", "data": "a"}]


@pytest.fixture(autouse=True)
def nothing_left(ukrom_api, web, tmp_path, monkeypatch):
    """What is refused adds nothing to this machine."""
    (tmp_path / "tmp").mkdir(mode=0o777)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    before = left(ukrom_api)
    yield
    assert left(ukrom_api) == before
    assert list((tmp_path / "tmp").iterdir()) == []


def left(ukrom):
    return children(), sorted(ukrom.emulator.folder.rglob("*"))


def children():
    listed = (task / "children" for task in Path("/proc/self/task").iterdir())
    return {pid for file in listed for pid in file.read_text().split()}


@pytest.fixture
def web(ukrom_api, tmp_path_factory):
    root = tmp_path_factory.mktemp("root")
    (root / "app").write_text("never run")
    (root / "app").chmod(0o755)
    return ukrom_api.image_from_dir(root, name="web", cmd=["/app"])


def refusal(ukrom, image, **options):
    """The words in which the platform refuses a create; no instance comes of it."""
    with pytest.raises(Refused) as caught:
        ukrom.run(image, **options)
    assert ukrom.snapshots() == ()
    return caught.value.message


def rom_error(ukrom, source):
    with pytest.raises(RomError) as caught:
        ukrom.build_rom(source, name="rom")
    return str(caught.value)


def test_missing_rom_directory(ukrom_api, tmp_path):
    assert f"The ROM directory '{tmp_path}/none' does not exist." in rom_error(ukrom_api, tmp_path / "none")


def test_empty_rom_directory(ukrom_api, tmp_path):
    (tmp_path / "fs").mkdir()
    assert f"The ROM directory '{tmp_path}/fs' is empty." in rom_error(ukrom_api, tmp_path / "fs")


def test_rom_of_no_files(ukrom_api):
    assert "A ROM was asked for with no files." in rom_error(ukrom_api, {})


def test_file_as_rom_directory(ukrom_api, tmp_path):
    (tmp_path / "rom.py").touch()
    message = rom_error(ukrom_api, tmp_path / "rom.py")
    assert f"'{tmp_path}/rom.py' is a file and holds no erofs file system.\nGive the directory" in message


@pytest.fixture
def not_root():
    """A directory to which modes apply even if the tests run as root: they give up being root."""
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        was = os.geteuid()
        Path(name).chmod(0o777)
        if was == 0:
            os.seteuid(65534)
        try:
            yield Path(name)
        finally:
            os.seteuid(was)


def test_unreadable_rom_directory(ukrom_api, not_root):
    (not_root / "locked").mkdir(mode=0)
    assert f"'{not_root}/locked' cannot be read: Permission denied." in rom_error(ukrom_api, not_root)


def test_ninth_rom(ukrom_api, web):
    roms = [{"name": f"rom{number}", "files": TEXT} for number in range(9)]
    assert refusal(ukrom_api, web, roms=roms) == "Too many ROMs: 9 given, at most 8 per instance"


def test_seventeenth_file_of_an_inline_rom(ukrom_api, web):
    files = [{"path": f"f{number}", "encoding": "text", "data": ""} for number in range(17)]
    message = refusal(ukrom_api, web, roms=[{"name": "rom", "files": files}])
    assert message == "ROM 'rom' has too many files: 17 given, at most 16 per ROM"


def test_inline_rom_over_a_megabyte(ukrom_api, web):
    data = base64.b64encode(bytes(1_048_577)).decode()
    files = [{"path": "blob", "encoding": "base64", "data": data}]
    message = refusal(ukrom_api, web, roms=[{"name": "rom", "files": files}])
    assert message == "ROM 'rom' is too large: 1048577 bytes inline, at most 1048576 per ROM"


def test_request_over_eight_megabytes(ukrom_api, web):
    message = refusal(ukrom_api, web, env={"BIG": "x" * (8 << 20)})
    assert message == "The request body is larger than 8388608 bytes"


def test_two_roms_of_one_name(ukrom_api, web):
    message = refusal(ukrom_api, web, roms=[{"name": "rom", "files": TEXT}] * 2)
    assert message == "A ROM with the name 'rom' already exists"


def test_two_roms_on_one_mount_point(ukrom_api, web):
    roms = [{"name": name, "at": "/rom", "files": TEXT} for name in ("a", "b")]
    assert refusal(ukrom_api, web, roms=roms) == "Two ROMs have the mount path '/rom'"


def test_relative_mount_point(ukrom_api, web):
    message = refusal(ukrom_api, web, roms=[{"name": "a", "at": "rom", "files": TEXT}])
    assert message == "Invalid 'at' 'rom': must be absolute"


def test_text_that_is_no_image_reference(ukrom_api):
    assert "'Not An Image' is no image reference" in refusal(ukrom_api, "Not An Image")


def failure(ukrom, image, **options):
    """How a start fails: the platform takes the create, and the instance stops."""
    with pytest.raises(InstanceFailed) as caught:
        ukrom.run(image, name="web", **options)
    read = ukrom.instance("web").read()
    assert (read["state"], read["stop_reason"]) == ("stopped", 4)
    return caught.value.message


def test_unknown_base_image(ukrom_api, web):
    message = failure(ukrom_api, "me/none:latest")
    assert message == "Instance web did not come up: image 'me/none:latest' not found"


def test_unknown_rom(ukrom_api, web):
    message = failure(ukrom_api, web, roms=[{"name": "code", "image": "me/none:latest"}])
    assert message == "Instance web did not come up: ROM image 'me/none:latest' not found"


def test_rom_as_base_image(ukrom_api):
    rom = ukrom_api.build_rom({"a": "a"}, name="code")
    message = failure(ukrom_api, rom.image)
    assert "'ukrom-api/code:latest' has no root file system; it is a ROM" in message
