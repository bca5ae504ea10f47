"""How are vectors kept, and how alike are they to a question?

A vector file holds, for every chunk of one segment and one model, a row of int8, a scale, and sign bits. A row times its scale is
a unit vector. The sign bits lie in planes of 64 dimensions, `(words, chunks)`, so that a scan reads each plane from end to end. A
row whose scale is negative was never embedded; a zero row (scale 0) belongs to a chunk without known words.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from codetriever.store.embedded.sections import Sections, SectionWriter, damaged

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

MISSING = np.float32(-1)
ABSENT = np.float32(-3)  # the cosine of a chunk that has no vector
_SCAN_BLOCK = 1 << 15  # chunks scanned at once: three buffers of this length stay in the processor's cache
_GATHER_BLOCK = 512  # rows rescored at once
# Rows of a larger file are unmapped after use: scattered reads would soon have the whole of it counted as this process's memory.
_LARGE_ROWS_BYTES = 32 << 20


def quantise(vectors: NDArray[np.float32]) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Return int8 rows and the scales that make them unit vectors; each row depends on itself alone."""
    peaks = np.abs(vectors).max(axis=1, initial=0)
    factors = np.divide(127, peaks, out=np.zeros_like(peaks), where=peaks > 0)
    rows = np.rint(vectors * factors[:, None]).astype(np.int8)
    norms = np.sqrt(np.square(rows, dtype=np.int32).sum(axis=1)).astype(np.float32)
    scales: NDArray[np.float32] = np.divide(1, norms, out=np.zeros_like(norms), where=norms > 0)
    return rows, scales


def sign_bits(rows: NDArray[np.int8]) -> NDArray[np.uint64]:
    """Return the planes of sign bits of int8 rows, `(words, n)`; a set bit is a positive number."""
    count, dimensions = rows.shape
    words = -(-dimensions // 64)
    packed = np.zeros((count, words * 8), np.uint8)
    packed[:, : -(-dimensions // 8)] = np.packbits(rows > 0, axis=1)
    return np.ascontiguousarray(packed.view("<u8").T.astype(np.uint64, copy=False))


class Question:
    """A query vector made ready: whole numbers so small that every sum of products is exact in float32, in any order.

    So the cosine of a chunk does not depend on which chunks are computed with it.
    """

    __slots__ = ("_scale", "_whole", "bits")

    def __init__(self, query: NDArray[np.float32]) -> None:
        dimensions = len(query)
        norm = float(np.sqrt(np.square(query, dtype=np.float64).sum()))
        # |sum| <= |row| * |query| <= 127 * sqrt(dimensions) * limit, which has to stay below 2**24.
        limit = (1 << 24) / (127 * dimensions**0.5) - dimensions**0.5
        self._whole = np.rint(query.astype(np.float64) * (limit / norm if norm else 0)).astype(np.float32)
        self._scale = np.float32(norm / limit)
        self.bits = sign_bits(np.sign(query).astype(np.int8)[None, :])[:, 0]

    def cosines(self, rows: NDArray[np.int8], scales: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the cosine of each row; `ABSENT` for rows that are missing."""
        # `vecdot` and not `@`: for so small a product the threads of a matrix library cost more than they bring.
        products: NDArray[np.float32] = np.vecdot(rows.astype(np.float32), self._whole)
        products *= scales * self._scale
        products[scales < 0] = ABSENT
        return products


class VectorFile:
    """The vectors of one segment under one model."""

    __slots__ = ("_is_large", "_sections", "dimensions", "rows", "scales", "signs")

    def __init__(self, path: Path, chunks: int) -> None:
        self._sections = Sections(path)
        self.rows: NDArray[np.int8] = self._sections.array("rows")
        self._is_large = self.rows.nbytes > _LARGE_ROWS_BYTES
        self.scales: NDArray[np.float32] = self._sections.array("scales")
        self.dimensions = int(self._sections.attributes["dimensions"])
        words = -(-self.dimensions // 64)
        self.signs: NDArray[np.uint64] = self._sections.array("signs").reshape(words, -1)
        if not len(self.rows) == len(self.scales) == self.signs.shape[1] == chunks:
            raise damaged(path, "its sections do not fit together")

    def distances(self, question: Question, out: NDArray[np.uint16]) -> None:
        """Write the Hamming distance between each chunk's sign bits and the question's to `out`, `(chunks,)`."""
        count = self.signs.shape[1]
        differing = np.empty(min(count, _SCAN_BLOCK), np.uint64)
        set_bits = np.empty(len(differing), np.uint8)
        for start in range(0, count, _SCAN_BLOCK):
            target = out[start : start + _SCAN_BLOCK]
            size = len(target)
            target[:] = 0
            for plane, word in zip(self.signs, question.bits, strict=True):
                np.bitwise_xor(plane[start : start + size], word, out=differing[:size])
                np.bitwise_count(differing[:size], out=set_bits[:size])
                np.add(target, set_bits[:size], out=target)

    def cosines(self, question: Question, local: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return the cosine of each of these chunks."""
        result = np.empty(len(local), np.float32)
        for start in range(0, len(local), _GATHER_BLOCK):
            part = local[start : start + _GATHER_BLOCK]
            result[start : start + len(part)] = question.cosines(self.rows[part], self.scales[part])
            if self._is_large:
                self._sections.release("rows")
        return result

    def vectors(self, local: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return unit rows, zero for chunks that have none."""
        scales: NDArray[np.float32] = np.maximum(self.scales[local], 0)
        result = self.rows[local] * scales[:, None]
        if self._is_large:
            self._sections.release("rows")
        return result

    def release(self) -> None:
        """Let the system forget which pages were touched."""
        self._sections.release()

    def verify(self) -> None:
        """Compare every checksum; raises `StoreDamaged`."""
        self._sections.verify()


class VectorWriter:
    """Writes a vector file: rows as they come, scales and sign bits at the end (36 bytes a chunk are kept until then)."""

    def __init__(self, path: Path, dimensions: int) -> None:
        self.path = path
        self.missing = 0
        self.dimensions = dimensions
        self._writer = SectionWriter(path)
        self._writer.begin("rows", np.int8, dimensions)
        self._scales: list[NDArray[np.float32]] = []
        self._signs: list[NDArray[np.uint64]] = []

    def append(self, rows: NDArray[np.int8], scales: NDArray[np.float32]) -> None:
        """Add rows in the order of the segment's chunks."""
        self._writer.write(rows)
        self._scales.append(np.array(scales, np.float32))
        self._signs.append(sign_bits(rows))
        self.missing += int(np.count_nonzero(scales < 0))

    def append_missing(self, count: int) -> None:
        """Add rows of chunks that were not embedded."""
        self.append(np.zeros((count, self.dimensions), np.int8), np.full(count, MISSING))

    def finish(self, **attributes: Any) -> None:
        """Write the rest and make the file durable."""
        self._writer.put("scales", _joined(self._scales, np.float32))
        self._writer.begin("signs", np.uint64)
        for word in range(-(-self.dimensions // 64)):
            for planes in self._signs:
                self._writer.write(planes[word])
        self._writer.finish(dimensions=self.dimensions, **attributes)

    def abandon(self) -> None:
        """Delete the unfinished file."""
        self._writer.abandon()


def _joined(parts: list[NDArray[Any]], dtype: type[np.generic]) -> NDArray[Any]:
    return np.concatenate(parts) if parts else np.empty(0, dtype)
