"""What all verbs have in common."""

from __future__ import annotations

import subprocess
import sys


def test_help_names_every_verb(ukrom):
    result = ukrom("--help")
    assert result.exit_code == 0
    assert "doctor  Show what this machine has" in result.output
    assert "setup   Get what pip cannot install" in result.output


def test_help_shows_summaries_whole(ukrom):
    assert "..." not in ukrom("--help").output.partition("Commands:")[2]


def test_unknown_verb_is_refused(ukrom):
    result = ukrom("fly")
    assert result.exit_code == 2
    assert "No such command 'fly'" in result.output


def test_help_loads_nothing_heavy():
    heavy = "{'httpx', 'rich', 'pydantic', 'asyncio', 'elftools', 'ukrom.host'}"
    code = f"""
import sys
from ukrom.cli import main
main(['--help'], standalone_mode=False)
assert not {heavy} & set(sys.modules), {heavy} & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)


def test_error_is_shown_without_a_traceback(ukrom, cache):
    cache.write("", "settings.json", b"{")
    result = ukrom("setup")
    assert result.exit_code == 1
    assert result.output.startswith("Error: The remembered settings cannot be read")
    assert "ukrom setup" in result.output
