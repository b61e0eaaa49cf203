"""Readers of what the writers make, so that tests assert on what a guest would see."""

from __future__ import annotations

import os
import stat
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True)
class Seen:
    """One file of a packed ROM."""

    kind: str
    mode: int
    data: bytes = b""
    target: str = ""
    device: tuple[int, int] = (0, 0)


@pytest.fixture
def read_erofs(tmp_path_factory):
    """Unpack an EROFS image by `fsck.erofs`, which also checks it."""

    def read(image: bytes) -> dict[str, Seen]:
        folder = tmp_path_factory.mktemp("erofs")
        (folder / "image").write_bytes(image)
        out = folder / "out"
        subprocess.run(
            ["fsck.erofs", f"--extract={out}", "--preserve-perms", "--no-preserve-owner", folder / "image"],
            check=True,
            capture_output=True,
        )
        return {str(path.relative_to(out)): _seen(path) for path in out.rglob("*")}

    return read


def _seen(path: Path) -> Seen:
    status = path.lstat()
    if path.is_symlink():
        return Seen("link", 0o777, target=str(path.readlink()))
    if path.is_dir():
        return Seen("dir", stat.S_IMODE(status.st_mode))
    return Seen("file", stat.S_IMODE(status.st_mode), path.read_bytes())


@pytest.fixture
def read_cpio():
    """Read a `newc` archive by the format's own definition (cpio(5))."""
    return _read_cpio


def _read_cpio(archive: bytes) -> dict[str, Seen]:
    seen, offset = {}, 0
    while True:
        assert archive[offset : offset + 6] == b"070701"
        fields = [int(archive[offset + 6 + 8 * i : offset + 14 + 8 * i], 16) for i in range(13)]
        _, mode, _, uid, gid, mtime, size, _, _, major, minor, name_size, _ = fields
        assert (uid, gid, mtime) == (0, 0, 0)
        name = os.fsdecode(archive[offset + 110 : offset + 110 + name_size - 1])
        begin = offset + (110 + name_size + 3) // 4 * 4
        data = archive[begin : begin + size]
        offset = begin + (size + 3) // 4 * 4
        if name == "TRAILER!!!":
            assert not archive[offset:].strip(b"\0")
            return seen
        assert name.startswith("./")
        kind = {
            stat.S_IFDIR: "dir",
            stat.S_IFREG: "file",
            stat.S_IFLNK: "link",
            stat.S_IFCHR: "char",
            stat.S_IFBLK: "block",
        }[stat.S_IFMT(mode)]
        is_link = kind == "link"
        seen[name[2:]] = Seen(
            kind,
            stat.S_IMODE(mode),
            b"" if is_link else data,
            os.fsdecode(data) if is_link else "",
            (major, minor),
        )


@pytest.fixture
def umask():
    """Set the umask for the length of a test."""
    before = os.umask(0o022)
    yield os.umask
    os.umask(before)


@pytest.fixture
def as_nobody() -> Iterator[Path]:
    """A directory to which modes apply even if the tests run as root: they give up being root."""
    with tempfile.TemporaryDirectory(prefix="ukrom-test-") as name:
        folder = Path(name)
        folder.chmod(0o777)
        is_root = os.geteuid() == 0
        if is_root:
            os.seteuid(65534)
        try:
            yield folder
        finally:
            if is_root:
                os.seteuid(0)
