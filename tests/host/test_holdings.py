"""What the cache holds is told by purpose, with what it takes on the disk and when it was last used."""

from __future__ import annotations

import fcntl
import os
import time

import pytest

from ukrom.errors import SettingsError
from ukrom.host import Cache, Fate, Tally, find_holdings
from ukrom.host.holdings import Kind

HOUR = 3600
KEY, OTHER = "a" * 64, "b" * 64


@pytest.fixture
def put(cache):
    """Write a file of the cache, which was last changed and read some hours ago."""

    def put(path, content=b"x" * 4096, hours=0.0):
        file = cache.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        os.utime(file, (time.time() - hours * HOUR,) * 2)
        return file

    return put


def found(cache):
    return [(entry.purpose.name, entry.kind, entry.paths[0].name) for entry in find_holdings(cache)]


def only(cache):
    (entry,) = find_holdings(cache)
    return entry


@pytest.mark.parametrize("make", [False, True], ids=["missing", "empty"])
def test_cache_without_content_holds_nothing(cache, make):
    if make:
        cache.root.mkdir()
    assert find_holdings(cache) == []


def test_everything_is_found_by_its_purpose(cache, put):
    names = [
        f"layers/{KEY}.layer",
        f"images/sha256/{KEY}",
        f"initramfs/{KEY}.cpio",
        "accelerator/verdict.json",
        "qemu/tsc.json",
        "budget/000000000001-held.json",
        "settings.json",
    ]
    for name in names:
        put(name)
    put(f"trees/python-{KEY}/usr/bin/python3")
    put("kernel/6.1.0-9/vmlinuz")
    put("in-use.lock", b"")

    everything = {(entry.purpose.name, entry.purpose.fate) for entry in find_holdings(cache)}

    assert everything == {
        ("layers", Fate.LIMITED),
        ("images", Fate.UNUSED),
        ("trees", Fate.UNUSED),
        ("initramfs", Fate.UNUSED),
        ("accelerator", Fate.MEASURED),
        ("qemu", Fate.MEASURED),
        ("kernel", Fate.KEPT),
        ("settings", Fate.KEPT),
        ("budget", Fate.KEPT),
    }


@pytest.mark.parametrize(
    "name",
    ["notes.txt", ".hidden", "layers/notes.txt", "layers/.DS_Store", "trees/.hidden/x", "images/sha256/x"],
)
def test_what_is_not_of_ukrom_is_kept(cache, put, name):
    put(name, hours=1000)
    assert only(cache).purpose.fate is Fate.KEPT
    assert only(cache).kind is Kind.CONTENT


def test_sparse_files_count_for_what_they_hold(cache, put):
    path = put(f"layers/{KEY}.layer")
    os.truncate(path, 1 << 30)
    assert 4096 <= only(cache).size < 1 << 20


def test_file_with_several_names_counts_once(cache, put):
    file = put(f"trees/python-{KEY}/file", bytes(8192))
    again = put(f"trees/package-x-{OTHER}/own").with_name("file")
    again.hardlink_to(file)
    file.with_name("twice").hardlink_to(file)

    entries = find_holdings(cache)

    assert sorted(entry.size for entry in entries) == [8192, 8192 + 4096]
    assert Tally(entries).size == cache.size() == 8192 + 4096


def test_room_of_a_shared_file_is_free_with_its_last_holder(cache, put):
    file = put(f"trees/python-{KEY}/file", bytes(8192))
    put(f"trees/package-x-{OTHER}/own").with_name("file").hardlink_to(file)
    entries = find_holdings(cache)
    tally = Tally(entries)

    left = []
    for entry in sorted(entries, key=lambda entry: entry.size):
        tally.remove(entry)
        left.append(tally.size)

    assert left == [8192 + 4096, 0]


def test_last_use_is_the_later_of_reading_and_making(cache, put):
    path = put(f"images/sha256/{KEY}", hours=50)
    os.utime(path, (time.time() - 7 * HOUR, path.stat().st_mtime))
    assert time.time() - only(cache).used == pytest.approx(7 * HOUR, abs=60)


def test_tree_was_used_when_its_newest_file_was(cache, put):
    for hours, name in ((90, "old"), (30, "new")):
        path = put(f"trees/python-{KEY}/usr/{name}", hours=hours)
    for folder in (path.parent, path.parent.parent):
        # A listing reads folders, and must not count as a use.
        os.utime(folder, (time.time(), time.time() - 90 * HOUR))
    assert time.time() - only(cache).used == pytest.approx(30 * HOUR, abs=60)


def test_looking_is_no_use(cache, put):
    put(f"images/sha256/{KEY}", hours=50)
    put(f"images/.ukrom/python-image/{OTHER}", f"sha256:{KEY} 4096\n".encode(), hours=50)
    before = only(cache).used
    assert only(cache).used == before


def test_records_go_with_their_blob(cache, put):
    put(f"images/sha256/{KEY}")
    named_by_key = put(f"images/.ukrom/layer-of/{KEY}", f"sha256:{OTHER} 8192\n".encode())
    names_it = put(f"images/.ukrom/payload-of/{OTHER}", f"sha256:{KEY} 4096\n".encode())
    assert only(cache).paths == (cache.root / f"images/sha256/{KEY}", named_by_key, names_it)


def test_record_of_a_blob_that_is_gone_is_left_over(cache, put):
    put(f"images/.ukrom/python-image/{OTHER}", f"sha256:{KEY} 4096\n".encode())
    assert found(cache) == [("images", Kind.LEFTOVER, OTHER)]


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"sha256:short 1\n", b"x" * 100_000])
def test_record_that_is_none_is_kept(cache, put, content):
    put(f"images/.ukrom/python-image/{KEY}", content)
    assert found(cache) == [("other", Kind.CONTENT, KEY)]


@pytest.mark.parametrize(
    "name",
    [
        "images/.ukrom/partial/tmpabcdefgh",
        f"initramfs/.{KEY}.cpio.abcd1234",
        "accelerator/.verdict.json.abcd_234",
        ".settings.json.abcd1234",
        f"layers/.{KEY}.part",
        f"trees/.python-{KEY}.partial/usr/file",
        "kernel/.download-abcd1234/boot/vmlinuz",
    ],
)
def test_write_that_came_to_no_end_is_left_over_after_an_hour(cache, put, name):
    path = put(name, hours=0.5)
    assert only(cache).kind is Kind.WRITING

    os.utime(path, (time.time() - 2 * HOUR,) * 2)
    for folder in path.parents[: len(path.relative_to(cache.root).parts) - 1]:
        os.utime(folder, (time.time() - 2 * HOUR,) * 2)

    assert only(cache).kind is Kind.LEFTOVER


@pytest.mark.parametrize(
    ("name", "key"), [(f"layers/.{KEY}.part", KEY), (f"trees/.x-{KEY}.partial", f"x-{KEY}")]
)
def test_lock_tells_whether_somebody_writes(cache, put, name, key):
    path = put(name, hours=5)
    lock = put(f"{path.parent.name}/{key}.lock", b"")

    with lock.open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert found(cache)[0] == (path.parent.name, Kind.WRITING, path.name)

    os.utime(path)
    assert found(cache)[0] == (path.parent.name, Kind.LEFTOVER, path.name)


def test_links_are_not_followed(cache, put, tmp_path):
    outside = tmp_path / "outside"
    (outside / "sha256").mkdir(parents=True)
    (outside / "sha256" / KEY).write_bytes(bytes(1 << 20))
    cache.root.mkdir()
    for name in ("images", "trees", "budget"):
        (cache.root / name).symlink_to(outside)
    put(f"layers/{KEY}.layer").unlink()
    (cache.root / f"layers/{KEY}.layer").symlink_to(outside / "sha256" / KEY)
    (cache.root / f"layers/{KEY}.lock").symlink_to("/nowhere")

    entries = find_holdings(cache)

    assert Tally(entries).size < 1 << 16  # long links take a block each
    assert sorted(entry.purpose.name for entry in entries) == ["layers", "other", "other", "other"]


def test_cache_that_is_no_folder_is_told(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(SettingsError, match=r"cache folder cannot be read: .*\n.*UKROM_CACHE"):
        find_holdings(Cache(tmp_path / "file"))
