"""`ukrom cache` shows what the cache holds, and removes what it is told to."""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
import time
from datetime import datetime

import pytest

from ukrom.errors import ImageError
from ukrom.images import ImageStore
from ukrom.qemu.layers.file import write_trailer

DAY = 86400
MIB = 1 << 20


def key(number):
    return f"{number:064x}"


@pytest.fixture
def put(cache):
    """Write a file of the cache that was used some days ago."""

    def put(name, days=0, size=MIB):
        path = cache.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x" * size)
        os.utime(path, (time.time() - days * DAY,) * 2)
        return path

    return put


@pytest.fixture
def layer(cache):
    """Write a layer as the runner does."""

    def layer(number, days=0, **of):
        path = cache.root / f"layers/{key(number)}.layer"
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb+") as file:
            file.write(b"x" * MIB)
            file.truncate(128 * MIB)
            write_trailer(file.fileno(), 128 * MIB, b"state", {"memory_mb": 128, "vcpus": 2} | of)
        os.utime(path, (time.time() - days * DAY,) * 2)
        return path

    return layer


@pytest.fixture
def emulator(cache):
    """Something in this process that runs on the cache."""
    with cache.use():
        yield


def told(result):
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def purposes(result):
    return {purpose["name"]: purpose for purpose in told(result)["purposes"]}


def test_empty_cache_is_no_error(ukrom, cache):
    result = ukrom("cache", "ls", "--layers")
    assert result.exit_code == 0
    assert f"There is nothing in {cache.root}; layers may take 4.0 GiB" in result.output
    assert told(ukrom("cache", "ls", "--json"))["bytes"] == 0
    assert told(ukrom("cache", "prune", "--all", "--json"))["removed"] == []
    assert not cache.root.exists()


def test_table_tells_number_size_use_and_fate(ukrom, put):
    for number in range(3):
        put(f"images/sha256/{key(number)}", days=5)
    put("kernel/6.1.0-9/vmlinuz")

    lines = ukrom("cache", "ls").output.splitlines()

    rows = {line.split()[0]: " ".join(line.split()) for line in lines if line.strip()}
    assert rows["images"] == "images 3 3.0 MiB 5 days ago if asked images and ROMs"
    assert rows["kernel"] == "kernel 1 1.0 MiB just now never kernels and modules"
    assert "trees" not in rows
    assert lines[-1].startswith("4.0 MiB in ")


def test_table_tells_what_prune_takes(ukrom, put, monkeypatch):
    monkeypatch.setenv("UKROM_LAYERS_MB", "1")
    put(f"layers/{key(1)}.layer", days=1)
    put(f"layers/{key(2)}.layer")
    put("images/.ukrom/partial/tmpabcdefgh", days=1)

    output = " ".join(ukrom("cache", "ls").output.split())

    assert "layers 2 2.0 MiB just now 1, 1.0 MiB snapshots of guests" in output
    assert "images 0 1.0 MiB 1, 1.0 MiB images and ROMs" in output
    assert "layers may take 1.0 MiB (UKROM_LAYERS_MB)" in output


def test_listing_for_machines_has_bytes_and_moments(ukrom, put, cache):
    path = put(f"images/sha256/{key(1)}", days=5)
    result = ukrom("cache", "ls", "--json")

    images = purposes(result)["images"]

    assert (images["entries"], images["bytes"], images["fate"]) == (1, MIB, "unused")
    assert datetime.fromisoformat(images["used"]).timestamp() == int(path.stat().st_mtime)
    assert images["prune"] == {"entries": 0, "bytes": 0}
    assert purposes(result)["layers"]["used"] is None
    assert (told(result)["folder"], told(result)["bytes"]) == (str(cache.root), MIB)
    assert "layers" not in told(result)


@pytest.mark.parametrize("when", [-(10**10), 10**10])
def test_absurd_times_are_told_all_the_same(ukrom, put, when):
    os.utime(put(f"images/sha256/{key(1)}"), (when, when))
    assert purposes(ukrom("cache", "ls", "--json"))["images"]["used"]
    assert ukrom("cache", "ls").exit_code == 0


def test_each_layer_is_told(ukrom, layer):
    layer(1, days=3)
    layer(2, root=[f"sha256:{key(0xABC)[::-1]}", "erofs"])

    output = ukrom("cache", "ls", "--layers").output
    newest, oldest = told(ukrom("cache", "ls", "--layers", "--json"))["layers"]

    assert " ".join(output.split()).count("000000000000 2 128 MiB 2 cba000000000 1.0 MiB just now") == 1
    assert " ".join(output.split()).count("000000000000 1 128 MiB 2 1.0 MiB 3 days ago") == 1
    assert (newest["digest"], newest["level"], newest["memory_mb"], newest["vcpus"]) == (key(2), 2, 128, 2)
    assert newest["image"] == f"sha256:{key(0xABC)[::-1]}"
    assert (oldest["digest"], oldest["level"], oldest["image"]) == (key(1), 1, None)
    assert MIB < oldest["bytes"] < 2 * MIB


def test_listing_is_no_use_of_a_layer(ukrom, layer):
    path = layer(1, days=3)
    used = path.stat().st_atime_ns
    ukrom("cache", "ls", "--layers")
    assert path.stat().st_atime_ns == used


def written(document):
    """The end of a layer's file with this document, and nothing before."""
    return document + struct.pack("<QQ8s", 0, len(document), b"UKRLAYR1")


DAMAGED = {
    "empty": b"",
    "noise": b"x" * 5000,
    "no JSON": written(b"{"),
    "a list": written(b"[]"),
    "nested": written(b"[" * 200_000),
    "too long": struct.pack("<QQ8s", 0, 1 << 62, b"UKRLAYR1"),
    "foreign values": written(b'{"of": {"memory_mb": "x", "vcpus": [1], "root": [["\\u001b[31m"]]}}'),
}


@pytest.mark.parametrize("content", DAMAGED.values(), ids=DAMAGED)
def test_damaged_layer_is_listed_without_its_facts(ukrom, cache, content):
    (cache.folder("layers") / f"{key(1)}.layer").write_bytes(content)

    (damaged,) = told(ukrom("cache", "ls", "--layers", "--json"))["layers"]

    assert (damaged["digest"], damaged["memory_mb"], damaged["vcpus"], damaged["image"]) == (
        key(1),
        None,
        None,
        None,
    )
    assert "?      ?" in ukrom("cache", "ls", "--layers").output


def test_layer_behind_a_link_is_not_read(ukrom, layer, tmp_path):
    path = layer(1)
    path.rename(tmp_path / "elsewhere")
    path.symlink_to(tmp_path / "elsewhere")
    assert told(ukrom("cache", "ls", "--layers", "--json"))["layers"][0]["level"] is None


def test_prune_tells_what_went_and_the_room_it_made(ukrom, put):
    old = put(f"images/sha256/{key(1)}", days=31)
    put(f"images/sha256/{key(2)}", days=29)

    result = ukrom("cache", "prune", "--older-than", "30")

    assert result.exit_code == 0
    assert result.output == "Removed from images: 1, 1.0 MiB.\nRoom made: 1.0 MiB; the cache takes 1.0 MiB.\n"
    assert not old.exists()


def test_prune_with_nothing_to_do_says_so(ukrom, put):
    put(f"images/sha256/{key(1)}", days=31)
    assert ukrom("cache", "prune").output == "Nothing was removed.\n"


def test_dry_run_says_the_same_and_removes_nothing(ukrom, put):
    path = put(f"images/sha256/{key(1)}")

    result = ukrom("cache", "prune", "--all", "--dry-run")

    assert result.exit_code == 0
    assert (
        "Would remove from images: 1, 1.0 MiB.\nRoom to be made: 1.0 MiB; the cache would take 0 B."
        in result.output
    )
    assert path.exists()


def test_prune_for_machines(ukrom, put):
    path = put(f"images/sha256/{key(1)}", days=3)
    report = told(ukrom("cache", "prune", "--all", "--json"))
    (gone,) = report["removed"]
    assert (gone["purpose"], gone["path"], gone["bytes"]) == ("images", str(path), MIB)
    assert (report["bytes"], report["left"], report["in_use"], report["dry_run"]) == (MIB, 0, False, False)


@pytest.mark.parametrize(
    ("size", "left"), [("2M", 2), ("2048K", 2), ("2097152", 2), ("1.5m", 1), ("0", 0), ("1G", 4)]
)
def test_size_is_understood(ukrom, put, size, left):
    for number in range(4):
        put(f"images/sha256/{key(number)}", days=number)
    assert told(ukrom("cache", "prune", "--max-size", size, "--json"))["left"] == left * MIB


@pytest.mark.parametrize("size", ["", "2T", "-1", "2 G", "G", "1e9", "nan", "2GB", "½", "٣", "1.", "9" * 400])
def test_bad_size_is_refused(ukrom, put, size):
    path = put(f"images/sha256/{key(1)}")
    result = ukrom("cache", "prune", "--max-size", size)
    assert result.exit_code == 2
    assert "is no size; 500M and 2G are" in result.output
    assert path.exists()


@pytest.mark.parametrize("days", ["-1", "soon", "1.5", "nan", "9" * 400])
def test_bad_age_is_refused(ukrom, days):
    result = ukrom("cache", "prune", "--older-than", days)
    assert result.exit_code == 2
    assert "Invalid value for '--older-than'" in result.output


@pytest.mark.parametrize(
    "options", [("--all", "--layers"), ("--all", "--max-size", "0"), ("--layers", "--older-than", "0")]
)
def test_contradiction_is_refused(ukrom, put, options):
    path = put(f"images/sha256/{key(1)}")
    result = ukrom("cache", "prune", *options)
    assert result.exit_code == 2
    assert "go with no other choice" in result.output
    assert path.exists()


def test_bad_limit_of_layers_is_told(ukrom, monkeypatch):
    monkeypatch.setenv("UKROM_LAYERS_MB", "many")
    for command in ("ls", "prune"):
        result = ukrom("cache", command)
        assert result.exit_code == 1
        assert result.output.startswith("Error: UKROM_LAYERS_MB is 'many'")


def test_age_beyond_all_time_removes_nothing(ukrom, put):
    put(f"images/sha256/{key(1)}", days=900)
    assert told(ukrom("cache", "prune", "--older-than", "1000000", "--json"))["removed"] == []


@pytest.mark.parametrize(
    ("options", "status"),
    [((), 0), (("--layers",), 0), (("--all",), 1), (("--older-than", "1"), 1), (("--max-size", "1M"), 1)],
)
def test_running_emulator_is_told_and_keeps_its_images(ukrom, put, emulator, options, status):
    path = put(f"images/sha256/{key(1)}", days=9, size=2 * MIB)
    layer = put(f"layers/{key(2)}.layer")

    result = ukrom("cache", "prune", *options)

    assert result.exit_code == status
    assert ("An emulator is running" in result.output) == (options != ("--layers",))
    assert path.exists()
    assert layer.exists() == (options in {(), ("--older-than", "1")})


def test_what_waits_for_the_emulator_is_told(ukrom, put, emulator):
    put(f"images/sha256/{key(1)}")
    result = ukrom("cache", "prune", "--all")
    assert "Left in images until it ends: 1, 1.0 MiB.\n" in result.output
    result = ukrom("cache", "prune", "--max-size", "512K")
    assert "The cache is still larger than asked for, by 512.0 KiB.\n" in result.output


def test_failure_is_told_by_name_and_status(ukrom, put, monkeypatch):
    path = put(f"images/sha256/{key(1)}")

    def refuse(path):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr("ukrom.host.pruning._delete", refuse)
    result = ukrom("cache", "prune", "--all")
    assert result.exit_code == 1
    assert f"Not removed: {path}: Operation not permitted.\n" in result.output


def test_pruned_image_can_be_built_again(ukrom, cache, tmp_path):
    root = tmp_path / "root"
    root.write_bytes(bytes(4096))

    def build():
        store = ImageStore(cache.folder("images"), tmp_path / "index.json")
        return store.put_image("me/app", root, "raw", ("/app",))

    # The root file system goes first, and its documents stay.
    digest = build().root.digest.removeprefix("sha256:")
    os.utime(cache.root / "images/sha256" / digest, (0, 0))
    assert len(told(ukrom("cache", "prune", "--older-than", "1", "--json"))["removed"]) == 1
    with pytest.raises(ImageError):
        ImageStore(cache.folder("images"), tmp_path / "index.json").resolve("me/app")
    assert build().root.path.read_bytes() == bytes(4096)

    told(ukrom("cache", "prune", "--all", "--json"))
    assert build().root.path.read_bytes() == bytes(4096)


def test_the_command_itself(put, cache):
    put(f"images/sha256/{key(1)}")
    run = [sys.executable, "-c", "from ukrom.cli import main; main()", "cache"]
    with cache.use():
        refused = subprocess.run([*run, "prune", "--all"], capture_output=True, text=True, check=False)
    assert (refused.returncode, refused.stdout) == (1, "Nothing was removed.\n")
    assert refused.stderr.startswith("An emulator is running, so nothing but layers can be removed.\n")

    done = subprocess.run([*run, "prune", "--all"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    shown = subprocess.run([*run, "ls"], capture_output=True, text=True, check=True)
    assert shown.stdout.startswith("There is nothing in ")
