"""Layers appear whole or not at all, are found only as they were made, and take no more room than allowed."""

import asyncio
import errno
import logging
import os
import shutil
import subprocess
import time
from pathlib import Path
from types import SimpleNamespace
from typing import NamedTuple

import pytest

from ukrom.qemu import LayerStore
from ukrom.qemu.layers import store as store_module
from ukrom.qemu.layers.key import LayerKey
from ukrom.qemu.layers.store import LayersUnusable

MIB = 1 << 20


def key_of(name, memory_mb=2):
    return LayerKey({"memory_mb": memory_mb, "of": name})


def memory_of(layer, size=6):
    return os.pread(layer.descriptor, size, 0)


# To make a layer, and to find it.


def test_nothing_is_found_in_a_store_that_was_never_used(store, key, folder):
    assert store.find(key) is None
    assert store.stored() == []
    assert store.prune() == []
    store.discard(key)
    assert not folder.exists()


def test_a_layer_is_found_by_what_it_was_made_of(store, key, fill):
    fill(store, key, b"memory", b"state").close()

    layer = store.find(key)

    assert (memory_of(layer), layer.content.state, layer.content.of) == (b"memory", b"state", key.of)
    assert layer.content.memory == 2 * MIB
    assert store.find(key_of("that")) is None
    layer.close()


def test_a_layer_that_was_just_made_is_as_good_as_one_that_is_found(store, key, fill):
    made = fill(store, key)
    found = store.find(key)

    assert (made.key, made.content) == (found.key, found.content)
    assert memory_of(made) == memory_of(found)
    assert made.is_unchanged()
    assert found.is_unchanged()
    made.close()
    found.close()


def test_nothing_is_seen_of_a_layer_before_it_is_complete(store, key, folder, names):
    folder.mkdir()
    with store.new(key) as new:
        os.pwrite(new.descriptor, b"memory", 0)
        assert names() == []
        assert store.find(key) is None

        layer = new.settle(b"state")
        assert names() == [store.path(key).name]

    assert memory_of(layer) == b"memory"
    layer.close()


def test_nothing_is_left_of_a_layer_whose_making_fails(store, key, folder, names, descriptors):
    folder.mkdir()
    before = descriptors()

    def begin():
        with store.new(key) as new:
            os.pwrite(new.descriptor, b"memory", 0)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        begin()
    assert names() == []
    assert descriptors() == before


def test_a_layer_that_is_made_again_takes_the_place_of_the_first(store, key, fill, names):
    first = fill(store, key, b"first!")
    fill(store, key, b"second").close()
    found = store.find(key)

    assert memory_of(found) == b"second"
    assert memory_of(first) == b"first!"  # who runs from it keeps it
    assert len(names()) == 1
    first.close()
    found.close()


def test_memory_of_a_layer_begins_as_that_of_another_and_leaves_it_alone(store, key, fill):
    below = fill(store, key, b"\x01" * MIB, b"below")
    with store.new(key_of("above")) as new:
        new.fill(below)
        os.pwrite(new.descriptor, b"above", 0)
        above = new.settle(b"state")

    assert os.pread(above.descriptor, MIB, 0) == b"above" + b"\x01" * (MIB - 5)
    assert memory_of(below) == b"\x01" * 6
    assert os.pread(above.descriptor, MIB, MIB) == bytes(MIB)
    below.close()
    above.close()


def test_holes_in_memory_take_no_room(store, fill):
    wide = key_of("wide", memory_mb=512)
    below = fill(store, wide)
    with store.new(key_of("wide, too", memory_mb=512)) as new:
        new.fill(below)
        new.settle(b"state").close()
    below.close()

    assert [layer.size < MIB for layer in store.stored()] == [True, True]


def test_lent_layers_are_closed_apart(store, key, fill, descriptors):
    before = descriptors()
    layer = fill(store, key)
    lent = [layer.lend() for _ in range(3)]
    layer.close()

    assert {memory_of(each) for each in lent} == {b"memory"}
    assert all(each.is_unchanged() for each in lent)
    for each in lent:
        each.close()
    assert descriptors() == before


def test_layers_are_told_apart_by_their_depth(store, key, fill):
    booted, mounted = fill(store, key), fill(store, LayerKey({**key.of, "root": ["sha256:0", "erofs"]}))

    assert (booted.holds_root, mounted.holds_root) == (False, True)
    booted.close()
    mounted.close()


# What is not as it was made.


def change(at):
    def spoil(path):
        with path.open("r+b") as file:
            file.seek(at, os.SEEK_SET if at >= 0 else os.SEEK_END)
            (byte,) = file.read(1)
            file.seek(-1, os.SEEK_CUR)
            file.write(bytes([byte ^ 1]))

    return spoil


def cut_off(path):
    os.truncate(path, path.stat().st_size - 1)


def empty(path):
    os.truncate(path, 0)


def pipe(path):
    path.unlink()
    os.mkfifo(path)


@pytest.mark.parametrize(
    "spoil",
    [
        change(0),
        change(MIB + 1),
        change(2 * MIB),
        change(2 * MIB + 9),
        change(-24),
        change(-1),
        cut_off,
        empty,
        pipe,
    ],
)
def test_a_damaged_layer_is_removed_and_reported(store, key, fill, names, caplog, descriptors, spoil):
    before = descriptors()
    fill(store, key).close()
    spoil(store.path(key))

    with caplog.at_level(logging.WARNING):
        assert store.find(key) is None

    assert names() == []
    assert f"the snapshot layer {store.path(key).name} is not used" in caplog.text
    assert descriptors() == before


def test_a_layer_of_something_else_is_removed_and_reported(store, key, fill, names, caplog):
    other = key_of("that")
    fill(store, other).close()
    store.path(other).rename(store.path(key))

    assert store.find(key) is None
    assert "It is the layer of something else" in caplog.text
    assert names() == []


def test_a_layer_with_another_size_of_memory_than_it_says_is_removed(store, key, fill, names):
    """Its document is sound, but it does not stand where it should."""
    fill(store, key).close()
    whole = store.path(key).read_bytes()
    store.path(key).write_bytes(whole[MIB:])

    assert store.find(key) is None
    assert names() == []


def test_a_folder_in_the_place_of_a_layer_is_none(store, key):
    store.path(key).mkdir(parents=True)

    assert store.find(key) is None


@pytest.mark.parametrize("spoil", [change(0), cut_off])
def test_a_layer_that_is_changed_while_it_is_open_tells_so(store, key, fill, spoil):
    layer = fill(store, key)
    os.utime(layer.descriptor, ns=(0, 0))  # long ago
    layer.close()
    layer = store.find(key)
    lent = layer.lend()

    spoil(store.path(key))

    assert not layer.is_unchanged()
    assert not lent.is_unchanged()
    assert store.find(key) is None
    layer.close()
    lent.close()


def test_a_layer_that_is_used_or_removed_has_not_changed(store, key, fill):
    layer = fill(store, key)

    store.find(key).close()
    assert layer.is_unchanged()
    store.discard(key)
    assert layer.is_unchanged()
    assert memory_of(layer) == b"memory"
    layer.close()


# Room.


@pytest.fixture
def aged(store, fill, monkeypatch):
    """Three layers, used one after the other, and about equally large.

    That is in the future, where no file system notes by itself that a file was read.
    """
    keys = [key_of(name) for name in ("first", "second", "third")]
    then = time.time_ns() + 3600 * 10**9
    for number, each in enumerate(keys):
        fill(store, each, b"\x01" * MIB).close()
        os.utime(store.path(each), ns=(then + number * 10**9, 10**9))
    monkeypatch.setattr(store_module, "time", SimpleNamespace(time_ns=lambda: then + 100 * 10**9))
    return keys


def test_layers_are_listed_by_their_last_use(store, aged):
    store.find(aged[0]).close()

    assert [layer.path for layer in store.stored()] == [store.path(aged[number]) for number in (1, 2, 0)]
    assert {layer.size // MIB for layer in store.stored()} == {1}


def test_what_was_not_used_for_longest_goes_first(store, aged):
    store.find(aged[0]).close()

    removed = store.prune(limit=2 * MIB + MIB // 2)

    assert [layer.path for layer in removed] == [store.path(aged[1])]
    assert [layer.path for layer in store.stored()] == [store.path(aged[number]) for number in (2, 0)]


def test_a_layer_is_spared_whatever_it_takes(store, aged, names):
    store.prune(limit=0, spare=store.path(aged[1]))

    assert names() == [store.path(aged[1]).name]


def test_all_goes_when_nothing_may_stay(store, aged, folder):
    assert len(store.prune(limit=0)) == 3
    assert list(folder.iterdir()) == []


def test_a_use_changes_nothing_but_when_it_was(store, aged):
    before = [store.path(each).stat() for each in aged]
    for each in aged * 2:
        store.find(each).close()
    after = [store.path(each).stat() for each in aged]

    assert [status.st_mtime_ns for status in after] == [status.st_mtime_ns for status in before]
    assert all(now.st_atime_ns > then.st_atime_ns for now, then in zip(after, before, strict=True))


def test_nothing_goes_that_fits(store, aged):
    assert store.prune() == []
    assert len(store.stored()) == 3


def test_a_new_layer_makes_room_for_itself_and_stays(folder, fill, aged):
    tight = LayerStore(folder, MIB // 2)
    fill(tight, key_of("fourth"), b"\x01" * MIB).close()

    assert [layer.path for layer in tight.stored()] == [tight.path(key_of("fourth"))]


def test_what_others_remove_meanwhile_is_no_trouble(store, aged, monkeypatch):
    stored = store.stored()
    store.discard(aged[0])
    monkeypatch.setattr(store, "stored", lambda: stored)

    assert [layer.path for layer in store.prune(limit=0)] == [store.path(each) for each in aged[1:]]


# Disks that are full, that cannot be written, that know no file without a name.


class Usage(NamedTuple):
    total: int
    used: int
    free: int


def test_a_disk_with_too_little_room_is_not_begun_to_fill(store, key, folder, monkeypatch, names):
    folder.mkdir()
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(0, 0, key.memory + 10 * MIB))

    with pytest.raises(LayersUnusable, match="No space left on device") as raised:
        store.new(key)

    assert str(folder) in str(raised.value)
    assert "Make room" in raised.value.remedy
    assert names() == []


def test_a_disk_that_is_full_in_the_end_leaves_nothing(store, key, folder, monkeypatch, names, descriptors):
    folder.mkdir()
    before = descriptors()
    write = os.pwrite
    monkeypatch.setattr(os, "pwrite", lambda fd, content, at: write(fd, content[:10], at))

    with store.new(key) as new, pytest.raises(LayersUnusable, match="No space left on device"):
        new.settle(b"state")

    assert names() == []
    assert descriptors() == before


def test_memory_larger_than_a_file_may_be_leaves_nothing(store, key, folder, monkeypatch, names, descriptors):
    def refuse(*_):
        raise OSError(errno.EFBIG, os.strerror(errno.EFBIG))

    folder.mkdir()
    before = descriptors()
    monkeypatch.setattr(os, "ftruncate", refuse)

    with pytest.raises(LayersUnusable, match="File too large"):
        store.new(key)

    assert names() == []
    assert descriptors() == before


def refuse(monkeypatch, number, refused):
    """Have the system refuse to open some files."""
    opened = os.open

    def fail(path, flags, *rest, **options):
        if refused(path, flags):
            raise OSError(number, os.strerror(number))
        return opened(path, flags, *rest, **options)

    monkeypatch.setattr(os, "open", fail)


@pytest.fixture(params=["EOPNOTSUPP", "EISDIR", "EINVAL"])
def without_unnamed_files(request, monkeypatch):
    number = getattr(errno, request.param)
    refuse(monkeypatch, number, lambda _, flags: flags & os.O_TMPFILE == os.O_TMPFILE)


def test_where_no_file_is_without_a_name_it_has_a_hidden_one(
    store, key, folder, names, descriptors, without_unnamed_files
):
    folder.mkdir()
    before = descriptors()
    with store.new(key):
        assert names() == [f".{key.digest}.part"]
        assert store.stored() == []
    assert names() == []

    with store.new(key) as new:
        os.pwrite(new.descriptor, b"memory", 0)
        new.settle(b"state").close()

    assert names() == [store.path(key).name]
    found = store.find(key)
    assert memory_of(found) == b"memory"
    found.close()
    assert descriptors() == before


def test_what_a_killed_maker_left_under_a_hidden_name_goes_with_the_next(store, key, folder, names):
    folder.mkdir()
    (folder / f".{key.digest}.part").write_bytes(b"half of it")

    with store.new(key) as new:
        assert names() == []
        new.settle(b"state").close()

    assert names() == [store.path(key).name]


def test_where_nothing_can_be_written_no_layer_is_begun(store, key, folder, monkeypatch):
    folder.mkdir()
    refuse(monkeypatch, errno.EROFS, lambda path, flags: flags & os.O_RDWR and str(folder) in str(path))

    with pytest.raises(LayersUnusable, match="Read-only file system"):
        store.new(key)


@pytest.mark.parametrize("number", [errno.EROFS, errno.EACCES, errno.EPERM])
def test_a_layer_that_cannot_be_written_is_used_as_a_copy(
    store, key, fill, monkeypatch, folder, descriptors, number
):
    """QEMU opens it again to write, which no read-only file system lets it."""
    before = descriptors()
    fill(store, key, b"\x01" * MIB).close()
    refuse(monkeypatch, number, lambda path, flags: flags & os.O_RDWR and str(folder) in str(path))

    layer = store.find(key)

    assert memory_of(layer) == b"\x01" * 6
    os.pwrite(layer.descriptor, b"\x02", 0)
    assert store.path(key).read_bytes()[:1] == b"\x01"
    layer.close()
    assert descriptors() == before


def test_a_layer_that_cannot_even_be_read_is_none_and_stays(store, key, fill, monkeypatch, names):
    fill(store, key).close()
    refuse(monkeypatch, errno.EIO, lambda path, flags: Path(path) == store.path(key))

    assert store.find(key) is None
    assert len(names()) == 1


def test_no_place_for_a_copy_is_no_layer(store, key, fill, monkeypatch, folder, names, descriptors):
    before = descriptors()
    fill(store, key).close()
    refuse(monkeypatch, errno.EROFS, lambda path, flags: flags & os.O_RDWR and str(folder) in str(path))
    monkeypatch.setattr(
        "ukrom.qemu.layers.store._copy", lambda *_: (_ for _ in ()).throw(OSError(errno.ENOSPC, "full"))
    )

    assert store.find(key) is None
    assert len(names()) == 1
    assert descriptors() == before


@pytest.fixture
def confined(peer):
    """Runs a program that sees a small disk at a folder, which no other process does."""
    confine = ("unshare", "--user", "--map-root-user", "--mount", "--")
    try:
        subprocess.run([*confine, "true"], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        if os.environ.get("CI"):  # where nothing may be left untested unseen
            raise
        pytest.skip("no user and mount namespaces here")

    def confined(folder, size, source):
        folder.mkdir(exist_ok=True)
        mount = 'mount -t tmpfs -o size="$1" tmpfs "$0" && shift && exec "$@"'
        process = peer(source, folder, before=(*confine, "sh", "-c", mount, folder, size))
        output, errors = process.communicate(timeout=20)
        assert process.returncode == 0, errors
        return output.splitlines()

    return confined


USER = """
import os, subprocess, sys
from pathlib import Path
from ukrom.qemu import LayerStore
from ukrom.qemu.layers.key import LayerKey
from ukrom.qemu.layers.store import LayersUnusable
folder = Path(sys.argv[1])
store = LayerStore(folder, 1 << 40)
def make(name, memory_mb, content):
    key = LayerKey({"memory_mb": memory_mb, "of": name})
    with store.new(key) as new:
        os.pwrite(new.descriptor, content, 0)
        new.settle(b"state").close()
    return key
def tell(*words):
    print(*words, flush=True)
"""


def test_a_real_full_disk_costs_the_layer_and_leaves_nothing(confined, folder):
    told = confined(
        folder,
        "90m",
        USER
        + """
below = make("below", 20, b"1" * (20 << 20))
found = store.find(below)
(folder / "other").write_bytes(bytes(60 << 20))
try:
    make("begun", 20, b"")
except LayersUnusable as error:
    tell("begun:", error)
# It was there when the layer was begun, and is used up by others meanwhile.
(folder / "other").unlink()
key = LayerKey({"memory_mb": 3, "of": "filled"})
with store.new(key) as new:
    (folder / "other").write_bytes(bytes(69 << 20))
    try:
        new.fill(found)
    except LayersUnusable as error:
        tell("filled:", error)
(folder / "other").unlink()
with store.new(key) as new:
    with (folder / "other").open("wb", buffering=0) as file:
        try:
            while file.write(bytes(4096)):
                pass
        except OSError:
            pass
    try:
        new.settle(bytes(100_000))
    except LayersUnusable as error:
        tell("settled:", error)
tell(*sorted(path.name for path in folder.iterdir() if path.name != "other") == [store.path(below).name])
""".replace("tell(*sorted", "tell(sorted"),
    )

    full = f"No snapshot layer can be stored in {folder}: No space left on device."
    assert [line for line in told if not line.startswith("Make room")] == [
        f"begun: {full}",
        f"filled: {full}",
        f"settled: {full}",
        "True",
    ]


def test_a_real_disk_that_cannot_be_written_still_has_its_layers(confined, folder):
    told = confined(
        folder,
        "80m",
        USER
        + """
import asyncio
key = make("sound", 2, b"memory")
damaged = make("damaged", 2, b"memory")
os.truncate(store.path(damaged), 100)
subprocess.run(["mount", "-o", "remount,ro", str(folder)], check=True)
layer = store.find(key)
tell(os.pread(layer.descriptor, 6, 0), layer.is_unchanged())
with open(f"/proc/self/fd/{layer.descriptor}", "r+b") as again:
    tell(again.read(6))
tell(store.find(damaged), store.prune(limit=0))
async def wait():
    async with store.making(damaged):
        tell("made")
for attempt in (lambda: store.new(damaged), lambda: asyncio.run(wait())):
    try:
        attempt()
    except LayersUnusable as error:
        tell(error.message)
""",
    )

    read_only = f"No snapshot layer can be stored in {folder}: Read-only file system."
    assert told[:2] == ["b'memory' True", "b'memory'"]
    assert told[2] == "None []"
    assert told[3:] == [read_only, read_only]


# Whose turn it is to make a layer.

MAKER = (
    USER
    + """
import asyncio
key = LayerKey({"memory_mb": 2, "of": "this"})
async def main():
    async with store.making(key):
        with store.new(key) as new:
            os.pwrite(new.descriptor, b"memory", 0)
            tell("making", *sorted(path.name for path in folder.iterdir() if path.suffix != ".lock"))
            await asyncio.to_thread(sys.stdin.readline)
            new.settle(b"state").close()
    tell("made")
asyncio.run(main())
"""
)


@pytest.fixture
def wait_for(monkeypatch):
    """Acts when we wait for our turn to make a layer, and tells what we find when it comes."""

    def wait_for(store, key, act):
        refused = iter((act,))
        taken = store_module._taken

        def look(lock):
            found = taken(lock)
            if not found:
                next(refused, lambda: None)()
            return found

        async def take():
            async with asyncio.timeout(20), store.making(key):
                return store.find(key)

        monkeypatch.setattr(store_module, "_taken", look)
        found = asyncio.run(take())
        assert next(refused, None) is None, "nobody had to wait"
        return found

    return wait_for


def test_only_one_process_makes_a_layer_and_the_others_find_it(store, key, peer, folder, wait_for):
    maker = peer(MAKER, folder)
    assert maker.stdout.readline() == "making\n"

    def go_on():
        maker.stdin.write("\n")
        maker.stdin.flush()

    found = wait_for(store, key, go_on)

    assert memory_of(found) == b"memory"
    assert maker.stdout.readline() == "made\n"
    found.close()


def test_a_maker_that_is_killed_leaves_nothing_and_its_turn_to_others(
    store, key, peer, folder, names, wait_for
):
    maker = peer(MAKER, folder)
    assert maker.stdout.readline() == "making\n"

    assert wait_for(store, key, maker.kill) is None

    assert names() == []


def test_a_maker_that_is_killed_where_files_have_names_leaves_one_that_the_next_removes(
    store, key, peer, folder, names, fill, wait_for
):
    nameless = "os.O_TMPFILE &= ~os.O_DIRECTORY  # the system finds that invalid\n"
    maker = peer(MAKER.replace("import asyncio\n", "import asyncio\n" + nameless), folder)
    assert maker.stdout.readline() == f"making .{key.digest}.part\n"

    assert wait_for(store, key, maker.kill) is None

    assert names() == [f".{key.digest}.part"]
    assert store.stored() == []
    fill(store, key).close()
    assert names() == [store.path(key).name]


def test_layers_of_different_things_are_made_at_the_same_time(store):
    async def play():
        async with asyncio.timeout(5), store.making(key_of("one")), store.making(key_of("other")):
            return True

    assert asyncio.run(play())


def test_who_gives_up_waiting_leaves_the_turn_to_others(store, key):
    async def play():
        async with asyncio.timeout(10):
            async with store.making(key):
                waiting = asyncio.create_task(store.making(key).__aenter__())
                await asyncio.sleep(0)
                waiting.cancel()
                await asyncio.wait({waiting})
            async with store.making(key):
                return True

    assert asyncio.run(play())


def test_a_turn_is_over_however_the_making_ends(store, key):
    async def play():
        with pytest.raises(ZeroDivisionError):
            async with store.making(key):
                raise ZeroDivisionError
        async with asyncio.timeout(5), store.making(key):
            return True

    assert asyncio.run(play())


def test_a_file_where_the_folder_should_be_is_told(folder, store, key):
    folder.write_text("in the way")

    async def play():
        async with store.making(key):
            pass

    with pytest.raises(LayersUnusable, match=f"No snapshot layer can be stored in {folder}: File exists"):
        asyncio.run(play())
