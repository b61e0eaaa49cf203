"""The files that tell all processes who holds what: whose they are, when they go, and what may lie beside."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
from pathlib import Path

import pytest

from ukrom.host import Budget, ledger

from .sharers import Turn, claims_in, play


def descriptors():
    return {path.name for path in Path("/proc/self/fd").iterdir()}


def test_claim_is_a_small_file_that_tells_whose_it_is(folder):
    async def main():
        with await Budget(folder, {"memory": 1000}).claim({"memory": 600}, "web"):
            (name,) = claims_in(folder)
            told = json.loads((folder / name).read_text())
            assert told == {"pid": os.getpid(), "label": "web", "amounts": {"memory": 600}}

        assert claims_in(folder) == []

    play(main())


def test_descriptors_are_given_back(folder):
    async def main():
        shared = Budget(folder, {"memory": 100})
        before = descriptors()
        claims = [await shared.claim({"memory": 10}, "some") for _ in range(10)]
        turns = [Turn(shared, {"memory": 20}) for _ in range(10)]
        for turn in turns:
            await turn.waits()
        turns.pop().task.cancel()
        claims[0].reduce("memory")
        shared.holders()
        for claim in claims:
            claim.release()
        for turn in turns:
            await turn.release()
        assert descriptors() == before

    play(main())


def test_killed_process_is_no_holder_and_its_file_goes(folder, peer):
    other = peer({"memory": 100})
    other.do("claim", "a", {"memory": 60})
    assert other.hear() == ("holds", "a")
    shared = Budget(folder, {"memory": 100})
    assert [holder.pid for holder in shared.holders()] == [other.pid]

    other.kill()

    assert shared.holders() == []
    assert claims_in(folder) == []


def test_forked_child_holds_nothing_of_its_parent(folder, peer):
    other = peer({"memory": 100})
    other.do("claim", "a", {"memory": 100})
    assert other.hear() == ("holds", "a")

    other.do("fork", "a")
    word, child = other.hear()

    assert word == "forked"
    shared = Budget(folder, {"memory": 100})
    assert [holder.pid for holder in shared.holders()] == [other.pid]
    other.kill()
    os.kill(child, 0)  # it is still there
    assert shared.holders() == []


# --- a folder that holds other things, or cannot be used


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"[" * 5000,
        b"\xff\xfe",
        b'{"pid": 1, "label": "x"}',
        b'{"pid": "1", "label": "x", "amounts": {}}',
        b'{"pid": 1, "label": 2, "amounts": {}}',
        b'{"pid": 1, "label": "x", "amounts": {"memory": -50}}',
        b'{"pid": 1, "label": "x", "amounts": {"memory": 1e999}}',
        b'{"pid": 1, "label": "x", "amounts": [7]}',
        b'{"pid": 1, "label": "x", "amounts": {"memory": 50}}',
    ],
)
@pytest.mark.parametrize("state", ["held", "waiting"])
def test_file_that_is_nobodys_is_removed_whatever_it_holds(folder, content, state):
    shared = Budget(folder, {"memory": 100})
    (folder / f"000000000007-{state}.json").write_bytes(content)

    async def main():
        with await shared.claim({"memory": 100}, "ours"):
            assert claims_in(folder) == ["000000000008-held.json"]

    play(main())


@pytest.mark.parametrize("content", [b"{", b'{"pid": 1, "label": "x", "amounts": {"memory": true}}'])
def test_locked_file_that_is_no_claim_is_left_and_counts_for_nothing(folder, content):
    shared = Budget(folder, {"memory": 100})
    path = folder / "000000000007-held.json"
    path.write_bytes(content)

    async def main():
        with path.open() as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            with await shared.claim({"memory": 100}, "ours"):
                assert [holder.label for holder in shared.holders()] == ["ours"]
        assert path.exists()

    play(main())


def test_foreign_things_are_left(folder, tmp_path):
    shared = Budget(folder, {"memory": 100})
    precious = tmp_path / "precious"
    precious.write_text("kept")
    (folder / "notes.txt").write_text("kept")
    (folder / "7-held.json").write_text("kept")
    (folder / "000000000001-held.json").symlink_to(precious)
    (folder / "000000000002-held.json").mkdir()

    async def main():
        with await shared.claim({"memory": 100}, "ours"):
            assert len(shared.holders()) == 1

    play(main())

    assert shared.shared
    assert precious.read_text() == "kept"
    assert claims_in(folder) == [
        "000000000001-held.json",
        "000000000002-held.json",
        "7-held.json",
        "notes.txt",
    ]


def test_named_pipe_makes_nobody_wait(folder):
    shared = Budget(folder, {"memory": 100})
    os.mkfifo(folder / "000000000001-held.json")

    async def main():
        with await shared.claim({"memory": 100}, "ours"):
            assert len(shared.holders()) == 1

    play(main())


def test_folder_that_cannot_be_made_leaves_a_count_of_our_own(tmp_path):
    (tmp_path / "file").touch()

    async def main():
        alone = Budget(tmp_path / "file" / "budget", {"memory": 100, "cold": 1})
        assert not alone.shared
        assert "file/budget cannot be used: Not a directory" in alone.why_not
        first = await alone.claim({"memory": 60, "cold": 1}, "first")
        second = Turn(alone, {"memory": 40, "cold": 1}, "second")
        assert await second.waits() == f"1 cold boot: 1 VM of process {os.getpid()} holds 1 of 1"
        first.reduce("cold")
        await second.task
        assert [(holder.label, holder.amounts) for holder in alone.holders()] == [
            ("first", {"memory": 60}),
            ("second", {"memory": 40, "cold": 1}),
        ]
        third = Turn(alone, {"memory": 1})
        await third.waits()
        third.task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await third.task
        first.release()
        await second.release()
        assert alone.holders() == []
        assert Budget.held(tmp_path / "file" / "budget", "memory") == 0

    play(main())


def test_read_only_folder_leaves_a_count_of_our_own(folder):
    if os.geteuid() == 0:
        folder = Path("/proc/self/fdinfo")  # no right to write counts for root but here
    else:
        folder.mkdir(parents=True, mode=0o500)

    async def main():
        alone = Budget(folder, {"memory": 100})
        with await alone.claim({"memory": 60}, "ours"):
            assert [holder.label for holder in alone.holders()] == ["ours"]
        assert not alone.shared
        assert "cannot be used" in alone.why_not

    play(main())


@pytest.mark.parametrize(
    ("name", "limit", "words"),
    [
        ("RLIMIT_FSIZE", 0, "File too large"),
        ("RLIMIT_FSIZE", 10, "No space left on device"),
        ("RLIMIT_NOFILE", 4, "Too many open files"),
    ],
)
def test_file_that_cannot_be_written_leaves_a_count_of_our_own(folder, peer, name, limit, words):
    other = peer({"memory": 100})
    other.do("claim", "seen", {"memory": 60})
    assert other.hear() == ("holds", "seen")

    other.do("limit", name, limit)
    other.do("claim", "unseen", {"memory": 40})
    assert other.hear() == ("holds", "unseen")
    other.do("claim", "one too many", {"memory": 1})
    assert other.hear()[:2] == ("waits", "one too many")

    other.do("why")
    _, is_shared, why_not = other.hear()
    assert not is_shared
    assert f"{folder} cannot be used: {words}" in why_not
    assert [holder.label for holder in Budget(folder, {"memory": 100}).holders()] == ["seen"]
    other.do("release", "seen")
    assert other.hear() == ("holds", "one too many")
    assert claims_in(folder) == []


@pytest.mark.parametrize("pattern", ["*", "*-held.json", "*-waiting.json"])
def test_files_that_somebody_deletes_stop_nobody(folder, pattern):
    async def main():
        shared = Budget(folder, {"memory": 100})
        first = await shared.claim({"memory": 100}, "first")
        second = Turn(shared, {"memory": 100}, "second")
        await second.waits()

        for path in folder.glob(pattern):
            path.unlink()
        third = Turn(shared, {"memory": 100}, "third")
        await third.waits()
        first.release()

        await second.release()
        await third.release()
        assert "the file of a claim is gone" in shared.why_not

    play(main())


def test_child_that_is_being_spawned_does_not_keep_the_ledger(folder, monkeypatch):
    monkeypatch.setattr(ledger, "_LOCK_PATIENCE_S", 0)
    shared = Budget(folder, {"memory": 100})
    with shared._ledger.locked():
        (locked,) = (path for path in Path("/proc/self/fd").iterdir() if path.resolve() == folder / "lock")
        copy = os.dup(int(locked.name))

    shared.holders()

    assert shared.shared, shared.why_not
    os.close(copy)


def test_process_that_was_stopped_with_the_ledger_stops_nobody(folder, monkeypatch):
    monkeypatch.setattr(ledger, "_LOCK_PATIENCE_S", 0)
    shared = Budget(folder, {"memory": 100})

    async def main():
        with (folder / "lock").open() as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            with await shared.claim({"memory": 100}, "ours"):
                assert "another process keeps it locked" in shared.why_not

    play(main())
