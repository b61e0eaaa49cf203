import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ukrom.qemu.wire import encode, read_frame


def decode(data):
    async def read():
        stream = asyncio.StreamReader()
        stream.feed_data(data)
        stream.feed_eof()
        return await read_frame(stream)

    return asyncio.run(read())


@given(st.lists(st.binary(max_size=300), min_size=1, max_size=20))
def test_frames_carry_any_bytes(fields):
    assert decode(encode(*fields)) == tuple(fields)


def test_text_travels_as_utf_8():
    assert decode(encode("verb", "grüße")) == (b"verb", "grüße".encode())


def test_every_field_ends_in_a_nul_that_its_length_does_not_count():
    """The agent uses fields as C strings in place."""
    assert encode("ab") == b"\x07\x00\x00\x00" + b"\x02\x00\x00\x00ab\x00"


def test_a_stream_that_ends_within_a_frame_is_told():
    with pytest.raises(asyncio.IncompleteReadError):
        decode(encode("verb")[:-1])
