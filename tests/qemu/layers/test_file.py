"""A layer's file is read whole and sound, or refused."""

import os
import struct
import tempfile
from contextlib import contextmanager

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ukrom.qemu.layers.file import BadLayer, read_layer, write_trailer

MIB = 1 << 20
MEMORY = 3 * MIB
STATE = b"registers of \x00 all devices" * 40
OF = {"kernel": "a", "command": ["qemu", "-m"], "memory_mb": 3}
WRITTEN = {0: b"first", MIB + 4096: b"in the midst", 3 * MIB - 4: b"last"}


@contextmanager
def unnamed():
    with tempfile.TemporaryFile() as file:
        yield file.fileno()


@contextmanager
def layer(written=WRITTEN, state=STATE, memory=MEMORY):
    with unnamed() as descriptor:
        os.ftruncate(descriptor, memory)
        for at, content in written.items():
            os.pwrite(descriptor, content, at)
        write_trailer(descriptor, memory, state, OF)
        yield descriptor


def size_of(descriptor):
    return os.fstat(descriptor).st_size


with layer() as made:
    SIZE = size_of(made)


def test_what_was_written_is_read_back():
    with layer() as descriptor:
        content = read_layer(descriptor)

        assert (content.memory, content.state, content.of) == (MEMORY, STATE, OF)
        assert [os.pread(descriptor, len(text), at) for at, text in WRITTEN.items()] == [*WRITTEN.values()]


def test_who_writes_a_layer_knows_what_its_readers_will():
    with unnamed() as descriptor:
        os.ftruncate(descriptor, MEMORY)
        os.pwrite(descriptor, b"x", 5)

        assert write_trailer(descriptor, MEMORY, STATE, OF) == read_layer(descriptor)


@pytest.mark.parametrize("state", [b"", bytes(5 * MIB)], ids=["empty", "large"])
@pytest.mark.parametrize("written", [{}, {0: b"\xff" * MEMORY}], ids=["no memory", "all memory"])
def test_states_and_memories_of_all_sizes_come_back(state, written):
    with layer(written, state) as descriptor:
        assert read_layer(descriptor).state == state


@given(length=st.integers(0, SIZE - 1))
@example(length=0)
@example(length=1)
@example(length=23)
@example(length=24)
@example(length=MEMORY)
@example(length=SIZE - 1)
@settings(max_examples=60, deadline=None)
def test_a_layer_that_was_cut_off_anywhere_is_refused(length):
    with layer() as descriptor:
        os.ftruncate(descriptor, length)

        with pytest.raises(BadLayer):
            read_layer(descriptor)


@given(more=st.binary(min_size=1, max_size=100))
@settings(max_examples=30, deadline=None)
def test_a_layer_with_something_behind_it_is_refused(more):
    with layer() as descriptor:
        os.pwrite(descriptor, more, SIZE)

        with pytest.raises(BadLayer):
            read_layer(descriptor)


@given(at=st.one_of(st.integers(0, SIZE - 1), st.integers(MEMORY, SIZE - 1)), change=st.integers(1, 255))
@example(at=0, change=1)
@example(at=2 * MIB + 7, change=1)  # in a hole
@example(at=MEMORY, change=1)
@example(at=MEMORY + len(STATE), change=1)
@example(at=SIZE - 24, change=1)
@example(at=SIZE - 17, change=128)
@example(at=SIZE - 16, change=1)
@example(at=SIZE - 9, change=128)
@example(at=SIZE - 1, change=1)
@settings(max_examples=150, deadline=None)
def test_a_byte_that_changed_anywhere_is_noticed(at, change):
    """In what the layer is of, too: then it is the layer of something else, which the store compares."""
    with layer() as descriptor:
        (byte,) = os.pread(descriptor, 1, at)
        os.pwrite(descriptor, bytes([byte ^ change]), at)

        try:
            content = read_layer(descriptor)
        except BadLayer:
            return
        # Blanks between the words of the document mean nothing.
        assert content.of != OF or (MEMORY + len(STATE) <= at < SIZE - 24 and byte == ord(" "))
        assert (content.memory, content.state) == (MEMORY, STATE)


def test_memory_that_lost_a_block_is_refused():
    with layer({0: b"first", 2 * MIB: b"\x01" * 4096}) as descriptor:
        os.pwrite(descriptor, bytes(4096), 2 * MIB)

        with pytest.raises(BadLayer, match="memory"):
            read_layer(descriptor)


def test_memory_whose_blocks_changed_places_is_refused():
    with layer({0: b"first", MIB: b"second"}) as descriptor:
        os.pwrite(descriptor, b"second", 0)
        os.pwrite(descriptor, b"first\0", MIB)

        with pytest.raises(BadLayer, match="memory"):
            read_layer(descriptor)


def test_memory_that_moved_by_a_block_is_refused():
    with layer({0: b"first"}) as descriptor:
        os.pwrite(descriptor, bytes(5), 0)
        os.pwrite(descriptor, b"first", MIB)

        with pytest.raises(BadLayer, match="memory"):
            read_layer(descriptor)


def test_a_copy_without_holes_is_the_same_layer():
    with layer() as sparse, unnamed() as dense:
        content = os.pread(sparse, SIZE, 0)
        assert os.pwrite(dense, content, 0) == SIZE
        assert os.fstat(sparse).st_blocks < os.fstat(dense).st_blocks

        assert read_layer(dense) == read_layer(sparse)


@given(blocks=st.sets(st.integers(0, MEMORY // 4096 - 1), max_size=40), data=st.data())
@settings(max_examples=30, deadline=None)
def test_the_checksum_does_not_depend_on_where_the_holes_are(blocks, data):
    """A copy may fill holes with zeros, or make holes of zeros."""
    written = {block * 4096: bytes([1 + block % 255]) * 4096 for block in blocks}
    zeros = data.draw(st.sets(st.integers(0, MEMORY // 4096 - 1), max_size=40)) - blocks
    with layer(written) as one, layer({**{block * 4096: bytes(4096) for block in zeros}, **written}) as other:
        assert read_layer(one) == read_layer(other)


def end(state_size, document_size, magic=b"UKRLAYR1"):
    return struct.pack("<QQ8s", state_size, document_size, magic)


@pytest.mark.parametrize(
    "sizes",
    [
        (0, 0),
        (1 << 63, 10),
        (2**64 - 1, 2**64 - 1),
        (65 << 20, 10),
        (MEMORY, 0),
        (10, 2**64 - 10),
    ],
)
def test_sizes_that_make_no_sense_are_refused(sizes):
    with unnamed() as descriptor:
        os.ftruncate(descriptor, MEMORY)
        os.pwrite(descriptor, end(*sizes), MEMORY)

        with pytest.raises(BadLayer):
            read_layer(descriptor)


def test_a_state_larger_than_any_is_not_even_read():
    """Whoever wrote 65 MiB of state was not QEMU."""
    with unnamed() as descriptor:
        os.ftruncate(descriptor, 100 * MIB)
        os.pwrite(descriptor, end(65 * MIB, 2), 100 * MIB)

        with pytest.raises(BadLayer, match="sizes"):
            read_layer(descriptor)


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"\xff\xfe",
        b"null",
        b"[]",
        b"17",
        b'"text"',
        b"{}",
        b'{"of": {}, "ram": "x"}',
        b'{"of": [], "ram": "x", "state": "x"}',
        b'{"of": {}, "ram": null, "state": "x"}',
        b'{"of": {}, "ram": ["x"], "state": {"x": 1}}',
        b"[" * 100_000,
        b'{"of":' * 50_000,
        b"9" * 100_000,
    ],
    ids=lambda document: document[:40].decode(errors="replace"),
)
def test_a_document_that_is_none_is_refused(document):
    with unnamed() as descriptor:
        os.ftruncate(descriptor, MEMORY)
        os.pwrite(descriptor, STATE + document + end(len(STATE), len(document)), MEMORY)

        with pytest.raises(BadLayer):
            read_layer(descriptor)


@given(content=st.binary(max_size=300))
@settings(max_examples=60, deadline=None)
def test_what_is_no_layer_at_all_is_refused(content):
    with unnamed() as descriptor:
        os.pwrite(descriptor, content, 0)

        with pytest.raises(BadLayer):
            read_layer(descriptor)


@given(head=st.binary(max_size=100), sizes=st.tuples(st.integers(0, 200), st.integers(0, 200)))
@settings(max_examples=60, deadline=None)
def test_whatever_has_the_end_of_a_layer_is_not_one_by_that(head, sizes):
    with unnamed() as descriptor:
        os.pwrite(descriptor, head + end(*sizes), 0)

        with pytest.raises(BadLayer):
            read_layer(descriptor)


def test_a_full_disk_is_told_though_something_was_written(monkeypatch):
    with unnamed() as descriptor:
        os.ftruncate(descriptor, MEMORY)
        monkeypatch.setattr(os, "pwrite", lambda descriptor, content, at: len(content) - 1)

        with pytest.raises(OSError, match="No space left"):
            write_trailer(descriptor, MEMORY, STATE, OF)
