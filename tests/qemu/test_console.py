from hypothesis import given
from hypothesis import strategies as st

from ukrom.qemu.console import Console, tail


def test_line_ends_of_the_kernel_become_plain():
    console = Console()

    assert console.feed(b"one\r\ntwo\n") == b"one\ntwo\n"


@given(st.lists(st.sampled_from([b"\r", b"\n", b"a", b"\r\n"]), max_size=12))
def test_pieces_give_the_same_log_as_the_whole(pieces):
    whole, parts = Console(), Console()

    together = whole.feed(b"".join(pieces) + b".")

    assert b"".join(parts.feed(piece) for piece in [*pieces, b"."]) == together


def test_a_panic_is_seen_even_when_it_comes_in_pieces():
    console = Console()
    console.feed(b"Kernel panic - not ")
    console.feed(b"syncing: Fatal exception\r\n")

    assert console.panicked


def test_a_killed_process_is_no_panic():
    console = Console()
    console.feed(b"Out of memory: Killed process 80 (python3)\n")

    assert console.out_of_memory
    assert not console.panicked


def test_the_tail_is_the_last_lines():
    assert tail(b"1\n2\n3\n", 2) == "2\n3"
