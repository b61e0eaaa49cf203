"""Trees that are made once."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from ukrom.images.trees import TreeCache


def test_tree_is_made_once_however_many_ask(tmp_path):
    made, gate = [], threading.Barrier(4)

    def ask(_: int):
        gate.wait()
        return TreeCache(tmp_path).tree("key", fill)

    def fill(tree):
        made.append(tree)
        tree.write("/file", b"x")

    with ThreadPoolExecutor(4) as pool:
        (path,) = set(pool.map(ask, range(4)))

    assert len(made) == 1
    assert (path / "file").read_bytes() == b"x"


def test_failure_leaves_nothing_and_the_next_one_tries_again(tmp_path):
    def fail(tree):
        tree.write("/half", b"x")
        raise RuntimeError

    trees = TreeCache(tmp_path)
    with pytest.raises(RuntimeError):
        trees.tree("key", fail)

    assert [path.name for path in tmp_path.iterdir() if path.suffix != ".lock"] == []
    assert trees.tree("key", lambda tree: tree.write("/whole", b"x")).is_dir()


def test_rest_of_a_killed_process_is_not_taken_over(tmp_path):
    rest = tmp_path / ".key.partial" / "stale"
    rest.mkdir(parents=True)

    path = TreeCache(tmp_path).tree("key", lambda tree: tree.write("/file", b"x"))

    assert not (path / "stale").exists()
