"""What does one segment hold, and how is it asked?

A segment is an immutable file with the chunks, terms and definitions of a set of blobs. Within it blobs have positions in the order
of their numbers, chunks are numbered in blob order, then byte order (*local* numbers), and definitions likewise.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import TYPE_CHECKING, Any

import numpy as np

from codetriever.store.embedded.mixing import mixed
from codetriever.store.embedded.sections import Sections, StringTable, damaged, encoded

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
# Columns of numbers in the segment's string table; `folded` is the name with its case folded, by which it is looked up.
STRING_COLUMNS = ("chunk.names", "definition.folded", *(f"definition.{name}" for name in DEFINITION_TEXTS))


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
        self._posting_chunks: NDArray[Any] = array("posting_chunks")
        self._posting_frequencies: NDArray[np.uint8] = array("posting_frequencies")
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
        return None if position < 0 else self.postings_at(position)

    def postings_at(self, position: int) -> tuple[NDArray[Any], NDArray[np.uint8]]:
        """Return the postings of the term at a position of the dictionary."""
        start, end = self._posting_first[position : position + 2].tolist()
        return self._posting_chunks[start:end], self._posting_frequencies[start:end]

    def posting_bounds(self, start: int, end: int) -> NDArray[Any]:
        """Return where the postings of the terms `start..end-1` begin, and where the last ones end."""
        return self._posting_first[start : end + 1]

    def posting_range(self, start: int, end: int) -> tuple[NDArray[Any], NDArray[np.uint8]]:
        """Return consecutive postings whatever their terms."""
        return self._posting_chunks[start:end], self._posting_frequencies[start:end]

    def column(self, name: str) -> NDArray[Any]:
        """Return a column of the chunks (`chunk.`), definitions (`definition.`) or blobs."""
        return self.sections.array(name)

    def defined(self, folded: bytes) -> NDArray[np.int64]:
        """Return the definitions, ascending, whose simple name is this when its case is folded."""
        number = self.strings.find(folded)
        order, names = self.column("definition_order"), self.column("definition.folded")
        start = bisect_left(order, number, key=names.__getitem__)
        end = bisect_right(order, number, lo=start, key=names.__getitem__)
        return np.sort(order[start:end].astype(np.int64))


def folded_name(name: str) -> bytes:
    """Return the bytes under which a name is looked up."""
    return encoded(name.casefold())
