"""The way to the real platform, tried on the emulator's own HTTP port: it works and leaves nothing behind."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

HERE = Path(__file__).parent


@pytest.fixture
def suite(emulator, account):
    """Run files of the suite as if the emulator were the platform."""
    url = emulator.url.removesuffix("/v1")
    environment = {
        **os.environ,
        "UKROM_CONFORMANCE": "real",
        "UKROM_CONFORMANCE_CONTROL_PLANE": url,
        "UKC_METRO": url,
        "UKC_TOKEN": account.token,
    }

    def run(*files):
        command = [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            *(HERE / file for file in files),
        ]
        return subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=120, check=False
        )

    return run


def test_suite_runs_against_a_platform_and_cleans_up(suite, emulator, account):
    ran = suite("test_services.py", "test_metros.py", "test_two_metros.py")
    headers = {"authorization": f"Bearer {account.token}"}
    left = [httpx.get(f"{emulator.url}/{kind}", headers=headers).json() for kind in ("instances", "services")]

    assert ran.returncode == 0, ran.stdout
    assert "skipped" in ran.stdout
    assert [envelope["data"] for envelope in left] == [{"instances": []}, {"service_groups": []}]
