"""Arrays and strings in immutable files: what is written is read, and damage is noticed."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codetriever.errors import StoreDamaged
from codetriever.store.embedded import sections
from codetriever.store.embedded.sections import Sections, SectionWriter, Spool, encoded

WORDS = st.lists(st.text(alphabet="ab_é\U0001f600\udc80", max_size=4), max_size=30, unique=True)
STRINGS = WORDS.map(lambda words: sorted(map(encoded, words)))
DTYPES = st.sampled_from([np.uint8, np.int8, np.uint32, np.int64, np.uint64, np.float32])


def write(path: Path, *arrays: np.ndarray, strings: list[bytes] | None = None) -> Sections:
    writer = SectionWriter(path)
    for number, array in enumerate(arrays):
        writer.put(str(number), array)
    writer.put_strings("strings", strings or [])
    writer.finish(answer=42)
    return Sections(path)


@settings(max_examples=50, deadline=None)
@given(shapes=st.lists(st.tuples(DTYPES, st.integers(0, 40), st.integers(0, 3)), max_size=4))
def test_arrays_come_back(shapes: list[tuple[type[np.generic], int, int]]) -> None:
    arrays = [
        np.arange(rows * (columns or 1)).astype(dtype).reshape((rows, columns) if columns else (rows,)) for dtype, rows, columns in shapes
    ]
    with tempfile.TemporaryDirectory() as folder:
        written = write(Path(folder, "file"), *arrays)
        written.verify()
        assert written.attributes == {"answer": 42}
        for number, array in enumerate(arrays):
            found = written.array(str(number))
            assert found.dtype == array.dtype
            assert found.shape == array.shape
            assert np.array_equal(found, array)
            assert not array.size or not found.flags.writeable


@settings(max_examples=100, deadline=None)
@given(strings=STRINGS, key=st.text(alphabet="ab_é\U0001f600", max_size=3).map(encoded))
def test_strings_are_found(strings: list[bytes], key: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        table = write(Path(folder, "file"), strings=strings).strings("strings")
        assert [table.raw(position) for position in range(len(table))] == strings
        assert table.block(0, len(table)) == strings
        assert table.texts(np.arange(len(table))) == [table.text(position) for position in range(len(table))]
        assert table.lower_bound(key) == sum(string < key for string in strings)
        assert table.find(key) == (strings.index(key) if key in strings else -1)
        if key:
            assert list(table.containing(key)) == [string for string in strings if key in string]


@pytest.mark.parametrize("block_bytes", [1, 7, 100, 1 << 20])
def test_parts_are_found_in_blocks_of_any_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block_bytes: int) -> None:
    monkeypatch.setattr(sections, "_SEARCH_BYTES", block_bytes)
    strings = sorted(f"{number:b}".encode() for number in range(300))
    table = write(tmp_path / "file", strings=strings).strings("strings")
    for part in (b"0", b"11", b"10101", b"100101011", b"2"):
        assert list(table.containing(part)) == [string for string in strings if part in string]
    assert list(write(tmp_path / "empty").strings("strings").containing(b"1")) == []


def test_a_spool_becomes_a_section(tmp_path: Path) -> None:
    writer = SectionWriter(tmp_path / "file")
    spool = Spool(tmp_path)
    writer.begin("first", np.uint32)
    for start in range(3):
        spool.write(np.arange(start, start + 2, dtype=np.int64))
        writer.write(np.array([start], np.uint32))
    writer.begin("spooled", np.int64)
    writer.copy(spool)
    writer.finish()
    written = Sections(tmp_path / "file")
    written.verify()
    assert written.array("spooled").tolist() == [0, 1, 1, 2, 2, 3]
    assert written.array("first").tolist() == [0, 1, 2]
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_file_is_never_written_twice(tmp_path: Path) -> None:
    write(tmp_path / "file")
    with pytest.raises(FileExistsError):
        SectionWriter(tmp_path / "file")


def test_an_abandoned_file_is_gone(tmp_path: Path) -> None:
    writer = SectionWriter(tmp_path / "file")
    writer.abandon()
    assert list(tmp_path.iterdir()) == []


def test_every_truncation_is_noticed_when_opened(tmp_path: Path) -> None:
    write(tmp_path / "file", np.arange(10), strings=[b"a", b"b"])
    whole = (tmp_path / "file").read_bytes()
    for length in range(0, len(whole), 3):
        (tmp_path / "file").write_bytes(whole[:length])
        with pytest.raises(StoreDamaged):
            Sections(tmp_path / "file")


def test_every_changed_byte_is_noticed_or_means_nothing(tmp_path: Path) -> None:
    array = np.arange(50, dtype=np.uint32)
    write(tmp_path / "file", array, strings=[b"one", b"two"])
    whole = (tmp_path / "file").read_bytes()
    unnoticed = 0
    for position in range(len(whole)):
        (tmp_path / "file").write_bytes(whole[:position] + bytes([whole[position] ^ 0x10]) + whole[position + 1 :])
        try:
            read = Sections(tmp_path / "file")
            read.verify()
        except StoreDamaged:
            continue
        unnoticed += 1
        assert np.array_equal(read.array("0"), array)
        assert read.strings("strings").block(0, 2) == [b"one", b"two"]
    assert unnoticed < 4 * 64, "only the padding between sections may change"


def test_a_missing_section_is_damage(tmp_path: Path) -> None:
    with pytest.raises(StoreDamaged, match="no section 'absent'"):
        write(tmp_path / "file").array("absent")
