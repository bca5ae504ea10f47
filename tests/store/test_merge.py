"""Merging segments: which, and that nothing is lost but what nobody lists."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.contract.blobs import DIMENSIONS, analyse, embed_words
from tests.store.test_vectors import write_vectors

from codetriever.store.embedded import compact, merge, merge_tables
from codetriever.store.embedded.buffer import SegmentBuffer, posting_columns
from codetriever.store.embedded.compact import MAX_SEGMENTS, choose
from codetriever.store.embedded.merge import write_merged, write_merged_vectors
from codetriever.store.embedded.merge_plan import plan_merge
from codetriever.store.embedded.segment import Segment
from codetriever.store.embedded.vectors import VectorFile, VectorWriter

SIZES = st.lists(st.tuples(st.integers(0, 1000), st.just(0)), max_size=20)


@given(sizes=SIZES)
def test_few_segments_are_left(sizes: list[tuple[int, int]]) -> None:
    chosen = choose(sizes)
    assert len(sizes) - len(chosen) + bool(chosen) <= MAX_SEGMENTS
    assert bool(chosen) == (len(sizes) > MAX_SEGMENTS)
    kept = sorted((size for position, (size, _) in enumerate(sizes) if position not in chosen), reverse=True)
    merged = sum(sizes[position][0] for position in chosen)
    assert not chosen or not kept or kept[-1] >= 2 * merged


def test_a_large_segment_is_left_alone_while_small_ones_come() -> None:
    sizes, written = [100_000], 0
    for _ in range(200):
        sizes.append(10)
        chosen = choose([(size, 0) for size in sizes])
        if chosen:
            merged = sum(sizes[position] for position in chosen)
            written += merged
            sizes = [size for position, size in enumerate(sizes) if position not in chosen] + [merged]
    assert sizes[0] == 100_000
    assert written < 10 * 200 * 10, "each chunk is rewritten a few times only"


@given(dead=st.integers(0, 100))
def test_a_segment_that_is_dead_by_a_quarter_is_written_anew(dead: int) -> None:
    assert choose([(1000, 0), (100, dead)]) == ([1] if dead > 25 else [])


CONTENTS = [
    b"def Parse the tree\nreturn tree tree\n",
    b"",
    b"only this blob\n",
    b"def walk the tree\n\ndef Walk again\n" + b"tree " * 300,
    b"the\n" * 40,
    "ünï tree\n".encode(),
    b"def parse other\n",
]


def build(path: Path, contents: list[bytes], numbers: list[int]) -> Segment:
    buffer = SegmentBuffer()
    for content, number in zip(contents, numbers, strict=True):
        buffer.add(analyse([content]), np.array([number]))
    buffer.write(path)
    return Segment(path)


def described(segment: Segment) -> dict[str, object]:
    """All columns, with strings instead of their numbers, and all postings."""
    columns = {name: segment.column(name).tolist() for name in ("blobs", "sizes", "blob_lengths", "chunk_first", "definition_first")}
    names = ["keys", "lengths", "byte_start", "byte_end", "start_line", "end_line", "kinds"]
    columns |= {name: segment.column("chunk." + name).tolist() for name in names}
    names = ["hashes", "chunks", "kinds", "lines", "start_line", "end_line", "byte_start", "byte_end"]
    columns |= {"definition." + name: segment.column("definition." + name).tolist() for name in names}
    for name in ("chunk.names", "definition.names", "definition.qualified_names", "definition.signatures"):
        columns[name] = segment.strings.texts(segment.column(name))
    postings = {
        segment.terms.text(position): [part.tolist() for part in segment.postings_at(position)] for position in range(len(segment.terms))
    }
    return columns | {
        "postings": postings,
        "strings": segment.strings.block(0, len(segment.strings)),
        "terms": segment.terms.block(0, len(segment.terms)),
        "order": segment.column("definition_order").tolist(),
    }


@pytest.mark.parametrize("tiny_ranges", [False, True])
@pytest.mark.parametrize("split", [[[0, 1, 2, 3, 4, 5, 6]], [[0, 2, 4], [1, 3, 5, 6]], [[3], [0, 6], [1], [2, 5], [4]]])
@pytest.mark.parametrize("live", [[0, 1, 2, 3, 4, 5, 6], [0, 3, 4], [1], []])
def test_a_merged_segment_is_what_one_written_at_once_is(
    tmp_path: Path, split: list[list[int]], live: list[int], tiny_ranges: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if tiny_ranges:
        monkeypatch.setattr(merge_tables, "_STRINGS_AT_ONCE", 8)
        monkeypatch.setattr(merge_tables, "_PAIRS_AT_ONCE", 3)
        monkeypatch.setattr(merge, "_ROWS_AT_ONCE", 2)
    segments = [build(tmp_path / f"{place}.seg", [CONTENTS[blob] for blob in part], part) for place, part in enumerate(split)]
    plan = plan_merge(segments, np.array(live, np.int64))
    write_merged(plan, tmp_path / "merged.seg")
    merged = Segment(tmp_path / "merged.seg")
    merged.sections.verify()
    if not live:
        assert (merged.chunks, len(merged.terms), len(merged.strings)) == (0, 0, 0)
        return
    assert described(merged) == described(build(tmp_path / "at once.seg", [CONTENTS[blob] for blob in live], live))
    assert {path.suffix for path in tmp_path.iterdir()} == {".seg"}, "no temporary file is left"


def test_vectors_move_with_their_chunks(tmp_path: Path) -> None:
    parts = [[0, 4], [3], [2, 6]]
    segments = [build(tmp_path / f"{place}.seg", [CONTENTS[blob] for blob in part], part) for place, part in enumerate(parts)]
    vectors = [np.concatenate([analyse([CONTENTS[blob]]).vectors for blob in part]) for part in parts]
    inputs = [write_vectors(tmp_path / "0.vec", vectors[0]), None, write_vectors(tmp_path / "2.vec", vectors[2])]
    plan = plan_merge(segments, np.array([0, 3, 6]))
    writer = VectorWriter(tmp_path / "merged.vec", DIMENSIONS)
    write_merged_vectors(plan, inputs, writer)
    writer.finish()
    merged = VectorFile(tmp_path / "merged.vec", plan.chunk_count)
    assert writer.missing == np.count_nonzero(merged.scales < 0) == 3
    found = merged.vectors(np.arange(6))
    assert found[0] @ embed_words(("def", "Parse", "the", "tree")) == pytest.approx(1, abs=1e-3)
    assert not found[2:5].any()
    assert found[5] @ embed_words(("def", "parse", "other")) == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize("chunks", [1 << 16, (1 << 16) + 1])
def test_postings_number_chunks_with_16_or_24_bits(chunks: int) -> None:
    numbers = np.array([0, 1, 65535, 65536, (1 << 24) - 1], np.uint64)[: 3 if chunks == 1 << 16 else None]
    columns = posting_columns((np.uint64(7) << np.uint64(36)) | (numbers << np.uint64(8)) | np.uint64(9), chunks)
    assert len(columns["posting_high"]) == (0 if chunks == 1 << 16 else len(numbers))
    high = columns["posting_high"].astype(np.uint32) << 16 if len(columns["posting_high"]) else 0
    assert (columns["posting_low"] | high).tolist() == numbers.tolist()
    assert columns["posting_frequencies"].tolist() == [9] * len(numbers)


def test_no_segment_grows_beyond_what_postings_can_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compact, "MAX_CHUNKS", 100)
    assert choose([(60, 0), (60, 0), (30, 0), (30, 0), (20, 0), (1, 0)]) == [2, 3, 4, 5]


@given(names=st.lists(st.text(alphabet="aA.ß#", max_size=3), min_size=1, max_size=8), prefix=st.sampled_from(["", "#define ", "A."]))
def test_definitions_are_found_by_name_and_their_texts_restored(names: list[str], prefix: str) -> None:
    text = b"".join(b"def x\n" for _ in names)
    batch = analyse([text])
    qualified, signatures = [prefix + name for name in names], [prefix + name + "(" + name + ")" for name in names]
    batch = replace(batch, definitions=replace(batch.definitions, names=names, qualified_names=qualified, signatures=signatures))
    with tempfile.TemporaryDirectory() as folder:
        buffer = SegmentBuffer()
        buffer.add(batch, np.array([1]))
        buffer.write(Path(folder, "one.seg"))
        segment = Segment(Path(folder, "one.seg"))
        texts = segment.definition_texts(np.arange(len(names)))
        assert texts == {"names": names, "qualified_names": qualified, "signatures": signatures}
        for name in (*names, "absent"):
            folded = name.casefold()
            assert segment.defined(folded).tolist() == [place for place, other in enumerate(names) if other.casefold() == folded]
