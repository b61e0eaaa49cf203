"""Which benchmarks run, and what is kept of them."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import pytest

from ukrom.errors import UkromError


@pytest.fixture
def bench(run, measure, monkeypatch, tmp_path):
    """The command with benchmarks that take no time; calling it gives its exit status."""
    sections = {name: measure.Section(f"About {name}", ()) for name in run.NAMES}

    def load(name):
        found = sections[name.removeprefix("bench.")]
        if isinstance(found, Exception):
            return SimpleNamespace(measure=lambda: (_ for _ in ()).throw(found))
        return SimpleNamespace(measure=lambda: found)

    def call(*names):
        monkeypatch.setattr(sys, "argv", ["bench", *names])
        return run.main()

    monkeypatch.setattr(run, "import_module", load)
    monkeypatch.setattr(run, "RESULTS", tmp_path / "RESULTS.md")
    return SimpleNamespace(call=call, sections=sections, names=run.NAMES, results=tmp_path / "RESULTS.md")


def test_without_names_all_run_and_are_kept(bench):
    assert bench.call() == 0

    titles = [line for line in bench.results.read_text().splitlines() if line.startswith("## ")]
    assert titles == [f"## About {name}" for name in bench.names]


def test_named_ones_are_printed_only(bench, capsys):
    assert bench.call("vm", "api") == 0

    titles = [line for line in capsys.readouterr().out.splitlines() if line.startswith("## ")]
    assert titles == ["## About vm", "## About api"]
    assert not bench.results.exists()


def test_results_are_left_alone_if_something_cannot_be_measured(bench, capsys):
    bench.results.write_text("old")
    bench.sections["vm"] = UkromError("There is no QEMU.")

    assert bench.call() == 1

    assert bench.results.read_text() == "old"
    said = capsys.readouterr()
    assert "Not measured: There is no QEMU." in said.out
    assert "RESULTS.md was left as it is" in said.err


def test_unknown_name_is_refused_with_those_there_are(bench, capsys):
    with pytest.raises(SystemExit):
        bench.call("speed")

    assert "no benchmark is called speed; there are startup, api" in capsys.readouterr().err
