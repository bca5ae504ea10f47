import pytest
from hypothesis import given
from hypothesis import strategies as st

from codetriever.compression import ZstdError, compressed, decompressed


@given(st.lists(st.binary(max_size=2000), max_size=5))
def test_contents_come_back_as_they_were(contents):
    assert [decompressed(frame) for frame in compressed(contents)] == contents


@given(st.binary(min_size=1, max_size=500), st.data())
def test_a_frame_that_was_cut_is_not_read(content, data):
    [frame] = compressed([content])
    with pytest.raises(ZstdError):
        decompressed(frame[: data.draw(st.integers(1, len(frame) - 1))])


def test_what_is_no_frame_is_not_read():
    with pytest.raises(ZstdError):
        decompressed(b"no frame at all")
