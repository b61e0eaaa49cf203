"""What holds for every test: pytester is there, and the plugin's options come from no outer run."""

from __future__ import annotations

import os

import pytest

from pytest_ukrom.options import OPTIONS

pytest_plugins = ["pytester"]


@pytest.fixture(autouse=True)
def _no_outer_options(monkeypatch):
    outer = [option.variable for option in OPTIONS]
    outer += [name for name in os.environ if name.startswith("PYTEST_XDIST_")]
    for name in outer:
        monkeypatch.delenv(name, raising=False)
