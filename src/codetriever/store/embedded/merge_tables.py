"""How are the dictionaries of several segments merged, and the postings that belong to them?

In ranges of some 100,000 strings, and a million postings at a time: the inputs are sorted, so each is read once from end to end.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from codetriever.store.embedded.buffer import CHUNK_SHIFT, POSTING_COLUMNS, TERM_SHIFT, posting_columns
from codetriever.store.embedded.merge_plan import differences
from codetriever.store.embedded.sections import SectionWriter, Spool
from codetriever.store.embedded.segment import STRING_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from codetriever.store.embedded.merge_plan import Plan
    from codetriever.store.embedded.sections import StringTable
    from codetriever.store.embedded.segment import Segment

    # For each input the first position in the range, and the place of each of its strings among the distinct strings of the range.
    Parts = list[tuple[int, NDArray[np.int64]]]

_STRINGS_AT_ONCE = 100_000
_PAIRS_AT_ONCE = 1_000_000


def merge_strings(writer: SectionWriter, plan: Plan) -> None:
    """Merge the string tables, without the strings that only dropped rows name, and the columns that point into them."""
    used = [_used_strings(segment, *targets) for segment, *targets in zip(plan.segments, plan.chunks, plan.definitions, strict=True)]
    numbers = [np.zeros(len(mask), np.uint32) for mask in used]
    tables = [segment.strings for segment in plan.segments]
    output = _TableSpool(writer, tables)
    for strings, parts in _ranges(plan, tables):
        kept = np.zeros(len(strings), np.bool_)
        for mask, (start, places) in zip(used, parts, strict=True):
            kept[places[mask[start : start + len(places)]]] = True
        new = np.cumsum(kept) - 1 + output.count
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
            segment.sections.release()
        writer.put(name, column)


def _used_strings(segment: Segment, chunks: NDArray[np.int32], definitions: NDArray[np.int32]) -> NDArray[np.bool_]:
    used = np.zeros(len(segment.strings), np.bool_)
    for name in STRING_COLUMNS:
        used[segment.column(name)[(chunks if name.startswith("chunk") else definitions) >= 0]] = True
    segment.sections.release()
    return used


class _TableSpool:
    """A string table that grows while other sections are written; sorted strings are appended in their order."""

    def __init__(self, writer: SectionWriter, inputs: Sequence[StringTable]) -> None:
        self.count = 0
        self._writer = writer
        self._bytes = 0
        self._dtype = offset_dtype(sum(table.data_bytes for table in inputs))
        self._data, self._offsets = Spool(writer.folder), Spool(writer.folder)
        self._offsets.write(np.zeros(1, self._dtype))

    def append(self, strings: list[bytes], kept: NDArray[np.bool_]) -> None:
        """Add the strings that are kept."""
        chosen = strings if kept.all() else [strings[position] for position in np.flatnonzero(kept).tolist()]
        ends = np.cumsum(np.fromiter(map(len, chosen), np.int64, len(chosen))) + self._bytes
        self._data.write(b"".join(chosen))
        self._offsets.write(ends.astype(self._dtype))
        self.count += len(chosen)
        self._bytes = int(ends[-1]) if len(ends) else self._bytes

    def finish(self, name: str) -> None:
        """Write the table."""
        self._writer.begin(name + ".data", np.uint8)
        self._writer.copy(self._data)
        self._writer.begin(name + ".offsets", self._dtype)
        self._writer.copy(self._offsets)


def offset_dtype(end: int) -> type[np.generic]:
    """Return the type of offsets up to `end`."""
    return np.uint32 if end < 1 << 32 else np.int64


def _ranges(plan: Plan, tables: Sequence[StringTable]) -> Iterator[tuple[list[bytes], Parts]]:
    """Merge sorted tables range by range: yield the distinct strings of a range in order, and where each table's strings are among them."""
    # Between one bound and the next lie as many samples as there are tables, and of each table one more stretch at most.
    every = max(1, _STRINGS_AT_ONCE // (2 * len(tables)))
    samples: list[bytes] = []
    for segment, table in zip(plan.segments, tables, strict=True):
        samples += [table.raw(position) for position in range(0, len(table), every)]
        segment.sections.release()
    samples.sort()
    starts = [0] * len(tables)
    for bound in (*samples[len(tables) :: len(tables)], None):
        blocks, ends = [], []
        for segment, table, start in zip(plan.segments, tables, starts, strict=True):
            ends.append(len(table) if bound is None else table.lower_bound(bound))
            blocks.append(table.block(start, ends[-1]))
            segment.sections.release()
        strings = sorted(set().union(*blocks))
        places = {string: place for place, string in enumerate(strings)}
        found = [np.fromiter(map(places.__getitem__, block), np.int64, len(block)) for block in blocks]
        del blocks, places
        yield strings, list(zip(starts, found, strict=True))
        starts = ends


def merge_terms(writer: SectionWriter, plan: Plan) -> None:
    """Merge dictionaries and postings; a term without a posting is dropped."""
    tables = [segment.terms for segment in plan.segments]
    output = _TableSpool(writer, tables)
    dtype = offset_dtype(sum(segment.posting_count for segment in plan.segments))
    first, columns = Spool(writer.folder), {name: Spool(writer.folder) for name, _ in POSTING_COLUMNS}
    first.write(np.zeros(1, dtype))
    written = 0
    for strings, parts in _ranges(plan, tables):
        counts = np.zeros(len(strings), np.int64)
        for pairs in _merged_pairs(plan, parts, len(strings)):
            counts += np.bincount((pairs >> TERM_SHIFT).astype(np.int64), minlength=len(strings))
            for name, column in posting_columns(pairs, plan.chunk_count).items():
                columns[name].write(column)
        kept = counts > 0
        output.append(strings, kept)
        first.write((np.cumsum(counts[kept]) + written).astype(dtype))
        written += int(counts.sum())
    output.finish("terms")
    writer.begin("posting_first", dtype)
    writer.copy(first)
    for name, kind in POSTING_COLUMNS:
        writer.begin(name, kind)
        writer.copy(columns[name])


def _merged_pairs(plan: Plan, parts: Parts, terms: int) -> Iterator[NDArray[np.uint64]]:
    """Yield the pairs of a range of terms, sorted, about a million at a time; the term is its place in the range."""
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
        pairs = [np.empty(0, np.uint64)]
        for segment, target, bound, (_, places) in zip(plan.segments, plan.chunks, bounds, parts, strict=True):
            start, end = np.searchsorted(places, (low, high)).tolist()
            if start < end:
                pairs.append(_moved_pairs(segment, target, places[start:end], bound[start : end + 1]))
        merged = np.concatenate(pairs)
        merged.sort()
        yield merged


def _moved_pairs(segment: Segment, target: NDArray[np.int32], terms: NDArray[np.int64], bounds: NDArray[np.int64]) -> NDArray[np.uint64]:
    """Return consecutive postings of a segment as pairs with their new chunks."""
    old, frequencies = segment.posting_range(int(bounds[0]), int(bounds[-1]))
    new = target[old]
    kept = new >= 0
    pairs: NDArray[np.uint64] = np.repeat(terms, differences(bounds))[kept].astype(np.uint64) << TERM_SHIFT
    pairs |= new[kept].astype(np.uint64) << CHUNK_SHIFT
    pairs |= frequencies[kept]
    segment.sections.release()
    return pairs
