"""How do several segments become one, without the chunks that nobody lists, in bounded memory?

Kept in memory are columns, one at a time, and 16 bytes for every chunk, definition and string. Dictionaries are merged in ranges of
some 100,000 strings, postings some millions at a time; the inputs are sorted, so each range is read once.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from codetriever.store.embedded.buffer import (
    CHUNK_SHIFT,
    TERM_SHIFT,
    definition_order,
    firsts,
    pair_chunks,
    pair_frequencies,
    posting_dtype,
)
from codetriever.store.embedded.sections import SectionWriter, Spool
from codetriever.store.embedded.segment import CHUNK_COLUMNS, DEFINITION_COLUMNS, STRING_COLUMNS, Segment

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from codetriever.store.embedded.sections import StringTable
    from codetriever.store.embedded.vectors import VectorFile, VectorWriter

_SAMPLE_EVERY = 4096
_SAMPLES_A_RANGE = 16
_PAIRS_AT_ONCE = 1_000_000
_ROWS_AT_ONCE = 4096


@dataclass(frozen=True, slots=True)
class Plan:
    """Where the rows of the inputs go: for each input an array with the new number of every row, -1 for rows that are dropped."""

    segments: Sequence[Segment]
    blobs: list[NDArray[np.int64]]
    chunks: list[NDArray[np.int64]]
    definitions: list[NDArray[np.int64]]
    blob_count: int
    chunk_count: int
    definition_count: int


def plan_merge(segments: Sequence[Segment], live: NDArray[np.int64]) -> Plan:
    """Plan to merge what the blobs in `live` have; blobs keep their numbers and lie in the order of these."""
    numbers = np.concatenate([segment.blobs for segment in segments])
    kept = np.flatnonzero(np.isin(numbers, live))
    order = kept[np.argsort(numbers[kept])]
    places = np.full(len(numbers), -1, np.int64)
    places[order] = np.arange(len(order))
    blobs = np.split(places, np.cumsum([len(segment.blobs) for segment in segments])[:-1])
    chunks, chunk_count = _placed([segment.chunk_first for segment in segments], blobs, order)
    definitions, definition_count = _placed([segment.definition_first for segment in segments], blobs, order)
    return Plan(segments, blobs, chunks, definitions, len(order), chunk_count, definition_count)


def _placed(
    old_firsts: list[NDArray[Any]], blobs: list[NDArray[np.int64]], order: NDArray[np.int64]
) -> tuple[list[NDArray[np.int64]], int]:
    """Return the new numbers of rows that lie in groups, one group per blob, and how many rows are kept."""
    counts = [differences(first) for first in old_firsts]
    new_firsts = firsts(np.concatenate(counts)[order]).astype(np.int64)
    targets = []
    for count, first, places in zip(counts, old_firsts, blobs, strict=True):
        start = np.where(places >= 0, new_firsts[places], 0)
        target = np.arange(int(count.sum())) + np.repeat(start - first[:-1].astype(np.int64), count)
        target[np.repeat(places < 0, count)] = -1
        targets.append(target)
    return targets, int(new_firsts[-1])


def write_merged(plan: Plan, path: Path) -> None:
    """Write the merged segment and make it durable."""
    writer = SectionWriter(path)
    try:
        _write_counts(writer, plan)
        for name in ("blobs", "sizes", "blob_lengths"):
            writer.put(name, _moved(plan.segments, name, plan.blobs, plan.blob_count))
        for name in ("keys", *(name for name, _ in CHUNK_COLUMNS)):
            writer.put("chunk." + name, _moved(plan.segments, "chunk." + name, plan.chunks, plan.chunk_count))
        for name, _ in DEFINITION_COLUMNS:
            writer.put("definition." + name, _moved(plan.segments, "definition." + name, plan.definitions, plan.definition_count))
        _write_definition_chunks(writer, plan)
        _write_strings(writer, plan)
        _write_terms(writer, plan)
        writer.finish(chunks=plan.chunk_count, definitions=plan.definition_count)
    except BaseException:
        writer.abandon()
        raise


def differences(firsts_and_end: NDArray[Any]) -> NDArray[np.int64]:
    """Return the sizes of groups from where they begin and the end."""
    wide = firsts_and_end.astype(np.int64)
    return wide[1:] - wide[:-1]


def _write_counts(writer: SectionWriter, plan: Plan) -> None:
    for name in ("chunk_first", "definition_first"):
        counts = np.zeros(plan.blob_count, np.int64)
        for segment, places in zip(plan.segments, plan.blobs, strict=True):
            counts[places[places >= 0]] = differences(segment.column(name))[places >= 0]
        writer.put(name, firsts(counts))


def _moved(segments: Sequence[Segment], name: str, targets: list[NDArray[np.int64]], total: int) -> NDArray[Any]:
    result = np.empty(total, segments[0].column(name).dtype)
    for segment, target in zip(segments, targets, strict=True):
        kept = target >= 0
        result[target[kept]] = segment.column(name)[kept]
        segment.sections.release()
    return result


def _write_definition_chunks(writer: SectionWriter, plan: Plan) -> None:
    result = np.empty(plan.definition_count, np.uint32)
    for segment, target, chunks in zip(plan.segments, plan.definitions, plan.chunks, strict=True):
        kept = target >= 0
        result[target[kept]] = chunks[segment.column("definition.chunks")[kept]]
    writer.put("definition.chunks", result)


def _write_strings(writer: SectionWriter, plan: Plan) -> None:
    """Merge the string tables, without the strings that only dropped rows name, and the columns that point into them."""
    used = [_used_strings(segment, *targets) for segment, *targets in zip(plan.segments, plan.chunks, plan.definitions, strict=True)]
    numbers = [np.full(len(mask), -1, np.int64) for mask in used]
    output = _TableSpool(writer)
    for strings, parts in _ranges([segment.strings for segment in plan.segments]):
        kept = np.zeros(len(strings), np.bool_)
        for mask, (start, places) in zip(used, parts, strict=True):
            kept[places[mask[start : start + len(places)]]] = True
        new = np.where(kept, np.cumsum(kept) - 1 + output.count, -1)
        for number, (start, places) in zip(numbers, parts, strict=True):
            number[start : start + len(places)] = new[places]
        output.append(strings, kept)
    output.finish("strings")
    for name in STRING_COLUMNS:
        targets, total = (plan.chunks, plan.chunk_count) if name.startswith("chunk") else (plan.definitions, plan.definition_count)
        column = np.empty(total, np.uint32)
        for segment, number, target in zip(plan.segments, numbers, targets, strict=True):
            kept = target >= 0
            column[target[kept]] = number[segment.column(name)[kept]]
        writer.put(name, column)
        if name == "definition.folded":
            writer.put("definition_order", definition_order(column))


def _used_strings(segment: Segment, chunks: NDArray[np.int64], definitions: NDArray[np.int64]) -> NDArray[np.bool_]:
    used = np.zeros(len(segment.strings), np.bool_)
    for name in STRING_COLUMNS:
        used[segment.column(name)[(chunks if name.startswith("chunk") else definitions) >= 0]] = True
    return used


class _TableSpool:
    """A string table that grows while other sections are written; sorted strings are appended in their order."""

    def __init__(self, writer: SectionWriter) -> None:
        self.count = 0
        self._writer = writer
        self._bytes = 0
        self._data, self._offsets = Spool(writer.folder), Spool(writer.folder)
        self._offsets.write(np.zeros(1, np.int64))

    def append(self, strings: list[bytes], kept: NDArray[np.bool_]) -> None:
        """Add the strings that are kept."""
        chosen = strings if kept.all() else [strings[position] for position in np.flatnonzero(kept).tolist()]
        ends = np.cumsum(np.fromiter(map(len, chosen), np.int64, len(chosen))) + self._bytes
        self._data.write(b"".join(chosen))
        self._offsets.write(ends)
        self.count += len(chosen)
        self._bytes = int(ends[-1]) if len(ends) else self._bytes

    def finish(self, name: str) -> None:
        """Write the table."""
        self._writer.begin(name + ".data", np.uint8)
        self._writer.copy(self._data)
        self._writer.begin(name + ".offsets", np.int64)
        self._writer.copy(self._offsets)


def _ranges(tables: Sequence[StringTable]) -> Iterator[tuple[list[bytes], list[tuple[int, NDArray[np.int64]]]]]:
    """Merge sorted tables range by range.

    Yields the distinct strings of a range in order and, for each table, its first position in the range and the place of each of its
    strings among them.
    """
    samples = sorted(table.raw(position) for table in tables for position in range(0, len(table), _SAMPLE_EVERY))
    bounds = [*samples[_SAMPLES_A_RANGE::_SAMPLES_A_RANGE], None]
    starts = [0] * len(tables)
    for bound in bounds:
        ends = [len(table) if bound is None else table.lower_bound(bound) for table in tables]
        blocks = [table.block(start, end) for table, start, end in zip(tables, starts, ends, strict=True)]
        strings = sorted(set().union(*blocks))
        places = {string: place for place, string in enumerate(strings)}
        yield (
            strings,
            [
                (start, np.fromiter(map(places.__getitem__, block), np.int64, len(block)))
                for start, block in zip(starts, blocks, strict=True)
            ],
        )
        starts = ends


def _write_terms(writer: SectionWriter, plan: Plan) -> None:
    """Merge dictionaries and postings; a term without a posting is dropped."""
    output = _TableSpool(writer)
    first, chunks, frequencies = Spool(writer.folder), Spool(writer.folder), Spool(writer.folder)
    first.write(np.zeros(1, np.int64))
    written, dtype = 0, posting_dtype(plan.chunk_count)
    for strings, parts in _ranges([segment.terms for segment in plan.segments]):
        counts = np.zeros(len(strings), np.int64)
        for pairs in _merged_pairs(plan, parts, len(strings)):
            counts += np.bincount((pairs >> TERM_SHIFT).astype(np.int64), minlength=len(strings))
            chunks.write(pair_chunks(pairs).astype(dtype))
            frequencies.write(pair_frequencies(pairs))
        kept = counts > 0
        output.append(strings, kept)
        first.write(np.cumsum(counts[kept]) + written)
        written += int(counts.sum())
        for segment in plan.segments:
            segment.sections.release()
    output.finish("terms")
    for name, kind, spool in (
        ("posting_first", np.int64, first),
        ("posting_chunks", dtype, chunks),
        ("posting_frequencies", np.uint8, frequencies),
    ):
        writer.begin(name, kind)
        writer.copy(spool)


def _merged_pairs(plan: Plan, parts: list[tuple[int, NDArray[np.int64]]], terms: int) -> Iterator[NDArray[np.uint64]]:
    """Yield the pairs of a range of terms, sorted, some millions at a time; the term is its place in the range."""
    bounds = [
        segment.posting_bounds(start, start + len(places)).astype(np.int64)
        for segment, (start, places) in zip(plan.segments, parts, strict=True)
    ]
    sizes = np.zeros(terms, np.int64)
    for bound, (_, places) in zip(bounds, parts, strict=True):
        sizes[places] += differences(bound)
    batches = np.cumsum(sizes) // _PAIRS_AT_ONCE
    cuts = [*np.flatnonzero(np.diff(batches, prepend=-1)).tolist(), terms]
    for low, high in pairwise(cuts):
        pairs = []
        for segment, target, bound, (_, places) in zip(plan.segments, plan.chunks, bounds, parts, strict=True):
            start, end = np.searchsorted(places, (low, high)).tolist()
            if start == end:
                continue
            old, frequencies = segment.posting_range(int(bound[start]), int(bound[end]))
            new = target[old]
            term = np.repeat(places[start:end], differences(bound[start : end + 1]))
            kept = new >= 0
            packed = (term[kept].astype(np.uint64) << TERM_SHIFT) | (new[kept].astype(np.uint64) << CHUNK_SHIFT)
            pairs.append(packed | frequencies[kept])
        merged = np.concatenate(pairs) if pairs else np.empty(0, np.uint64)
        merged.sort()
        yield merged


def write_merged_vectors(plan: Plan, inputs: Sequence[VectorFile | None], writer: VectorWriter) -> None:
    """Write the vectors of one model for the merged chunks; chunks of an input without a file are missing."""
    owners = np.empty(plan.chunk_count, np.uint32)
    sources = np.empty(plan.chunk_count, np.uint32)
    for number, target in enumerate(plan.chunks):
        kept = np.flatnonzero(target >= 0)
        owners[target[kept]] = number
        sources[target[kept]] = kept
    for start in range(0, plan.chunk_count, _ROWS_AT_ONCE):
        owner, source = owners[start : start + _ROWS_AT_ONCE], sources[start : start + _ROWS_AT_ONCE]
        rows = np.zeros((len(owner), writer.dimensions), np.int8)
        scales = np.full(len(owner), -1, np.float32)
        for number in np.unique(owner).tolist():
            if (file := inputs[number]) is not None:
                mine = owner == number
                rows[mine], scales[mine] = file.rows[source[mine]], file.scales[source[mine]]
                file.release()
        writer.append(rows, scales)
