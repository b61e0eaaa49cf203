"""One base image for all tests with real VMs, and eyes for what they leave on this machine."""

from __future__ import annotations

import os
import time
from pathlib import Path
from uuid import UUID

import pytest

from ukrom.host import find_cache
from ukrom.images import DEFAULT_PROGRAMS

APP = Path(__file__).parent / "apps/app.py"
PROGRAMS = (*DEFAULT_PROGRAMS, "cmp", "date", "head", "sha256sum", "touch")

IDLE = ("sleep", "600")
"""The cheapest application: up at once, and nothing else happens."""


@pytest.fixture(scope="session")
def cache_folder():
    """The cache with the guest kernel; of the session, since pytester changes HOME."""
    return find_cache().root


@pytest.fixture(autouse=True)
def shared_cache(cache_folder, monkeypatch):
    """Let runs of pytest within a test find the guest kernel."""
    monkeypatch.setenv("UKROM_CACHE", str(cache_folder))


@pytest.fixture(scope="session")
def app(ukrom_session):
    """The base image: a small server, a shell and some programs. Every account has it."""
    return build_app(ukrom_session)


def build_app(ukrom):
    return ukrom.python_image(APP, name="e2e/app", programs=PROGRAMS)


@pytest.fixture(scope="session")
def machine_of():
    """The real machine behind an instance."""

    def machine(ukrom, instance):
        return ukrom.emulator.machine(UUID(instance.uuid))

    return machine


@pytest.fixture(scope="session")
def until():
    """Wait for something that tells nobody when it happens; fails when it does not."""

    def until(condition, what, seconds=30.0):
        deadline = time.monotonic() + seconds
        while not (found := condition()):
            assert time.monotonic() < deadline, f"after {seconds} s still not: {what}"
            time.sleep(0.02)
        return found

    return until


def children(emulator):
    """The QEMU processes of instances that this process started, by process id."""
    spare = emulator.means.spares and emulator.means.spares._spare
    prepared = spare.vm.process.pid if spare else None
    found = set()
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            name, _, rest = status.read_text().partition("(")[2].rpartition(")")
        except OSError:  # it ended while we looked
            continue
        state, parent = rest.split()[:2]
        if name.startswith("qemu-system") and int(parent) == os.getpid() and state != "Z":
            found.add(int(status.parent.name))
    return found - {prepared}


@pytest.fixture
def nothing_left(ukrom_session, until):
    """Checks, once the test's own instances are deleted, that neither process nor folder is left."""
    emulator = ukrom_session.emulator
    processes, files = children(emulator), sorted(emulator.folder.rglob("*"))
    yield
    until(lambda: children(emulator) == processes, "all machines of the test are gone", seconds=2)
    assert sorted(emulator.folder.rglob("*")) == files
