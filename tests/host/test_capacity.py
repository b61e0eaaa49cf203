"""What this machine has for VMs."""

from __future__ import annotations

import os

import pytest

from ukrom.errors import SettingsError
from ukrom.host.capacity import _offered_mb, capacity


def machine(root, *, available_mb, total_mb=90000, groups="", **limits):
    """Files of /proc and /sys; limits by control group, with `__` for each slash."""
    (root / "proc/self").mkdir(parents=True)
    (root / "proc/meminfo").write_text(
        f"MemTotal:       {total_mb * 1024} kB\nMemFree:  1 kB\nMemAvailable:   {available_mb * 1024} kB\n"
    )
    (root / "proc/self/cgroup").write_text(groups)
    for path, limit in limits.items():
        file = root / "sys/fs/cgroup" / path.replace("__", "/").replace("DOT", ".")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"{limit}\n")
    return root


@pytest.mark.parametrize(
    ("accelerator", "starts", "cold"),
    [("tcg", 3, 1), ("kvm", 6, 6)],
)
def test_capacity_follows_the_accelerator(accelerator, starts, cold, monkeypatch):
    monkeypatch.delenv("UKROM_BUDGET_MB", raising=False)
    assert capacity(accelerator, cores=3, memory_mb=1000) == {
        "memory": 800,
        "starts": starts,
        "cold": cold,
    }


def test_capacity_of_this_machine_is_a_part_of_it(monkeypatch):
    monkeypatch.delenv("UKROM_BUDGET_MB", raising=False)
    found = capacity("tcg")
    assert 0 < found["memory"] < os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") >> 20
    assert found["starts"] == len(os.sched_getaffinity(0))


def test_memory_of_the_budget_can_be_named(monkeypatch):
    monkeypatch.setenv("UKROM_BUDGET_MB", "1234")
    assert capacity("tcg", memory_mb=10)["memory"] == 1234


def test_memory_that_is_held_is_part_of_the_budget(monkeypatch):
    monkeypatch.delenv("UKROM_BUDGET_MB", raising=False)
    total_mb = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") >> 20
    assert capacity("tcg")["memory"] <= capacity("tcg", held_mb=1 << 40)["memory"] <= 0.8 * total_mb


@pytest.mark.parametrize("asked", [{"memory_mb": 1000}, {}])
def test_memory_that_is_named_is_that_whatever_is_held(asked, monkeypatch):
    monkeypatch.setenv("UKROM_BUDGET_MB", "" if asked else "800")
    assert capacity("tcg", held_mb=500, **asked)["memory"] == 800


@pytest.mark.parametrize("named", ["0", "-1", "much", "1.5", "\N{ARABIC-INDIC DIGIT ONE}"])
def test_memory_that_is_no_number_is_refused(named, monkeypatch):
    monkeypatch.setenv("UKROM_BUDGET_MB", named)
    with pytest.raises(SettingsError, match=r"UKROM_BUDGET_MB is .*, which is no positive number of MiB\."):
        capacity("tcg")


def test_memory_that_is_free_counts(tmp_path):
    assert _offered_mb(0, machine(tmp_path, available_mb=2000)) == 2000


def test_worker_that_starts_late_offers_what_an_early_one_did(tmp_path):
    early = machine(tmp_path / "before", available_mb=2000)
    late = machine(tmp_path / "after", available_mb=1200)
    assert _offered_mb(800, late) == _offered_mb(0, early) == 2000


def test_memory_that_is_held_counts_up_to_all_of_the_machine(tmp_path):
    # Claims may be of more than their VMs have touched.
    root = machine(tmp_path, available_mb=2000, total_mb=4000)
    assert _offered_mb(1999, root) == 3999
    assert _offered_mb(2001, root) == 4000


def test_memory_that_is_held_counts_up_to_the_limit_of_the_control_group(tmp_path):
    limit = {"run__memoryDOTmax": 3000 << 20}
    root = machine(tmp_path, available_mb=2000, groups="0::/run\n", **limit)
    assert _offered_mb(900, root) == 2900
    assert _offered_mb(1100, root) == 3000


def test_limit_of_the_control_group_counts_and_of_each_above(tmp_path):
    root = machine(
        tmp_path,
        available_mb=2000,
        groups="0::/user/run/deep\n",
        user__run__deep__memoryDOTmax="max",
        user__run__memoryDOTmax=700 << 20,
        user__memoryDOTmax=900 << 20,
    )
    assert _offered_mb(0, root) == 700


def test_limit_of_a_control_group_of_version_1_counts(tmp_path):
    root = machine(
        tmp_path,
        available_mb=2000,
        groups="9:name=systemd:/\n4:cpu,memory:/docker/abc\n0::/\n",
        # The container's own limit is found at the root, where its path of the host leads nowhere.
        memory__memoryDOTlimit_in_bytes=500 << 20,
    )
    assert _offered_mb(0, root) == 500


def test_machine_that_tells_nothing_offers_what_it_has(tmp_path):
    assert _offered_mb(0, tmp_path) == os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") >> 20
