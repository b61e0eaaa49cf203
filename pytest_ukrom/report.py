"""What a report says about the machines of a test."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import _pytest
import pluggy
import pytest

import pytest_ukrom
import ukrom
from pytest_ukrom.called import call_sections
from pytest_ukrom.keeping import TITLE, keep
from pytest_ukrom.starts import note_starts
from ukrom.errors import UkromError
from ukrom.qemu import QemuMachine

if TYPE_CHECKING:
    from types import TracebackType

    from pytest_ukrom.session import Session
    from ukrom.cloud import InstanceSnapshot
    from ukrom.emulator import Emulator

__all__ = ["complete", "end_in_test"]

_CONSOLE_LINES = 60
_OURS = tuple(str(Path(package.__file__ or "").parent) for package in (pytest_ukrom, ukrom))
_PYTEST = tuple(str(Path(package.__file__ or "").parent) for package in (_pytest, pluggy))


def end_in_test(error: pytest.ExceptionInfo[BaseException]) -> None:
    """Let a traceback end in the test's own line where our errors say all that there is to say."""
    told = (UkromError, TimeoutError, pytest.skip.Exception, pytest.fail.Exception)
    if not isinstance(error.value, told):
        return
    entry: TracebackType | None = error.tb
    before: TracebackType | None = None
    while entry is not None and not _file(entry).startswith(_OURS):
        entry, before = entry.tb_next, entry
    # Where pytest itself called us (a fixture of ours, a hook), no line of the test is to be shown.
    if entry is not None and before is not None and not _file(before).startswith(_PYTEST):
        # pytest's own Traceback cannot be cut at this end: it follows the links again.
        before.tb_next = None


def _file(entry: TracebackType) -> str:
    return entry.tb_frame.f_code.co_filename


def complete(session: Session, item: pytest.Item, report: pytest.TestReport) -> None:
    """Add the machines to the report of a failed phase, and judge one that wanted a VM in vain."""
    note_starts(session, report)
    if session.in_vain(failed=report.failed) and not report.skipped:
        _judge(session, item, report)
    elif report.skipped and isinstance(report.longrepr, tuple) and report.longrepr[0].startswith(_OURS):
        report.longrepr = (*_place(item), report.longrepr[2])
    if not report.failed or not session.started:
        return
    report.sections.extend(call_sections(session.calls()))
    cloud = session.emulator.cloud
    for account in cloud.accounts():
        for snapshot in cloud.instances(account):
            report.sections.extend(_sections(session.emulator, snapshot))
            if session.options.keep and (how := keep(session.emulator, session.view(account), snapshot.uuid)):
                report.sections.append((f"{TITLE}{snapshot.name}", how))


def _judge(session: Session, item: pytest.Item, report: pytest.TestReport) -> None:
    """Whatever the test made of it, it did not see what it was written to see."""
    why = session.why_no_machine
    if session.missing_fails:
        if report.failed:
            report.sections.append(("what the test made of it", report.longreprtext))
        report.outcome = "failed"
        report.longrepr = why
        return
    report.outcome = "skipped"
    report.longrepr = (*_place(item), f"Skipped: {why}")


def _place(item: pytest.Item) -> tuple[str, int]:
    line = item.location[1]
    return str(item.path), (line or 0) + 1


def _sections(emulator: Emulator, snapshot: InstanceSnapshot) -> list[tuple[str, str]]:
    title = f"ukrom instance {snapshot.name}"
    what = f"{snapshot.state.value}, image {snapshot.image}"
    if snapshot.failure:
        what += f"\n{snapshot.failure}"
    console = "\n".join(snapshot.console.decode(errors="replace").splitlines()[-_CONSOLE_LINES:])
    sections = [(title, what), (f"{title}: console", console or "(nothing was printed)")]
    machine = emulator.cloud.last_machine(snapshot.uuid)
    if not isinstance(machine, QemuMachine):
        return sections
    if machine.waited_for:
        sections.append((f"{title}: had to wait for its turn", machine.waited_for))
    if machine.stderr:
        sections.append((f"{title}: QEMU's standard error", machine.stderr))
    if machine.unreachable:
        sections.append(
            (f"{title}: listens where nobody outside can reach it", ", ".join(machine.unreachable))
        )
    return [*sections, (f"{title}: QEMU's command line", shlex.join(machine.command))]
