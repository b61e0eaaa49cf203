"""Where the cache is, and what happens when it cannot be used."""

from __future__ import annotations

from pathlib import Path

import pytest

from ukrom.errors import SettingsError
from ukrom.host import Cache, find_cache


@pytest.mark.parametrize(
    ("environ", "platform", "expected"),
    [
        ({"UKROM_CACHE": "/a", "XDG_CACHE_HOME": "/b", "HOME": "/c"}, "linux", "/a"),
        ({"XDG_CACHE_HOME": "/b", "HOME": "/c"}, "linux", "/b/ukrom"),
        ({"XDG_CACHE_HOME": "relative", "HOME": "/c"}, "linux", "/c/.cache/ukrom"),
        ({"UKROM_CACHE": "", "HOME": "/c"}, "linux", "/c/.cache/ukrom"),
        ({"HOME": "/c"}, "darwin", "/c/Library/Caches/ukrom"),
    ],
)
def test_cache_folder_follows_the_environment(environ, platform, expected):
    assert find_cache(environ, platform) == Cache(Path(expected))


def test_relative_cache_folder_is_made_absolute():
    assert find_cache({"UKROM_CACHE": "here"}).root == Path.cwd() / "here"


def test_user_without_home_is_told_what_to_set():
    with pytest.raises(SettingsError, match="Set UKROM_CACHE"):
        find_cache({})


def test_folder_is_made_by_purpose(cache):
    assert cache.folder("images").is_dir()
    assert cache.folder("images") == cache.root / "images"


def test_written_file_replaces_the_old_one_and_leaves_nothing_beside(cache):
    cache.write("accelerator", "verdict", b"old")
    path = cache.write("accelerator", "verdict", b"new")

    assert path.read_bytes() == b"new"
    assert [found.name for found in path.parent.iterdir()] == ["verdict"]


def test_unusable_cache_folder_is_told(cache):
    cache.root.write_text("a file in its place")
    with pytest.raises(SettingsError, match=r"cache folder cannot be written: .*\n.*UKROM_CACHE"):
        cache.folder("images")


def test_full_disk_is_told(cache, monkeypatch):
    def full(self, target):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(SettingsError, match="No space left on device"):
        cache.write("images", "index", b"content")
    assert list(cache.folder("images").iterdir()) == []


def test_size_counts_what_is_on_disk(cache):
    assert cache.size() == 0
    cache.write("images", "blob", bytes(range(256)) * 400)
    with (cache.root / "sparse").open("wb") as file:
        file.truncate(1 << 30)
    assert 102400 <= cache.size() < 1 << 20
