"""Runs of pytest inside of tests: a suite of one file, and an image for its instances."""

from __future__ import annotations

import pytest

# In-process runs forget what they were the first to import, and compiled modules load only once.
import trustme  # noqa: F401
import unikraft_cloud  # noqa: F401

import pytest_ukrom.plugin
import pytest_ukrom.report
import ukrom.images.python  # noqa: F401

CONFTEST = """
import pytest

@pytest.fixture(scope="session")
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp("root")
    (root / "app").write_text("never run")
    (root / "app").chmod(0o755)
    return root

@pytest.fixture
def web(root):
    "Make the image `web` for an account."
    return lambda view: view.image_from_dir(root, "web", cmd=["/app"])
"""


@pytest.fixture(scope="session")
def plugin_cache(tmp_path_factory):
    return tmp_path_factory.mktemp("ukrom-cache")


@pytest.fixture
def suite(pytester, monkeypatch, plugin_cache):
    """Make a suite of one file, run it in this process, and give pytest's result."""
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.setenv("UKROM_CACHE", str(plugin_cache))
    # Each run would load all plugins of this environment anew, of which hypothesis takes a second.
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    pytester.makeconftest(CONFTEST)

    def run(source, *arguments, plugin=True, subprocess=False):
        pytester.makepyfile(test_it=source)
        options = ["-p", "no:cacheprovider", "-W", "error", "--strict-markers", *arguments]
        if subprocess:
            loaded = ["-p", "pytest_ukrom.plugin"] if plugin else []
            return pytester.runpytest_subprocess(*loaded, *options)
        # By name, older versions of pytest warn that it is loaded already.
        return pytester.runpytest_inprocess(*options, plugins=[pytest_ukrom.plugin] if plugin else [])

    return run


@pytest.fixture
def no_qemu(monkeypatch, tmp_path):
    """Name a QEMU that is not there."""
    path = tmp_path / "no-such-qemu"
    monkeypatch.setenv("UKROM_QEMU", str(path))
    return path


@pytest.fixture
def fake_qemu(monkeypatch, tmp_path):
    """Name a QEMU that has all parts, but no kernel to boot."""
    path = tmp_path / "qemu-system-x86_64"
    devices = "virtio-blk-device virtio-net-device virtio-rng-device virtio-serial-device virtserialport"
    path.write_text(f"#!/bin/sh\necho version 8.0.0 microvm user {devices}\n")
    path.chmod(0o755)
    monkeypatch.setenv("UKROM_QEMU", str(path))
    for name in ("UKROM_KERNEL", "UKROM_MODULES"):
        monkeypatch.delenv(name, raising=False)
    return path
