"""Contents that were unpacked lately are found again, in bounded memory."""

from hypothesis import given
from hypothesis import strategies as st

from codetriever.store.embedded.contents import Contents

MIB = 1 << 20


def test_what_was_put_is_found() -> None:
    contents = Contents()
    contents.put(3, b"text", "latin-1")
    assert contents.get(3) == (b"text", "latin-1")
    assert contents.get(4) is None


def test_what_was_asked_for_last_stays() -> None:
    contents = Contents()
    for blob in range(4):
        contents.put(blob, bytes(MIB), "utf-8")
    contents.get(0)
    contents.put(4, bytes(MIB), "utf-8")
    assert contents.get(0) is not None
    assert contents.get(1) is None


def test_a_content_that_would_push_out_most_others_is_not_kept() -> None:
    contents = Contents()
    contents.put(1, b"small", "utf-8")
    contents.put(2, bytes(MIB + 1), "utf-8")
    assert contents.get(2) is None
    assert contents.get(1) is not None


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, MIB)), max_size=40))
def test_what_is_kept_stays_within_its_room(puts: list[tuple[int, int]]) -> None:
    contents = Contents()
    last = {}
    for blob, size in puts:
        contents.put(blob, bytes(size), "utf-8")
        last[blob] = size
    kept = {blob: found[0] for blob in last if (found := contents.get(blob))}
    assert all(len(content) == last[blob] for blob, content in kept.items())
    assert sum(map(len, kept.values())) <= 4 * MIB
    assert not puts or puts[-1][0] in kept
