"""What does a file of term vectors look like, and what if it is damaged?"""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from codetriever.embedding.static import load_static
from codetriever.embedding.table import open_table, write_table
from codetriever.errors import ModelUnavailable


def test_what_is_written_is_read_up_to_eight_bits(tmp_path):
    terms = ["alpha", "naïve", "設定"]
    vectors = np.random.default_rng(1).normal(size=(3, 8)).astype(np.float32) * np.array([[1.0], [100.0], [1e-3]], dtype=np.float32)
    write_table(tmp_path / "t", terms, vectors)
    table = open_table(tmp_path / "t")
    assert table.terms() == terms
    restored = table.rows * table.scales[:, None]
    assert (np.abs(restored - vectors).max(axis=1) <= np.abs(vectors).max(axis=1) / 253).all()
    table.check_rows()


def test_a_row_of_zeros_stays_one(tmp_path):
    write_table(tmp_path / "t", ["a", "b"], np.array([[0, 0], [1, -1]], dtype=np.float32))
    assert not open_table(tmp_path / "t").rows[0].any()


def test_the_identity_is_that_of_the_content(tmp_path):
    vectors = np.eye(2, dtype=np.float32)
    for name, terms, rows in (("one", "ab", vectors), ("same", "ab", vectors), ("terms", "ac", vectors), ("rows", "ab", -vectors)):
        write_table(tmp_path / name, list(terms), rows)
    identity = {name: open_table(tmp_path / name).identity for name in ("one", "same", "terms", "rows")}
    assert identity["one"] == identity["same"]
    assert len(set(identity.values())) == 3


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ModelUnavailable, match=r"absent\.table") as raised:
        open_table(tmp_path / "absent.table")
    assert raised.value.hint


@pytest.mark.parametrize(
    "content", [b"", b"x", b"\x00" * 64, b"not a table at all, but some text that is longer than a header would be" * 4]
)
def test_other_files_are_refused(tmp_path, content):
    (tmp_path / "t").write_bytes(content)
    with pytest.raises(ModelUnavailable):
        open_table(tmp_path / "t")


def test_another_format_is_named(table_path, tmp_path, monkeypatch):
    monkeypatch.setattr("codetriever.embedding.table.FORMAT_VERSION", 99)
    with pytest.raises(ModelUnavailable, match="format 1"):
        open_table(table_path)


@given(st.data())
def test_no_byte_can_change_unnoticed(table_path, tmp_path_factory, data):
    whole = bytearray(table_path.read_bytes())
    whole[data.draw(st.integers(0, len(whole) - 1))] ^= data.draw(st.integers(1, 255))
    damaged = tmp_path_factory.mktemp("damaged") / "t"
    damaged.write_bytes(whole)
    with pytest.raises(ModelUnavailable):
        load_static(damaged).embed(["open the file"])


@given(st.data())
def test_a_truncated_file_is_refused(table_path, tmp_path_factory, data):
    whole = table_path.read_bytes()
    damaged = tmp_path_factory.mktemp("short") / "t"
    damaged.write_bytes(whole[: data.draw(st.integers(0, len(whole) - 1))])
    with pytest.raises(ModelUnavailable):
        load_static(damaged)
