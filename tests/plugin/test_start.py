from __future__ import annotations

import json

import pytest

HEAVY = {
    "anyio",
    "asyncio",
    "httpx",
    "pydantic",
    "qemu",
    "respx",
    "ssl",
    "starlette",
    "trustme",
    "ukrom",
    "uvicorn",
}

TELL_MODULES = """
import json, pathlib, sys

def pytest_unconfigure():
    pathlib.Path("modules.json").write_text(json.dumps(sorted(sys.modules)))
"""


def loaded(pytester, *options):
    """The modules after a run that uses nothing of the plugin."""
    pytester.makeconftest(TELL_MODULES)
    result = pytester.runpytest_subprocess("--co", "-q", *options)
    assert result.ret == pytest.ExitCode.NO_TESTS_COLLECTED
    return set(json.loads(pytester.path.joinpath("modules.json").read_text()))


def test_unused_plugin_loads_nothing_heavy(pytester, monkeypatch):
    # Other plugins of this environment load some of it, and would hide what ours does.
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")

    added = loaded(pytester, "-p", "pytest_ukrom.plugin") - loaded(pytester)

    assert {name for name in added if name.startswith("pytest_ukrom")} == {
        "pytest_ukrom",
        "pytest_ukrom.options",
        "pytest_ukrom.plugin",
    }
    assert {name.partition(".")[0] for name in added}.isdisjoint(HEAVY)


def test_classes_for_annotations_load_on_first_use(pytester, monkeypatch):
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    pytester.makepyfile(
        """
        import sys
        import pytest_ukrom

        def test_it():
            assert "httpx" not in sys.modules
            assert pytest_ukrom.Ukrom.__module__ == "pytest_ukrom.facade"
            assert "httpx" in sys.modules
        """
    )

    pytester.runpytest_subprocess("-p", "pytest_ukrom.plugin").assert_outcomes(passed=1)


def test_unused_plugin_changes_nothing(suite):
    result = suite(
        """
        import os, subprocess, threading

        BEFORE = dict(os.environ)

        def test_it():
            now = {name: value for name, value in os.environ.items() if name != "PYTEST_CURRENT_TEST"}
            assert now == {name: value for name, value in BEFORE.items() if name != "PYTEST_CURRENT_TEST"}
            assert not {name for name in now if name.startswith("UKC_")}
            assert threading.enumerate() == [threading.main_thread()]
            sockets = [fd for fd in os.listdir("/proc/self/fd") if is_socket(fd)]
            assert not sockets
            with open(f"/proc/self/task/{os.getpid()}/children") as children:
                assert not children.read()

        def is_socket(fd):
            try:
                return os.readlink(f"/proc/self/fd/{fd}").startswith("socket:")
            except FileNotFoundError:
                return False
        """,
        "--ukrom-runner=stub",
        subprocess=True,
    )

    result.assert_outcomes(passed=1)


def test_installed_plugin_is_loaded_by_itself(suite, monkeypatch):
    monkeypatch.delenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD")

    suite("def test_it(ukrom_api): pass", plugin=False, subprocess=True).assert_outcomes(passed=1)


def test_disabled_plugin_offers_neither_options_nor_fixtures(suite, monkeypatch):
    monkeypatch.delenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD")
    result = suite("def test_it(ukrom_api): pass", "-p", "no:ukrom", plugin=False, subprocess=True)

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*fixture 'ukrom_api' not found*"])


def test_disabled_plugin_with_its_option_is_a_usage_error(suite, monkeypatch):
    monkeypatch.delenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD")
    result = suite("def test_it(): pass", "-p", "no:ukrom", "--ukrom", plugin=False, subprocess=True)

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*unrecognized arguments: --ukrom*"])
    result.stderr.no_fnmatch_line("*Traceback*")


@pytest.mark.parametrize("mode", ["prepend", "append", "importlib"])
def test_every_import_mode_works(suite, mode):
    source = "def test_it(ukrom_api): assert ukrom_api.list_images() == []"

    suite(source, f"--import-mode={mode}").assert_outcomes(passed=1)


def test_project_with_folders_of_our_names_is_not_confused(suite, pytester):
    for folder in ("emulator", "ukrom_tests", "tests"):
        pytester.mkpydir(folder)

    suite("import emulator\ndef test_it(ukrom_api): pass").assert_outcomes(passed=1)


def test_runs_of_one_process_share_nothing(suite):
    source = """
        def test_it(ukrom_api, web):
            assert not ukrom_api.list_images()
            ukrom_api.run(web(ukrom_api), name="one")
            assert [one.name for one in ukrom_api.snapshots()] == ["one"]
        """

    suite(source, "--ukrom-runner=stub").assert_outcomes(passed=1)
    result = suite(source)

    result.assert_outcomes(passed=1)
    result.stdout.no_fnmatch_line("ukrom: *")
