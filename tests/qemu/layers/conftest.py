import os
import subprocess
import sys

import pytest

from ukrom.cloud.ports import Image, StoredBlob
from ukrom.qemu import LayerStore
from ukrom.qemu.layers.key import LayerKey

MIB = 1 << 20


@pytest.fixture
def image(tmp_path):
    """An image with a root file system, a program, and a command to run before its layer is saved."""
    root = tmp_path / "root.erofs"
    root.write_bytes(bytes(4096))
    return Image(
        "oci://unikraft.io/t/app:latest@sha256:0",
        "sha256:0",
        "x86_64",
        StoredBlob(root, 4096, "sha256:1", "erofs"),
        args=("/app", "-v"),
        env={"COLOUR": "blue"},
        warm=(("python3", "-c", "pass"),),
    )


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "layers"


@pytest.fixture
def store(folder):
    return LayerStore(folder, 1 << 40)


@pytest.fixture
def key():
    return LayerKey({"memory_mb": 2, "of": "this"})


@pytest.fixture
def fill(folder):
    """Puts a layer into a store, without any QEMU."""

    def fill(store, key, memory=b"memory", state=b"state"):
        folder.mkdir(exist_ok=True)
        with store.new(key) as new:
            os.pwrite(new.descriptor, memory, 0)
            return new.settle(state)

    return fill


@pytest.fixture
def names(folder):
    """What lies in the folder, but for locks."""

    def names():
        return sorted(path.name for path in folder.glob("*") if path.suffix != ".lock")

    return names


@pytest.fixture
def peer():
    """Runs a program in a process of its own; it is killed at the end if it is still there."""
    running = []

    def peer(source, *arguments, before=()):
        process = subprocess.Popen(
            [*before, sys.executable, "-c", source, *map(str, arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        running.append(process)
        return process

    yield peer
    for process in running:
        process.kill()
        process.communicate()
