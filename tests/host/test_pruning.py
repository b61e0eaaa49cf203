"""Pruning removes what was wished for, oldest first, whole, and nothing under a running emulator."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from ukrom.errors import SettingsError
from ukrom.host import Cache, PruneWish, find_holdings, prune_cache
from ukrom.host import cache as cache_module

DAY = 86400
MANY = 1 << 40
EVERYTHING = PruneWish(everything=True)

HOLDER = """
import sys
from pathlib import Path
from ukrom.host import Cache
with Cache(Path(sys.argv[1])).use() as use:
    print(use.holds, flush=True)
    sys.stdin.read()
"""


def key(number):
    return f"{number:064x}"


def _file(path, days, size):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x" * size)
    os.utime(path, (time.time() - days * DAY,) * 2)
    return path


@pytest.fixture
def layer(cache):
    return lambda number, days=0.0, size=1 << 20: _file(
        cache.root / f"layers/{key(number)}.layer", days, size
    )


@pytest.fixture
def blob(cache):
    return lambda number, days=0.0, size=1 << 20: _file(
        cache.root / f"images/sha256/{key(number)}", days, size
    )


@pytest.fixture
def tree(cache):
    def make(number, days=0.0, size=1 << 20):
        path = cache.root / f"trees/python-{key(number)}"
        _file(path / "usr/bin/python3", days, size)
        os.utime(path, (time.time() - days * DAY,) * 2)
        return path

    return make


@pytest.fixture
def initramfs(cache):
    return lambda number, days=0.0: _file(cache.root / f"initramfs/{key(number)}.cpio", days, 1 << 20)


@pytest.fixture
def kernel(cache):
    return _file(cache.root / "kernel/6.1.0-9/vmlinuz", 500, 1 << 20).parent


@pytest.fixture
def emulator(cache):
    """Another process that uses the cache; ends it when called."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(cache.root)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "True\n"

    def end():
        process.communicate()

    yield end
    end()


def removed(pruned):
    return [entry.paths[0] for entry in pruned.removed]


def test_missing_cache_needs_no_pruning(cache):
    assert prune_cache(cache, EVERYTHING, MANY).removed == ()
    assert not cache.root.exists()


def test_nothing_goes_unasked_that_may_be_used(cache, layer, blob, tree, initramfs, kernel):
    layer(1, days=400)
    blob(2, days=400)
    tree(3, days=400)
    initramfs(4, days=400)
    assert removed(prune_cache(cache, PruneWish(), MANY)) == []


def test_layers_come_under_their_limit_oldest_first(cache, layer):
    old, new, middle = layer(1, days=3), layer(2, days=1), layer(3, days=2)
    lock = old.with_suffix(".lock")
    lock.touch()

    pruned = prune_cache(cache, PruneWish(), 1 << 20)

    assert removed(pruned) == [old, middle]
    assert (pruned.room, pruned.left) == (2 << 20, 1 << 20)
    assert list(new.parent.iterdir()) == [new]


def test_former_initramfs_files_go_but_the_last_used(cache, initramfs):
    older, last, _ = initramfs(1, days=9), initramfs(2, days=5), initramfs(3, days=0.5).unlink()
    assert removed(prune_cache(cache, PruneWish(), MANY)) == [older]
    assert last.exists()


def test_recent_initramfs_files_stay(cache, initramfs):
    initramfs(1, days=0.5)
    initramfs(2)
    assert removed(prune_cache(cache, PruneWish(), MANY)) == []


def test_remains_of_interrupted_writes_go(cache, blob):
    blob(1)
    remains = [
        _file(cache.root / "images/.ukrom/partial/tmpabcdefgh", 1, 4096),
        _file(cache.root / f"initramfs/.{key(1)}.cpio.abcd1234", 1, 4096),
        _file(cache.root / f"layers/.{key(1)}.part", 1, 4096),
    ]
    fresh = _file(cache.root / "images/.ukrom/partial/tmpstuvwxyz", 0, 4096)

    pruned = prune_cache(cache, PruneWish(), MANY)

    assert sorted(removed(pruned)) == sorted(remains)
    assert pruned.room == 3 * 4096
    assert fresh.exists()


def test_what_is_being_made_stays(cache, tree):
    partial = tree(1).rename(cache.root / f"trees/.python-{key(1)}.partial")
    lock = _file(cache.root / f"trees/python-{key(1)}.lock", 9, 0)
    with lock.open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert removed(prune_cache(cache, EVERYTHING, MANY)) == []
    assert (partial / "usr/bin/python3").exists()


def test_unused_things_go_by_their_age(cache, layer, blob, tree, initramfs, kernel):
    old = [layer(1, days=31), blob(2, days=40), tree(3, days=50), initramfs(4, days=60)]
    new = [layer(5, days=29), blob(6), tree(7, days=29), initramfs(8, days=0.1), kernel]

    pruned = prune_cache(cache, PruneWish(unused_for_s=30 * DAY), MANY)

    assert sorted(removed(pruned)) == sorted(old)
    assert all(path.exists() for path in new)
    assert not any(path.exists() for path in old)


def test_least_recently_used_go_until_the_cache_fits(cache, layer, blob, tree, initramfs, kernel):
    going = [tree(1, days=9), layer(2, days=8), initramfs(3, days=7), blob(4, days=6)]
    staying = [layer(5, days=5), blob(6, days=4)]

    pruned = prune_cache(cache, PruneWish(max_size=(2 << 20) + 100), MANY)

    assert sorted(removed(pruned)) == sorted(going)
    assert pruned.excess == 0
    assert all(path.exists() for path in staying)


def test_setup_and_strangers_do_not_count(cache, layer, kernel):
    layer(1)
    _file(cache.root / "settings.json", 9, 4096)
    notes = _file(cache.root / "notes.txt", 9, 1 << 20)

    pruned = prune_cache(cache, PruneWish(max_size=0), MANY)

    assert pruned.excess == 0
    assert sorted(path.name for path in cache.root.iterdir()) == [
        "in-use.lock",
        "kernel",
        "layers",
        "notes.txt",
        "settings.json",
    ]
    assert pruned.left == cache.size() == (1 << 20) + 4096 + notes.stat().st_size


def test_measurements_go_last(cache, blob):
    verdict = _file(cache.root / "accelerator/verdict.json", 99, 4096)
    blob(1)
    prune_cache(cache, PruneWish(max_size=4096), MANY)
    assert verdict.exists()
    prune_cache(cache, PruneWish(max_size=0), MANY)
    assert not verdict.exists()


def test_only_layers_go_by_that_wish(cache, layer, blob):
    path, _ = layer(1), blob(2, days=400)
    assert removed(prune_cache(cache, PruneWish(layers=True), MANY)) == [path]


def test_everything_goes_but_setup_and_claims(cache, layer, blob, tree, initramfs, kernel):
    for number, make in enumerate((layer, blob, tree, initramfs)):
        make(number)
    for name in ("settings.json", "budget/000000000001-held.json", "budget/lock"):
        _file(cache.root / name, 9, 10)
    for name in (
        "accelerator/verdict.json",
        "qemu/tsc.json",
        "accelerator/lock",
        f"trees/image-{key(9)}.lock",
    ):
        _file(cache.root / name, 9, 10)

    prune_cache(cache, EVERYTHING, MANY)

    left = {str(path.relative_to(cache.root)) for path in cache.root.rglob("*") if path.is_file()}
    claims = {"budget/000000000001-held.json", "budget/lock"}
    assert left == {"in-use.lock", "settings.json", "kernel/6.1.0-9/vmlinuz"} | claims


def test_blob_takes_its_records_along(cache, blob):
    path, other = blob(1, days=9), blob(2)
    record = _file(cache.root / f"images/.ukrom/layer-of/{path.name}", 0, 0)
    record.write_text(f"sha256:{key(7)} 5\n")
    kept = _file(cache.root / f"images/.ukrom/python-image/{key(8)}", 0, 0)
    kept.write_text(f"sha256:{other.name} 5\n")

    prune_cache(cache, PruneWish(unused_for_s=5 * DAY), MANY)

    assert (path.exists(), record.exists(), kept.exists()) == (False, False, True)


def test_dry_run_changes_nothing(cache, layer, blob):
    layer(1)
    blob(2)
    before = sorted(cache.root.rglob("*"))

    pruned = prune_cache(cache, EVERYTHING, MANY, dry_run=True)

    assert (len(pruned.removed), pruned.room, pruned.left) == (2, 2 << 20, 0)
    assert sorted(cache.root.rglob("*")) == before


def test_running_emulator_keeps_all_but_layers(cache, layer, blob, emulator):
    gone, kept = layer(1), blob(2)

    pruned = prune_cache(cache, EVERYTHING, MANY)

    assert pruned.in_use
    assert removed(pruned) == [gone]
    assert [entry.paths[0] for entry in pruned.postponed] == [kept]
    assert kept.exists()

    emulator()
    assert removed(prune_cache(cache, EVERYTHING, MANY)) == [kept]


def test_cache_can_be_made_to_fit_by_layers_alone(cache, layer, blob, emulator):
    blob(1, days=9)
    path = layer(2)

    pruned = prune_cache(cache, PruneWish(max_size=1 << 20), MANY)

    assert removed(pruned) == [path]
    assert pruned.excess == 0
    assert prune_cache(cache, PruneWish(max_size=1), MANY).excess == (1 << 20) - 1


def test_killed_emulator_keeps_nothing(cache, blob):
    blob(1)
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(cache.root)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        process.stdout.readline()
        process.kill()
    assert len(prune_cache(cache, EVERYTHING, MANY).removed) == 1


def test_use_that_is_closed_keeps_nothing_even_if_a_child_has_it(cache, blob):
    blob(1)
    use = cache.use()
    descriptor = os.dup(use._descriptor)  # as a forked child has it
    try:
        use.close()
        use.close()
        assert len(prune_cache(cache, EVERYTHING, MANY).removed) == 1
    finally:
        os.close(descriptor)


def test_forked_child_does_not_end_the_use(cache):
    code = f"""
import os
from pathlib import Path
from ukrom.host import Cache
cache = Cache(Path({str(cache.root)!r}))
use = cache.use()
child = os.fork()
if child == 0:
    use.close()
    os._exit(0)
os.waitpid(child, 0)
with cache.alone() as alone:
    assert not alone
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_several_emulators_use_one_cache(cache, emulator):
    with cache.use() as use:
        assert use.holds


def test_start_waits_until_the_cache_is_pruned(cache):
    cache.root.mkdir()
    uses = []
    starting = threading.Thread(target=lambda: uses.append(cache.use()))
    with cache.alone() as alone:
        assert alone
        starting.start()
        starting.join(0.1)
        assert uses == []
    starting.join(10)
    assert uses[0].holds
    uses[0].close()


def test_start_does_not_wait_for_ever(cache, monkeypatch):
    monkeypatch.setattr(cache_module, "_PATIENCE_S", 0.05)
    cache.root.mkdir()
    with cache.alone(), pytest.raises(SettingsError, match="has been pruning the cache"):
        cache.use()


def test_cache_that_cannot_be_written_is_used_without_a_lock():
    with Cache(Path("/proc/ukrom")).use() as use:
        assert not use.holds


def test_cache_whose_users_are_not_known_is_not_pruned(cache, blob):
    path = blob(1)
    (cache.root / "in-use.lock").symlink_to("/nowhere")  # cannot be opened
    with pytest.raises(SettingsError, match=r"in-use\.lock"):
        prune_cache(cache, EVERYTHING, MANY)
    assert path.exists()


def test_what_cannot_be_removed_is_told_and_the_rest_goes(cache, blob, monkeypatch):
    stuck, free = blob(1, days=2), blob(2)
    unlink = Path.unlink

    def refuse(path, missing_ok=False):
        if path == stuck:
            raise PermissionError(1, "Operation not permitted")
        unlink(path, missing_ok)

    monkeypatch.setattr(Path, "unlink", refuse)
    pruned = prune_cache(cache, EVERYTHING, MANY)

    assert pruned.failures == ((stuck, "Operation not permitted"),)
    assert removed(pruned) == [free]
    assert pruned.left == 1 << 20


def test_what_vanishes_meanwhile_is_no_failure(cache, layer, monkeypatch):
    paths = [layer(1), layer(2)]
    lstat = Path.lstat

    def vanish(path):
        for gone in paths:
            gone.unlink(missing_ok=True)
        return lstat(path)

    entries = find_holdings(cache)
    monkeypatch.setattr("ukrom.host.pruning.find_holdings", lambda _: entries)
    monkeypatch.setattr(Path, "lstat", vanish)
    assert prune_cache(cache, EVERYTHING, MANY).failures == ()


def test_tree_that_cannot_be_removed_whole_is_not_taken_for_one(cache, tree, monkeypatch):
    path = tree(1)

    def fail(path):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr("ukrom.host.pruning.shutil.rmtree", fail)
    pruned = prune_cache(cache, EVERYTHING, MANY)

    assert [why for _, why in pruned.failures] == ["Input/output error"]
    assert not path.exists()
    assert [entry.name for entry in path.parent.iterdir()] == [f".{path.name}.partial"]


def test_links_are_removed_not_what_they_lead_to(cache, tree, tmp_path):
    precious = _file(tmp_path / "precious/file", 0, 10)
    path = tree(1)
    (path / "link").symlink_to(precious.parent)
    (cache.root / f"trees/python-{key(2)}").symlink_to(precious.parent)
    (cache.root / "layers").mkdir()
    (cache.root / f"layers/{key(3)}.layer").symlink_to(precious)
    (cache.root / "images").symlink_to(precious.parent)

    prune_cache(cache, EVERYTHING, MANY)

    assert precious.exists()
    assert list((cache.root / "trees").iterdir()) == list((cache.root / "layers").iterdir()) == []
    assert (cache.root / "images").is_symlink()
