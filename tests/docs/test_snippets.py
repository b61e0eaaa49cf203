"""What the documentation shows works: its tests run, its commands exist, its settings are real."""

from __future__ import annotations

import configparser
import re
import shlex
import tomllib

import click
import pytest

from pytest_ukrom.options import OPTIONS
from ukrom.cli import main as ukrom_command

from .snippets import ROOT, blocks, lay_out

LANGUAGES = {"ini", "python", "sh", "text", "toml", "yaml"}
NOTES = ("", "vm", "file ")
# Commands of the system that are shown, and are not ours to check.
SYSTEM = {"cat", "cd", "curl", "git", "kill", "rm", "sudo", "."}
PYTEST_FLAGS = {"-s", "-x", "-n", "-k", "-m", "-p", "--full-trace"}
# Environment variables that are not options of the plugin.
VARIABLES = {
    "UKROM_CACHE",
    "UKROM_KERNEL",
    "UKROM_MODULES",
    "UKROM_QEMU",
    "UKROM_ACCELERATOR",
    "YES",
    "PYTHON",
}


def named(found):
    return pytest.mark.parametrize("block", found, ids=[block.where for block in found])


def test_python_blocks_are_tests_that_pass(pytester):
    expected = lay_out(pytester.path, note="")
    assert expected >= 3

    result = pytester.runpytest_subprocess("-W", "error", timeout=120)

    outcomes = result.parseoutcomes()
    assert set(outcomes) == {"passed"}, outcomes
    assert outcomes["passed"] >= expected


def test_vm_blocks_are_skipped_without_vms_and_say_why(pytester):
    expected = lay_out(pytester.path, note="vm")

    result = pytester.runpytest_subprocess("-rs", timeout=120)

    outcomes = result.parseoutcomes()
    assert set(outcomes) == {"skipped"}, outcomes
    assert outcomes["skipped"] >= expected
    result.stdout.fnmatch_lines(["*it needs a VM: run pytest with --ukrom*"])


@named(blocks())
def test_block_is_of_a_known_kind(block):
    assert block.language in LANGUAGES
    assert block.note.startswith(NOTES) if block.note else True


@named(blocks("sh", "yaml"))
def test_commands_exist(block):
    commands = list(_commands(block))
    assert commands
    for words in commands:
        _check(words)


@named(blocks("toml", "ini"))
def test_settings_are_options_of_the_plugin(block):
    if block.language == "toml":
        tables = tomllib.loads(block.text)["tool"]["pytest"].values()
    else:
        parser = configparser.ConfigParser()
        parser.read_string(block.text)
        tables = [dict(parser["pytest"])]
    settings = {name: value for table in tables for name, value in table.items()}
    known = {option.name: option for option in OPTIONS}
    assert settings
    assert settings.keys() <= known.keys()
    for name, value in settings.items():
        if known[name].choices:
            assert value in known[name].choices


def test_a_misspelt_command_is_noticed():
    for line in ("ukrom setupp", "ukrom setup --no-such", "make dmeo", "pytest --ukrom-keeep", "kraft run"):
        with pytest.raises((AssertionError, KeyError)):
            _check(shlex.split(line))


def _commands(block):
    text = block.text
    if block.language == "yaml":
        text = "\n".join(re.findall(r"\brun: (?!\|)(.+)$", text, re.MULTILINE))
    for line in text.replace("\\\n", " ").splitlines():
        words = shlex.split(line, comments=True)
        while words and re.fullmatch(r"[A-Z_]+=.*", words[0]):
            name = words.pop(0).partition("=")[0]
            assert name in VARIABLES | {option.variable for option in OPTIONS}
        if words:
            yield words


def _check(words):
    for separator in ("&&", ";"):
        if separator in words:
            at = words.index(separator)
            _check(words[:at])
            _check(words[at + 1 :])
            return
    program, *arguments = words
    if program not in SYSTEM:
        {
            "make": _check_make,
            "pip": _check_pip,
            "ukrom": _check_ukrom,
            "pytest": _check_pytest,
            "tox": _check_tox,
            "python": _check_script,
        }[program](arguments)


def _check_make(arguments):
    targets = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for word in arguments:
        name, is_variable, _ = word.partition("=")
        assert name in (VARIABLES if is_variable else targets), word


def _check_pip(arguments):
    verb, *packages = arguments
    assert verb == "install"
    assert set(packages) <= {"pytest-ukrom", "ziglang"}


def _check_ukrom(arguments):
    name, *rest = arguments
    if name == "--help":
        return
    verb = ukrom_command.get_command(click.Context(ukrom_command), name)
    assert verb is not None, name
    known = {text for parameter in verb.params for text in parameter.opts} | {"--help"}
    given = {word.partition("=")[0] for word in rest if word.startswith("-")}
    assert given <= known


def _check_pytest(arguments):
    flags = {option.flag: option for option in OPTIONS}
    for word in arguments:
        name, _, value = word.partition("=")
        if name in flags:
            assert (value in flags[name].choices) if flags[name].choices else not value, word
        elif word.startswith("-"):
            assert word in PYTEST_FLAGS, word


def _check_tox(arguments):
    assert arguments[0] == "-e"
    assert f"[testenv:{arguments[1]}]" in (ROOT / "tox.ini").read_text()


def _check_script(arguments):
    assert (ROOT / arguments[0]).is_file(), arguments
