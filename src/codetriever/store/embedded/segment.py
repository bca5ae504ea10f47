"""What does one segment hold, and how is it asked?

A segment is an immutable file with the chunks, terms and definitions of a set of blobs. Within it blobs have positions in the order
of their numbers, chunks are numbered in blob order, then byte order (*local* numbers), and definitions likewise.
"""

from __future__ import annotations

import zlib
from bisect import bisect_left, bisect_right
from typing import TYPE_CHECKING, Any

import numpy as np

from codetriever.store.embedded.sections import Sections, StringTable, damaged, encoded
from codetriever.store.mixing import mixed

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

CHUNK_COLUMNS: tuple[tuple[str, type[np.generic]], ...] = (
    ("byte_start", np.uint32),
    ("byte_end", np.uint32),
    ("start_line", np.uint32),
    ("end_line", np.uint32),
    ("kinds", np.uint8),
    ("lengths", np.uint32),
)
DEFINITION_COLUMNS: tuple[tuple[str, type[np.generic]], ...] = (
    ("kinds", np.uint8),
    ("lines", np.uint32),
    ("start_line", np.uint32),
    ("end_line", np.uint32),
    ("byte_start", np.uint32),
    ("byte_end", np.uint32),
)
DEFINITION_TEXTS = ("names", "qualified_names", "signatures")
# Columns of numbers in the segment's string table.
STRING_COLUMNS = ("chunk.names", *(f"definition.{name}" for name in DEFINITION_TEXTS))
_LOOKED_UP = ("terms.data", "terms.offsets", "posting_first", "posting_low", "posting_high", "posting_frequencies")
_POSTING_BYTES = 4
# What was looked up is let go of when it is so much: part of a word may stand in 2,000 terms, which lie all over the dictionary and the
# postings. In the Linux kernel they would count as 250 MiB of this process's memory: the system maps pages around each that is touched.
_MOST_TOUCHED_BYTES = 32 << 20
_MAPPED_AROUND_BYTES = 64 << 10
# Stands for a definition's name in texts that hold it.
_NAME = "\0"


def chunk_keys(digests: NDArray[np.uint8], languages: NDArray[np.uint64], chunk_counts: NDArray[np.int64]) -> NDArray[np.uint64]:
    """Return a number for every chunk made of its blob's digest and language and its position in the blob."""
    blobs = np.ascontiguousarray(digests[:, :8]).view("<u8")[:, 0].astype(np.uint64) ^ mixed(languages)
    first = np.cumsum(chunk_counts) - chunk_counts
    positions = np.arange(int(chunk_counts.sum())) - np.repeat(first, chunk_counts)
    return mixed(np.repeat(blobs, chunk_counts) + positions.astype(np.uint64))


class Segment:
    """One segment file, memory-mapped."""

    def __init__(self, path: Path) -> None:
        self.name = path.name
        self.sections = Sections(path)
        array = self.sections.array
        self.blobs: NDArray[np.int64] = array("blobs")
        self.chunk_first: NDArray[Any] = array("chunk_first")
        self.definition_first: NDArray[Any] = array("definition_first")
        self.lengths: NDArray[np.uint32] = array("chunk.lengths")
        self.keys: NDArray[np.uint64] = array("chunk.keys")
        self.strings: StringTable = self.sections.strings("strings")
        self.terms: StringTable = self.sections.strings("terms")
        self._posting_first: NDArray[Any] = array("posting_first")
        self._posting_low: NDArray[np.uint16] = array("posting_low")
        self._posting_high: NDArray[Any] = array("posting_high")
        self._posting_frequencies: NDArray[np.uint8] = array("posting_frequencies")
        self._is_large = len(self._posting_low) * _POSTING_BYTES > _MOST_TOUCHED_BYTES
        self._touched_bytes = 0  # about, since it was let go of
        self.chunks = len(self.keys)
        fits = (
            len(self.chunk_first) == len(self.definition_first) == len(self.blobs) + 1
            and int(self.chunk_first[-1]) == self.chunks
            and len(self._posting_first) == len(self.terms) + 1
        )
        if not fits:
            raise damaged(path, "its sections do not fit together")

    def postings(self, term: bytes) -> tuple[NDArray[Any], NDArray[np.uint8]] | None:
        """Return the local numbers of the chunks that hold the term and how often each does, or None."""
        position = self.terms.find(term)
        if position < 0:
            return None
        found = self.postings_at(position)
        if self._is_large:
            self._touched_bytes += _POSTING_BYTES * len(found[0]) + len(_LOOKED_UP) * _MAPPED_AROUND_BYTES
            if self._touched_bytes > _MOST_TOUCHED_BYTES:
                self._touched_bytes = 0
                for name in _LOOKED_UP:
                    self.sections.release(name)
        return found

    @property
    def posting_count(self) -> int:
        """How many postings there are."""
        return len(self._posting_low)

    def postings_at(self, position: int) -> tuple[NDArray[Any], NDArray[np.uint8]]:
        """Return the postings of the term at a position of the dictionary."""
        return self.posting_range(*self._posting_first[position : position + 2].tolist())

    def posting_bounds(self, start: int, end: int) -> NDArray[Any]:
        """Return where the postings of the terms `start..end-1` begin, and where the last ones end."""
        return self._posting_first[start : end + 1]

    def posting_range(self, start: int, end: int) -> tuple[NDArray[Any], NDArray[np.uint8]]:
        """Return consecutive postings whatever their terms."""
        chunks: NDArray[Any] = self._posting_low[start:end]
        if len(self._posting_high):
            chunks = chunks | (self._posting_high[start:end].astype(np.uint32) << 16)
        return chunks, self._posting_frequencies[start:end]

    def column(self, name: str) -> NDArray[Any]:
        """Return a column of the chunks (`chunk.`), definitions (`definition.`) or blobs."""
        return self.sections.array(name)

    def defined(self, folded: str) -> NDArray[np.int64]:
        """Return the definitions, ascending, whose simple name is this when its case is folded."""
        order, hashes = self.column("definition_order"), self.column("definition.hashes")
        wanted = name_hash(folded)
        start = bisect_left(order, wanted, key=hashes.__getitem__)
        end = bisect_right(order, wanted, lo=start, key=hashes.__getitem__)
        found = np.sort(order[start:end].astype(np.int64))
        names = self.strings.texts(self.column("definition.names")[found])
        return found[[name.casefold() == folded for name in names]] if len(found) else found

    def definition_texts(self, definitions: NDArray[np.int64]) -> dict[str, list[str]]:
        """Return names, qualified names and signatures of some definitions."""
        names, *others = (self.strings.texts(self.column("definition." + text)[definitions]) for text in DEFINITION_TEXTS)
        filled = ([text.replace(_NAME, name) for text, name in zip(texts, names, strict=True)] for texts in others)
        return dict(zip(DEFINITION_TEXTS, (names, *filled), strict=True))


def without_name(text: str, name: str) -> str:
    """Return a text with a mark for the name in it, so that definitions share it: `#define X` and `#define Y`, `A.x` and `A.y`.

    A NUL, which text has only by mistake, becomes its symbol.
    """
    text = text.replace(_NAME, "\N{SYMBOL FOR NULL}")
    return text.replace(name, _NAME) if name else text


def name_hash(folded: str) -> int:
    """Return the number by which a name, its case folded, is looked up."""
    return zlib.crc32(encoded(folded))
