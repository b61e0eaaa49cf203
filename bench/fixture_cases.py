"""Tests that only time their fixture, from between two others; run by the benchmark of the API.

Durations go, as JSON lines of the phase and milliseconds, to the file that BENCH_DURATIONS names.
"""

# ruff: noqa: ARG001 - fixtures are asked for by name, for their order

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest

from bench.accounts import empty_image

TESTS = 100
INSTANCES = 3
MANY = 100
TESTS_OF_MANY = 10


@pytest.fixture(scope="module")
def durations():
    kept = []
    yield kept
    Path(os.environ["BENCH_DURATIONS"]).write_text("".join(f"{json.dumps(pair)}\n" for pair in kept))


@pytest.fixture
def outer(durations):
    moments = {"begin": time.perf_counter(), "phase": "reset"}
    yield moments
    durations.append((moments["phase"], (time.perf_counter() - moments["end"]) * 1000))


@pytest.fixture
def inner(outer, ukrom_api, durations):
    durations.append(("ready", (time.perf_counter() - outer["begin"]) * 1000))
    yield
    outer["end"] = time.perf_counter()


@pytest.mark.parametrize("turn", range(TESTS))
def test_fixture(outer, ukrom_api, inner, turn):
    image = empty_image(ukrom_api)
    for number in range(INSTANCES):
        ukrom_api.run(image, name=f"app-{number}")


@pytest.mark.parametrize("turn", range(TESTS_OF_MANY))
def test_fixture_of_many(outer, ukrom_api, inner, turn):
    outer["phase"] = "reset of many"
    image = empty_image(ukrom_api)
    for number in range(MANY):
        ukrom_api.run(image, name=f"app-{number}")
