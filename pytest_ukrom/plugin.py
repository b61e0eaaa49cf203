"""The pytest plugin: options, fixtures, reports.

Loaded at every start of pytest, wanted or not; what it imports here must cost next to nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_ukrom.options import add_options, resolve

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from pytest_ukrom.facade import Ukrom
    from pytest_ukrom.options import Options
    from pytest_ukrom.session import Session

OPTIONS: pytest.StashKey[Options] = pytest.StashKey()
SESSION: pytest.StashKey[Session] = pytest.StashKey()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Offer the plugin's options."""
    add_options(parser)


def pytest_configure(config: pytest.Config) -> None:
    """Resolve the options once, so that a wrong value is told before anything runs."""
    config.stash[OPTIONS] = resolve(config)
    config.addinivalue_line("markers", "ukrom_vm: the test needs a real VM; skipped without --ukrom.")


def pytest_report_header(config: pytest.Config) -> list[str]:
    """Say what VMs will run on, and why; nothing unless some option is given."""
    options = config.stash[OPTIONS]
    if not options.origins:
        return []
    from pytest_ukrom.header import header  # noqa: PLC0415 - costs nothing unless it is wanted

    return header(options)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip or fail a marked test where there are no VMs, before its fixtures are built."""
    if (session := item.config.stash.get(SESSION, None)) is not None:
        session.begin_test()
    if item.get_closest_marker("ukrom_vm") is not None:
        _session(item.config).need_vm()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None, object, object]:
    """Leave nothing of a test's time and faults to the next one."""
    try:
        return (yield)
    finally:
        if (session := item.config.stash.get(SESSION, None)) is not None:
            session.end_test()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show the machines of a failing test; judge a test that wanted a VM where there is none."""
    session = item.config.stash.get(SESSION, None)
    if session is None:
        return (yield)
    from pytest_ukrom.report import complete, end_in_test  # noqa: PLC0415 - loaded with the session

    if call.excinfo is not None and not item.config.getoption("fulltrace"):
        end_in_test(call.excinfo)
    report = yield
    complete(session, item, report)
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how VMs started, and how to reach those that were left up, whatever process they belonged to."""
    options = terminalreporter.config.stash[OPTIONS]
    if options.vm and terminalreporter.verbosity >= 0:
        from pytest_ukrom.starts import starts  # noqa: PLC0415 - costs nothing unless it is wanted

        for line in starts(terminalreporter.stats):
            terminalreporter.write_line(line)
    if not options.keep:
        return
    from pytest_ukrom.keeping import kept  # noqa: PLC0415 - costs nothing unless it is wanted

    reports = (report for outcome in ("failed", "error") for report in terminalreporter.getreports(outcome))
    if lines := kept(reports):
        terminalreporter.section("VMs left up by --ukrom-keep")
        for line in lines:
            terminalreporter.write_line(line)


@pytest.fixture(scope="session")
def _ukrom_run(pytestconfig: pytest.Config) -> Iterator[Session]:
    session = _session(pytestconfig)
    yield session
    session.close()


@pytest.fixture
def ukrom(_ukrom_run: Session, request: pytest.FixtureRequest) -> Iterator[Ukrom]:
    """A fresh account of the emulated cloud: its instances and services go with the test.

    ROMs, images and caches stay for the next one.
    """
    with _ukrom_run.open("ukrom", test=request.node.nodeid) as view:
        yield view


@pytest.fixture(scope="session")
def ukrom_session(_ukrom_run: Session) -> Iterator[Ukrom]:
    """An account that lives as long as the session, for instances that several tests share."""
    with _ukrom_run.open("ukrom-session", lasting=True) as view:
        yield view


@pytest.fixture
def ukrom_api(_ukrom_run: Session, request: pytest.FixtureRequest) -> Iterator[Ukrom]:
    """The same API, state only: instances are stubs, never VMs, whatever the options say."""
    with _ukrom_run.open("ukrom-api", vm=False, test=request.node.nodeid) as view:
        yield view


def _session(config: pytest.Config) -> Session:
    if SESSION not in config.stash:
        from pytest_ukrom.session import Session  # noqa: PLC0415 - heavy

        session = config.stash[SESSION] = Session(config.stash[OPTIONS])
        # The fixture ends it in time; this is for an end that runs no finalizers.
        config.add_cleanup(session.close)
    return config.stash[SESSION]
