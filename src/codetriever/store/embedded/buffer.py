"""How do analysed blobs become a segment?

Batches are kept as packed arrays until they reach the caller's budget, then written as one segment. A pair of a term and a chunk is one
number of 64 bits, `term << 36 | chunk << 8 | frequency`, so that sorting the numbers makes the postings.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any

import numpy as np

from codetriever.store.embedded.sections import SectionWriter, encoded, narrowed
from codetriever.store.embedded.segment import (
    CHUNK_COLUMNS,
    DEFINITION_COLUMNS,
    DEFINITION_TEXTS,
    STRING_COLUMNS,
    chunk_keys,
    name_hash,
    without_name,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from codetriever.types import AnalysedBlobs

TERM_SHIFT = np.uint64(36)
CHUNK_SHIFT = np.uint64(8)
CHUNK_MASK = np.uint64((1 << 28) - 1)
_LOW_MASK = np.uint64((1 << 36) - 1)
_FREQUENCY_MASK = np.uint64(255)
MAX_CHUNKS = 1 << 24  # 24 bits number the chunks of a segment in its postings
POSTING_COLUMNS: tuple[tuple[str, type[np.generic]], ...] = (
    ("posting_low", np.uint16),
    ("posting_high", np.uint8),
    ("posting_frequencies", np.uint8),
)
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
        new = [string for string in dict.fromkeys(strings) if string not in numbers]
        numbers.update(zip(new, range(len(numbers), len(numbers) + len(new)), strict=True))
        self.text_bytes += sum(map(len, new))
        return np.fromiter(map(numbers.__getitem__, strings), np.uint32, len(strings))

    def write(self, writer: SectionWriter, name: str) -> NDArray[np.uint32]:
        """Write the strings in their order as a table, and return for each number its place there."""
        strings = sorted(self.numbers)
        ranks = np.empty(len(strings), np.uint32)
        ranks[np.fromiter(map(self.numbers.__getitem__, strings), np.uint32, len(strings))] = np.arange(len(strings), dtype=np.uint32)
        writer.put_strings(name, map(encoded, strings))
        return ranks

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
        names = definitions.names
        self._put("definition.names", self._strings.intern(names), np.uint32)
        for column in DEFINITION_TEXTS[1:]:
            texts = [without_name(text, name) for text, name in zip(getattr(definitions, column), names, strict=True)]
            self._put("definition." + column, self._strings.intern(texts), np.uint32)
        for name, dtype in DEFINITION_COLUMNS:
            self._put("definition." + name, getattr(definitions, name), dtype)
        self._put("definition.hashes", np.fromiter((name_hash(name.casefold()) for name in names), np.uint32, len(names)), np.uint32)
        self._put("definition.chunks", definitions.chunks + self.chunks, np.uint32)
        self._definitions += len(names)

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
        ranks = self._strings.write(writer, "strings")
        writer.put("definition_order", definition_order(self._joined("definition.hashes")))
        for name in tuple(self._columns):
            if not name.endswith("_counts"):
                column = self._joined(name)
                writer.put(name, ranks[column] if name in STRING_COLUMNS else column)
                del self._columns[name]
        self._write_terms(writer)
        writer.finish(chunks=self.chunks, definitions=self._definitions)

    def _write_terms(self, writer: SectionWriter) -> None:
        ranks = self._terms.write(writer, "terms").astype(np.uint64)
        pairs = self._take_pairs()
        for start in range(0, len(pairs), _BLOCK):
            block = pairs[start : start + _BLOCK]
            block[:] = (ranks[block >> TERM_SHIFT] << TERM_SHIFT) | (block & _LOW_MASK)
        pairs.sort()
        writer.put("posting_first", posting_firsts(pairs, len(ranks)))
        for name, dtype in POSTING_COLUMNS:
            writer.begin(name, dtype)
            for start in range(0, len(pairs), _BLOCK):
                writer.write(posting_columns(pairs[start : start + _BLOCK], self.chunks)[name])

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


def posting_firsts(pairs: NDArray[np.uint64], terms: int) -> NDArray[Any]:
    """Return where the pairs of each of `terms` terms begin in sorted pairs, and the end: `(terms + 1,)`."""
    return narrowed(np.searchsorted(pairs, np.arange(terms + 1, dtype=np.uint64) << TERM_SHIFT).astype(np.int64))


def posting_columns(pairs: NDArray[np.uint64], chunks: int) -> dict[str, NDArray[Any]]:
    """Return packed pairs as the columns of postings, which are the largest part of a segment.

    The chunk's lower 16 bits, its higher ones, of which a segment of up to 65,536 `chunks` has none, and the frequency.
    """
    numbers = pair_chunks(pairs)
    return {
        "posting_low": (numbers & 0xFFFF).astype(np.uint16),
        "posting_high": (numbers >> 16).astype(np.uint8) if chunks > 1 << 16 else np.empty(0, np.uint8),
        "posting_frequencies": pair_frequencies(pairs),
    }


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


def definition_order(hashes: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """Return the definitions' numbers in the order of the hashes of their names."""
    return np.argsort(hashes, kind="stable").astype(np.uint32)
