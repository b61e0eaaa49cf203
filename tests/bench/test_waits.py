"""What is said about waits, with few of them."""

from __future__ import annotations


def test_calls_beside_blocked_waits_are_told_and_judged(few):
    waits = few("waits", CALLS=2, WARM_UP=1, WOKEN=2, BLOCKED=2, CROWD=3)

    section = waits.measure()

    told = [figure.what for figure in section.figures]
    judged = [figure.what for figure in section.figures if figure.budget == waits.SLOWER]
    assert "In-process, from a stop to the end of a wait for it" in told
    assert "Socket, create beside 2 blocked waits" in told
    assert "In-process, GET beside 3 blocked waits" in told
    assert len(judged) == 4
    assert min(figure.value for figure in section.figures) > 0
