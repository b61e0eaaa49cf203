"""What a report says about the machines of a test."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING
from uuid import UUID

from ukrom.errors import UkromError

if TYPE_CHECKING:
    import pytest

    from pytest_ukrom.facade import Ukrom
    from pytest_ukrom.session import Session
    from ukrom.cloud import InstanceSnapshot

__all__ = ["complete"]

_CONSOLE_LINES = 60


def complete(
    session: Session, item: pytest.Item, call: pytest.CallInfo[None], report: pytest.TestReport
) -> None:
    """Add the machines to the report of a failed phase, and judge one that wanted a VM in vain."""
    if session.refused() and not report.skipped and session.why_no_vm is not None:
        _judge(session, item, report, session.why_no_vm)
    if report.failed and call.excinfo is not None:
        for view in session.active:
            for snapshot in view.snapshots():
                report.sections.extend(_sections(view, snapshot))
                session.keep(view, snapshot)


def _judge(session: Session, item: pytest.Item, report: pytest.TestReport, why: str) -> None:
    """Whatever the test made of it, it did not see what it was written to see."""
    if session.missing_fails:
        report.outcome = "failed"
        report.longrepr = why
        return
    path, line, _ = item.location
    report.outcome = "skipped"
    report.longrepr = (path, (line or 0) + 1, f"Skipped: {why}")


def _sections(view: Ukrom, snapshot: InstanceSnapshot) -> list[tuple[str, str]]:
    title = f"ukrom instance {snapshot.name}"
    what = f"{snapshot.state.value}, image {snapshot.image}"
    if snapshot.failure:
        what += f"\n{snapshot.failure}"
    console = "\n".join(snapshot.console.decode(errors="replace").splitlines()[-_CONSOLE_LINES:])
    sections = [(title, what), (f"{title}: console", console or "(nothing was printed)")]
    try:
        machine = view.emulator.machine(UUID(str(snapshot.uuid)))
    except UkromError:
        return sections
    if machine.stderr:
        sections.append((f"{title}: QEMU's standard error", machine.stderr))
    if machine.unreachable:
        sections.append(
            (f"{title}: listens where nobody outside can reach it", ", ".join(machine.unreachable))
        )
    return [*sections, (f"{title}: QEMU's command line", shlex.join(machine.command))]
