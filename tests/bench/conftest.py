"""The benchmarks are no package that is installed: their tests import them from the repository."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture
def benchmark(monkeypatch):
    """Import a module of the benchmarks."""
    monkeypatch.syspath_prepend(REPOSITORY)
    return lambda name: import_module(f"bench.{name}")


@pytest.fixture
def measure(benchmark):
    return benchmark("measure")


@pytest.fixture
def run(benchmark):
    return benchmark("__main__")


@pytest.fixture
def few(benchmark, monkeypatch):
    """Measure a module with small numbers, given by name, wherever it and the calls have them."""

    def module(name, **numbers):
        modules = [benchmark("calls"), benchmark(name)]
        for key, number in numbers.items():
            for each in modules:
                if hasattr(each, key):
                    monkeypatch.setattr(each, key, number)
        return modules[-1]

    return module
