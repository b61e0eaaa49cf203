"""The benchmarks are no package that is installed: their tests import them from the repository."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture
def measure(monkeypatch):
    monkeypatch.syspath_prepend(REPOSITORY)
    return import_module("bench.measure")


@pytest.fixture
def run(monkeypatch):
    monkeypatch.syspath_prepend(REPOSITORY)
    return import_module("bench.__main__")
