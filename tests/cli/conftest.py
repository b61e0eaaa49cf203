"""The command, run in-process with a cache of its own."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from ukrom.cli import main
from ukrom.host import Cache


@pytest.fixture
def cache(tmp_path, monkeypatch):
    for name in ("UKROM_QEMU", "UKROM_KERNEL", "UKROM_MODULES", "UKROM_ACCELERATOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("UKROM_CACHE", str(tmp_path / "cache"))
    return Cache(tmp_path / "cache")


@pytest.fixture
def ukrom(cache):
    """Run `ukrom` with arguments; the result has `exit_code`, `stdout` and `stderr`."""

    def run(*arguments, answer=None):
        return CliRunner().invoke(main, arguments, input=answer, prog_name="ukrom")

    return run
