from __future__ import annotations

import pytest

from ukrom.cloud import Limits, Refusal, log_window

LOG = bytes(range(256)) * 40


def window(offset=None, limit=None, log=LOG, dropped=0):
    return log_window(log, offset, limit, Limits(), dropped=dropped)


def test_start_of_the_log_comes_by_default():
    seen = window()

    assert seen.output == LOG[:4096]
    assert (seen.available, seen.range) == ((0, 10240), (0, 4096))


def test_negative_offset_counts_from_the_end():
    seen = window(-16, 8)

    assert seen.output == LOG[-16:-8]
    assert seen.range == (10224, 10232)


def test_more_back_than_there_is_means_the_start():
    assert window(-4096, log=b"short").range == (0, 5)


@pytest.mark.parametrize(("offset", "log"), [(10241, LOG), (None, b""), (-1, b"")])
def test_window_outside_is_empty(offset, log):
    seen = window(offset, log=log)

    assert (seen.output, seen.available, seen.range) == (b"", (0, 0), (0, 0))


def test_limit_of_nothing_is_valid():
    assert window(5, 0).range == (5, 5)


def test_largest_page_is_accepted_and_a_larger_one_refused():
    assert len(window(0, 16383, b"x" * 20000).output) == 16383
    for limit in (16384, -1):
        with pytest.raises(Refusal, match="must be from 0 to 16383"):
            window(0, limit)


@pytest.mark.parametrize(
    ("offset", "start"), [(None, 100), (5, 100), (103, 103), (-2, 103), (-9, 100), (105, 105)]
)
def test_offsets_count_what_was_dropped(offset, start):
    seen = window(offset, 2, b"abcde", dropped=100)

    assert seen.available == (100, 105)
    assert seen.range == (start, min(start + 2, 105))
    assert seen.output == b"abcde"[start - 100 : start - 98]


def test_console_keeps_the_latest_bytes(create):
    instance = create()
    for number in range(9):
        instance.print(bytes([number]) * (1 << 20))

    assert len(instance.console) == 8 << 20
    assert instance.console_dropped == 1 << 20
    assert (instance.console[0], instance.console[-1]) == (1, 8)
