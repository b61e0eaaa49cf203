"""`--ukrom-keep`: machines of failing tests stay up, and the report tells how to reach them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ukrom.errors import UkromError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from uuid import UUID

    import pytest

    from pytest_ukrom.facade import Ukrom
    from ukrom.emulator import Emulator

__all__ = ["TITLE", "keep", "kept"]

TITLE = "ukrom VM left up: "
"""How the title of a report's section begins that tells of one; the instance's name follows."""


def keep(emulator: Emulator, view: Ukrom | None, uuid: UUID) -> str:
    """Leave an instance's machine up, if it has one that can be.

    Args:
        emulator: Where the instance is.
        view: The fixture that it belongs to, if to any.
        uuid: The instance.

    Returns:
        How to reach it, in lines; empty if there is nothing to reach.
    """
    try:
        machine = emulator.machine(uuid)
    except UkromError:  # it does not run, or only as a stub
        return ""
    if machine.keep is None:
        return ""
    lines = [f"console in {machine.keep}/console.log, monitor at {machine.keep}/qmp"]
    for port in machine.spec.ports:
        if (endpoint := machine.endpoint(port)) and endpoint.address:
            host, local = endpoint.address
            lines.append(f"port {port}: curl http://{host}:{local}/")
    lines.append(f"end it: kill {machine.pid} && rm -r {emulator.folder}")
    if view is not None and view.lasting:
        # Other tests go on using it: it is let go when its fixture ends.
        view.kept.add(uuid)
    else:
        # At once, since what the test's own fixtures do next may end it.
        emulator.keep(uuid)
    return "\n".join(lines)


def kept(reports: Iterable[pytest.TestReport]) -> list[str]:
    """What the reports of a run, workers' included, tell about machines left up."""
    sections = dict.fromkeys(section for report in reports for section in report.sections)
    lines = []
    for title, text in sections:
        if title.startswith(TITLE):
            lines.append(title.removeprefix(TITLE))
            lines += [f"    {line}" for line in text.splitlines()]
    return lines
