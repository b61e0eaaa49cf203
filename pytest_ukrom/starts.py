"""What the end of a run says about how its VMs started: from which snapshot layer, and who had to wait.

The facts travel as properties of the reports: so they come from the workers of pytest-xdist too, and are in
the JUnit file.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import pytest

    from pytest_ukrom.session import Session

__all__ = ["note_starts", "starts"]

_STARTS = "ukrom_starts"
_TROUBLE = "ukrom_layers"


def note_starts(session: Session, report: pytest.TestReport) -> None:
    """Add to a report how VMs came to run since the last one; as plain text, since it must travel."""
    for start in session.starts():
        words = f"{start.layer} {int(start.spare)} {start.seconds:.3f} {start.waited:.3f}"
        report.user_properties.append((_STARTS, words))
    if report.when == "teardown":
        report.user_properties.extend((_TROUBLE, why) for why in session.trouble())


def starts(stats: Mapping[str, Sequence[Any]]) -> Iterator[str]:
    """The lines for the end of a run; none if no VM started."""
    properties = {
        id(report): getattr(report, "user_properties", ()) for reports in stats.values() for report in reports
    }
    found = [pair for pairs in properties.values() for pair in pairs]
    rows = [words.split() for name, words in found if name == _STARTS]
    if rows:
        yield f"ukrom: {_summary(rows)}"
    for why in dict.fromkeys(words for name, words in found if name == _TROUBLE):
        yield f"ukrom: {' '.join(why.split())}"


def _summary(rows: Sequence[Sequence[str]]) -> str:
    layers = Counter(int(layer) for layer, *_ in rows)
    spares = sum(int(spare) for _, spare, *_ in rows)
    kinds = {
        "cold": layers[0],
        "from a booted kernel": layers[1],
        "from a snapshot of their image": layers[2] - spares,
        "in a prepared VM": spares,
    }
    text = f"{len(rows)} VMs started: " + ", ".join(
        f"{count} {kind}" for kind, count in kinds.items() if count
    )
    waits = [float(waited) for *_, waited in rows if float(waited)]
    if waits:
        text += f"; {len(waits)} waited for their turn, {max(waits):.1f} s at most"
    return text
