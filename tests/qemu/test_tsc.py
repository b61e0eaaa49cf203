"""The frequency that guests are told is measured once for each boot, and stays what it was."""

import json

import pytest

from ukrom.host import Cache
from ukrom.qemu import tsc, tsc_khz


@pytest.fixture
def cache(tmp_path):
    return Cache(tmp_path / "cache")


@pytest.fixture
def agent(tmp_path):
    """A program that tells a frequency, and notes that it was asked."""

    def agent(says):
        program = tmp_path / "agent"
        program.write_text(f"#!/bin/sh\necho x >> {tmp_path}/asked\n{says}\n")
        program.chmod(0o755)
        return program

    return agent


@pytest.fixture
def asked(tmp_path):
    file = tmp_path / "asked"
    return lambda: len(file.read_text().split()) if file.exists() else 0


@pytest.fixture
def boot(monkeypatch):
    """Has the host have been booted anew."""
    return lambda name: monkeypatch.setattr(tsc, "_boot_id", lambda: name)


def test_it_is_measured_once_for_each_boot_of_the_host(cache, agent, asked, boot):
    boot("first")
    measured = [tsc_khz(agent(f"echo {khz}"), cache) for khz in (2_000_000, 2_100_000)]
    assert (measured, asked()) == ([2_000_000] * 2, 1)

    boot("second")
    assert tsc_khz(agent("echo 2100000"), cache) == 2_100_000
    assert asked() == 2


@pytest.mark.parametrize(
    ("measured", "told"),
    [
        (2_000_000, 2_000_000),
        (2_000_040, 2_000_000),
        (1_999_000, 2_000_000),
        (2_003_000, 2_003_000),
        (1_997_000, 1_997_000),
        (20_000, 20_000),
    ],
)
def test_a_value_that_fits_the_one_before_the_boot_changes_nothing(cache, agent, boot, measured, told):
    """It is part of what layers depend on, and no two measurements are the same to the last digit."""
    boot("first")
    tsc_khz(agent("echo 2000000"), cache)
    boot("second")

    assert tsc_khz(agent(f"echo {measured}"), cache) == told
    assert tsc_khz(agent("echo 1"), cache) == told


def test_it_does_not_drift_from_boot_to_boot(cache, agent, boot):
    told = set()
    for number in range(5):
        boot(str(number))
        told.add(tsc_khz(agent(f"echo {2_000_000 + 1_000 * number}"), cache))

    assert told == {2_000_000, 2_003_000}


@pytest.mark.parametrize("says", ["exit 1", "echo 2000000; exit 1", "echo much", "true"])
def test_an_agent_that_does_not_run_tells_nothing_and_is_asked_again(cache, agent, asked, says):
    assert [tsc_khz(agent(says), cache) for _ in range(2)] == [None, None]
    assert asked() == 2


def test_a_missing_agent_tells_nothing(cache, tmp_path):
    assert tsc_khz(tmp_path / "nothing", cache) is None


def test_what_was_measured_before_is_not_told_when_it_no_longer_can_be(cache, agent, boot):
    """It may be another host by now."""
    boot("first")
    tsc_khz(agent("echo 2000000"), cache)
    boot("second")

    assert tsc_khz(agent("exit 1"), cache) is None


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff",
        b"null",
        b"[]",
        b"{}",
        b'{"boot": "this"}',
        b'{"boot": "this", "khz": null}',
        b'{"boot": "this", "khz": "many"}',
        b'{"boot": "this", "khz": Infinity}',
        b'{"boot": "this", "khz": NaN}',
        b'{"boot": "this", "khz": 0}',
        b'{"boot": "this", "khz": -5}',
        b"[" * 100_000,
    ],
    ids=lambda content: content[:40].decode(errors="replace"),
)
def test_a_damaged_record_is_made_anew(cache, agent, boot, content):
    boot("this")
    cache.write("qemu", "tsc.json", content)

    assert tsc_khz(agent("echo 2000000"), cache) == 2_000_000
    assert json.loads((cache.root / "qemu/tsc.json").read_bytes()) == {"boot": "this", "khz": 2_000_000}


def test_a_cache_that_cannot_be_written_costs_a_measurement(cache, agent, asked):
    cache.root.write_text("in the way")

    assert [tsc_khz(agent("echo 2000000"), cache) for _ in range(2)] == [2_000_000] * 2
    assert asked() == 2
