"""Content-addressed files."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor

import pytest

from ukrom.errors import ImageError
from ukrom.images.blobs import Blob, Blobs

CONTENT = b"some bytes"
BLOB = Blob("sha256:" + hashlib.sha256(CONTENT).hexdigest(), len(CONTENT))


@pytest.fixture
def folder(blobs):
    return Blobs(blobs)


def leftovers(folder: Blobs) -> list[str]:
    return [path.name for path in (folder.folder / ".ukrom" / "partial").iterdir()]


def test_blob_is_found_under_its_digest(folder, blobs):
    assert folder.put(CONTENT) == BLOB
    assert (blobs / "sha256" / BLOB.digest.removeprefix("sha256:")).read_bytes() == CONTENT
    assert folder.read(BLOB) == CONTENT


def test_copied_file_stays_and_adopted_file_goes(folder, tmp_path):
    for name in ("copied", "adopted"):
        (tmp_path / name).write_bytes(CONTENT)

    assert folder.copy(tmp_path / "copied") == folder.adopt(tmp_path / "adopted") == BLOB

    assert (tmp_path / "copied").exists()
    assert not (tmp_path / "adopted").exists()
    assert leftovers(folder) == []


@pytest.mark.parametrize("expected", [Blob(BLOB.digest, 3), Blob("sha256:" + "0" * 64, BLOB.size)])
def test_damaged_content_is_refused_and_leaves_nothing(folder, tmp_path, expected):
    (tmp_path / "file").write_bytes(CONTENT)

    with pytest.raises(ImageError, match="The content is not what it was said to be"):
        folder.put(CONTENT, expected=expected)
    with pytest.raises(ImageError, match="The content is not what it was said to be"):
        folder.copy(tmp_path / "file", expected=expected)

    assert not folder.holds(BLOB)
    assert leftovers(folder) == []


def test_truncated_blob_is_written_anew(folder):
    folder.put(CONTENT)
    path = folder.path(BLOB.digest)
    path.chmod(0o644)
    path.write_bytes(b"som")

    with pytest.raises(ImageError, match=r"has 3 bytes instead of 10.\nDelete that file"):
        folder.check(BLOB)
    folder.put(CONTENT)
    assert folder.read(BLOB) == CONTENT


def test_changed_blob_is_noticed_when_read(folder):
    folder.put(CONTENT)
    path = folder.path(BLOB.digest)
    path.chmod(0o644)
    path.write_bytes(CONTENT[::-1])

    with pytest.raises(ImageError, match="is damaged: its content has another digest"):
        folder.read(BLOB)


def test_missing_blob_is_named(folder):
    with pytest.raises(ImageError, match="is missing"):
        folder.check(BLOB)


@pytest.mark.parametrize("digest", ["sha256:12", "md5:" + "0" * 32, "sha256:../../etc/passwd"])
def test_text_that_is_no_digest_never_becomes_a_path(folder, digest):
    with pytest.raises(ImageError, match="is no digest"):
        folder.path(digest)


def test_missing_source_is_named(folder, tmp_path):
    with pytest.raises(ImageError, match="gone' cannot be read: No such file"):
        folder.copy(tmp_path / "gone")
    assert leftovers(folder) == []


def test_many_writers_of_one_blob_agree(blobs):
    data = bytes(1 << 20)
    with ThreadPoolExecutor(8) as pool:
        found = set(pool.map(lambda _: Blobs(blobs).put(data), range(16)))

    assert len(found) == 1
    assert Blobs(blobs).read(found.pop()) == data


def test_folder_that_can_only_be_read_is_told(folder, monkeypatch):
    def refuse(**_):
        raise OSError(30, "Read-only file system")

    kept = folder.put(CONTENT)
    monkeypatch.setattr("ukrom.images.blobs.tempfile.mkstemp", refuse)

    assert folder.put(CONTENT) == kept
    with pytest.raises(ImageError, match=r"Nothing can be stored in .*: Read-only file system") as caught:
        folder.put(b"other bytes")
    assert "UKROM_CACHE" in caught.value.remedy
