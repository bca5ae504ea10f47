"""How do analysed blobs become a segment?

Batches are kept as packed arrays until they reach the caller's budget, then written as one segment. A pair of a term and a chunk is one
number of 64 bits, `term << 36 | chunk << 8 | frequency`, so that sorting the numbers makes the postings.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any

import numpy as np

from codetriever.store.embedded.sections import SectionWriter, encoded, narrowed
from codetriever.store.embedded.segment import CHUNK_COLUMNS, DEFINITION_COLUMNS, DEFINITION_TEXTS, chunk_keys, folded_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from codetriever.types import AnalysedBlobs

TERM_SHIFT = np.uint64(36)
CHUNK_SHIFT = np.uint64(8)
CHUNK_MASK = np.uint64((1 << 28) - 1)
_LOW_MASK = np.uint64((1 << 36) - 1)
_FREQUENCY_MASK = np.uint64(255)
MAX_CHUNKS = 1 << 28
_BLOCK = 1 << 20

# What a distinct string costs in a dictionary: its header, the table's slot, its number.
_STRING_BYTES = 150


class Interner:
    """Numbers strings in the order they first appear."""

    def __init__(self) -> None:
        self.numbers: dict[str, int] = {}
        self.text_bytes = 0

    def intern(self, strings: Sequence[str]) -> NDArray[np.uint32]:
        """Return the number of each string."""
        numbers = self.numbers
        before = len(numbers)
        result = np.fromiter((numbers.setdefault(string, len(numbers)) for string in strings), np.uint32, len(strings))
        # An estimate: the new strings are taken to be as long as the batch's are on average.
        if strings:
            self.text_bytes += (len(numbers) - before) * (sum(map(len, strings)) // len(strings))
        return result

    def __len__(self) -> int:
        return len(self.numbers)

    @property
    def memory_bytes(self) -> int:
        """An estimate of the memory the strings take."""
        return len(self.numbers) * _STRING_BYTES + self.text_bytes


class SegmentBuffer:
    """The blobs of the next segment."""

    def __init__(self) -> None:
        self.chunks = 0
        self._definitions = 0
        self._array_bytes = 0
        self._terms = Interner()
        self._strings = Interner()
        self._pairs: list[NDArray[np.uint64]] = []
        self._columns: dict[str, list[NDArray[Any]]] = {}

    def add(self, batch: AnalysedBlobs, numbers: NDArray[np.int64]) -> None:
        """Take a batch whose blobs have these ascending numbers."""
        chunk_counts = batch.chunk_counts.astype(np.int64)
        bounds = np.concatenate([[0], np.cumsum(chunk_counts)])
        lengths = np.concatenate([[0], np.cumsum(batch.lengths, dtype=np.int64)])
        languages = np.fromiter((zlib.crc32(language.encode()) for language in batch.languages), np.uint64, len(batch.languages))
        self._put("blobs", numbers, np.int64)
        self._put("sizes", batch.sizes, np.int64)
        self._put("blob_lengths", lengths[bounds[1:]] - lengths[bounds[:-1]], np.int64)
        self._put("chunk_counts", chunk_counts, np.int64)
        self._put("definition_counts", batch.definition_counts, np.int64)
        self._put("chunk.keys", chunk_keys(batch.digests, languages, chunk_counts), np.uint64)
        self._put("chunk.names", self._strings.intern(batch.names), np.uint32)
        for name, dtype in CHUNK_COLUMNS:
            self._put("chunk." + name, getattr(batch, name), dtype)
        self._add_pairs(batch)
        self._add_definitions(batch)
        self.chunks += len(batch.names)

    def _add_pairs(self, batch: AnalysedBlobs) -> None:
        terms = self._terms.intern(batch.vocabulary).astype(np.uint64)
        chunks = np.repeat(np.arange(self.chunks, self.chunks + len(batch.names), dtype=np.uint64), batch.pair_counts)
        pairs = (terms[batch.pair_terms] << TERM_SHIFT) | (chunks << CHUNK_SHIFT) | batch.pair_frequencies
        self._pairs.append(pairs)
        self._array_bytes += 2 * pairs.nbytes  # once here, once more while they are joined

    def _add_definitions(self, batch: AnalysedBlobs) -> None:
        definitions = batch.definitions
        for name in DEFINITION_TEXTS:
            self._put("definition." + name, self._strings.intern(getattr(definitions, name)), np.uint32)
        for name, dtype in DEFINITION_COLUMNS:
            self._put("definition." + name, getattr(definitions, name), dtype)
        self._put("definition.chunks", definitions.chunks + self.chunks, np.uint32)
        self._definitions += len(definitions.names)

    def _put(self, name: str, values: NDArray[Any], dtype: type[np.generic]) -> None:
        column = np.array(values, dtype)
        self._array_bytes += column.nbytes
        self._columns.setdefault(name, []).append(column)

    @property
    def memory_bytes(self) -> int:
        """An estimate of the memory taken, what writing needs included."""
        return self._array_bytes + self._terms.memory_bytes + self._strings.memory_bytes

    def write(self, path: Path) -> None:
        """Write the segment and make it durable."""
        writer = SectionWriter(path)
        try:
            self._write(writer)
        except BaseException:
            writer.abandon()
            raise

    def _write(self, writer: SectionWriter) -> None:
        for name in ("chunk_counts", "definition_counts"):
            writer.put(name.replace("_counts", "_first"), firsts(self._joined(name)))
        names = self._joined("definition.names")
        for name in tuple(self._columns):
            if not name.endswith("_counts"):
                writer.put(name, self._joined(name))
                del self._columns[name]
        strings = list(self._strings.numbers)
        writer.put_strings("strings", map(encoded, strings))
        writer.put("definition_order", definition_order([strings[name] for name in names.tolist()]))
        del strings
        self._write_terms(writer)
        writer.finish(chunks=self.chunks, definitions=self._definitions)

    def _write_terms(self, writer: SectionWriter) -> None:
        terms = list(self._terms.numbers)
        order = sorted(range(len(terms)), key=terms.__getitem__)
        writer.put_strings("terms", (encoded(terms[number]) for number in order))
        ranks = np.empty(len(terms), np.uint64)
        ranks[order] = np.arange(len(terms), dtype=np.uint64)
        del terms, order
        pairs = self._take_pairs()
        for start in range(0, len(pairs), _BLOCK):
            block = pairs[start : start + _BLOCK]
            block[:] = (ranks[block >> TERM_SHIFT] << TERM_SHIFT) | (block & _LOW_MASK)
        pairs.sort()
        starts = np.searchsorted(pairs, np.arange(len(ranks) + 1, dtype=np.uint64) << TERM_SHIFT)
        writer.put("posting_first", narrowed(starts.astype(np.int64)))
        write_postings(writer, pairs)

    def _take_pairs(self) -> NDArray[np.uint64]:
        pairs = np.empty(sum(map(len, self._pairs)), np.uint64)
        end = len(pairs)
        while self._pairs:
            part = self._pairs.pop()
            pairs[end - len(part) : end] = part
            end -= len(part)
        return pairs

    def _joined(self, name: str) -> NDArray[Any]:
        return np.concatenate(self._columns[name])


def write_postings(writer: SectionWriter, pairs: NDArray[np.uint64]) -> None:
    """Write sorted pairs as the columns of the postings."""
    writer.begin("posting_chunks", np.uint32)
    for start in range(0, len(pairs), _BLOCK):
        writer.write(pair_chunks(pairs[start : start + _BLOCK]))
    writer.begin("posting_frequencies", np.uint8)
    for start in range(0, len(pairs), _BLOCK):
        writer.write(pair_frequencies(pairs[start : start + _BLOCK]))


def pair_chunks(pairs: NDArray[np.uint64]) -> NDArray[np.uint32]:
    """Return the chunks of packed pairs."""
    return ((pairs >> CHUNK_SHIFT) & CHUNK_MASK).astype(np.uint32)


def pair_frequencies(pairs: NDArray[np.uint64]) -> NDArray[np.uint8]:
    """Return the frequencies of packed pairs."""
    return (pairs & _FREQUENCY_MASK).astype(np.uint8)


def firsts(counts: NDArray[Any]) -> NDArray[Any]:
    """Return where each group begins when groups of these sizes follow one another, and the end: `(n + 1,)`."""
    result = np.zeros(len(counts) + 1, np.int64)
    np.cumsum(counts, out=result[1:])
    return narrowed(result)


def definition_order(names: Iterable[str]) -> NDArray[np.uint32]:
    """Return the definitions' numbers in the order of their folded names."""
    folded = [folded_name(name) for name in names]
    return np.array(sorted(range(len(folded)), key=folded.__getitem__), np.uint32)
