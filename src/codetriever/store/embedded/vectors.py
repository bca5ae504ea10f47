"""How are vectors kept, and how alike are they to a question?

A vector file holds, for every chunk of one segment and one model, a row of int8, a scale, and sign bits. A row times its scale is
a unit vector. The sign bits are those of the row turned into another base; they lie in planes of 64 bits, `(words, chunks)`, so that a
scan reads each plane from end to end. A row whose scale is negative was never embedded; a zero row (scale 0) belongs to a chunk
without known words.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from codetriever.store.embedded.mixing import mixed
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


def sign_bits(rows: NDArray[np.int8]) -> NDArray[np.uint64]:
    """Return the planes of sign bits of int8 rows after they are turned, `(words, n)`; a set bit is a positive number."""
    return _packed(_turned(rows.T.astype(np.int16 if rows.shape[1] <= 256 else np.int32)) > 0)


def _packed(bits: NDArray[np.bool_]) -> NDArray[np.uint64]:
    """Pack `(width, n)` into `(width / 64, n)`."""
    octets = np.packbits(bits, axis=0)
    words = octets.reshape(len(octets) // 8, 8, octets.shape[1]).transpose(0, 2, 1)
    return np.ascontiguousarray(words).view("<u8")[:, :, 0].astype(np.uint64, copy=False)


def sign_width(dimensions: int) -> int:
    """Return how many sign bits a vector has: a power of two, at least 64."""
    return max(64, 1 << (dimensions - 1).bit_length())


def _turned(columns: NDArray[Any]) -> NDArray[Any]:
    """Turn vectors, given as columns `(dimensions, n)`, so that every dimension tells as much: `(width, n)`.

    Trained tables have strong and weak dimensions, and signs of weak ones say little: of the true fifty nearest chunks a pool of 2,048
    out of 30,000 holds 78 % without and 96 % with this. Signs are flipped in a fixed random pattern, then a fast Walsh-Hadamard
    transform adds and subtracts (Ailon and Chazelle, 2006). On whole numbers it is exact: 256 times 127 fits 16 bits.
    """
    dimensions, count = columns.shape
    width = sign_width(dimensions)
    flips = mixed(np.arange(dimensions, dtype=np.uint64)) >> np.uint64(63) > 0
    turned = np.zeros((width, count), columns.dtype)
    turned[:dimensions] = np.where(flips[:, None], -columns, columns)
    half = 1
    while half < width:
        pairs = turned.reshape(width // (2 * half), 2, half, count)
        low, high = pairs[:, 0] + pairs[:, 1], pairs[:, 0] - pairs[:, 1]
        pairs[:, 0], pairs[:, 1] = low, high
        half *= 2
    return turned


class Question:
    """A query vector made ready: whole numbers so small that every sum of products is exact in float32, in any order.

    So the cosine of a chunk does not depend on which chunks are computed with it. For the scan it has the signs of the turned vector, and
    marks the half of them that belongs to its larger numbers, which counts three times: that brings the 96 % above to 99 %.
    """

    __slots__ = ("_scale", "_whole", "large", "query", "signs")

    def __init__(self, query: NDArray[np.float32]) -> None:
        self.query = query
        dimensions = len(query)
        norm = float(np.sqrt(np.square(query, dtype=np.float64).sum()))
        # |sum| <= |row| * |query| <= 127 * sqrt(dimensions) * limit, which has to stay below 2**24.
        limit = (1 << 24) / (127 * dimensions**0.5) - dimensions**0.5
        self._whole = np.rint(query.astype(np.float64) * (limit / norm if norm else 0)).astype(np.float32)
        self._scale = np.float32(norm / limit)
        turned = _turned(query.astype(np.float64)[:, None])
        size = np.abs(turned)
        self.signs = _packed(turned > 0)[:, 0]
        lower_median = np.sort(size, axis=None)[(dimensions - 1) // 2]
        self.large = _packed(size > lower_median)[:, 0]

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
        self.signs: NDArray[np.uint64] = self._sections.array("signs").reshape(sign_width(self.dimensions) // 64, -1)
        if not len(self.rows) == len(self.scales) == self.signs.shape[1] == chunks:
            raise damaged(path, "its sections do not fit together")

    def distances(self, question: Question, out: NDArray[np.uint16]) -> None:
        """Write the weighted Hamming distance between each chunk's sign bits and the question's to `out`, `(chunks,)`."""
        count = self.signs.shape[1]
        differing = np.empty(min(count, _SCAN_BLOCK), np.uint64)
        total, large = np.empty(len(differing), np.uint8), np.empty(len(differing), np.uint8)
        for start in range(0, count, _SCAN_BLOCK):
            target = out[start : start + _SCAN_BLOCK]
            if len(target) < len(differing):
                differing, total, large = differing[: len(target)], total[: len(target)], large[: len(target)]
            target[:] = 0
            for plane, signs, mark in zip(self.signs, question.signs, question.large, strict=True):
                np.bitwise_xor(plane[start : start + len(target)], signs, out=differing)
                np.bitwise_count(differing, out=total)
                np.bitwise_and(differing, mark, out=differing)
                np.bitwise_count(differing, out=large)
                np.add(total, large, out=total)
                np.add(total, large, out=total)  # at most 192
                np.add(target, total, out=target)

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
        for word in range(sign_width(self.dimensions) // 64):
            for planes in self._signs:
                self._writer.write(planes[word])
        self._writer.finish(dimensions=self.dimensions, **attributes)

    def abandon(self) -> None:
        """Delete the unfinished file."""
        self._writer.abandon()


def _joined(parts: list[NDArray[Any]], dtype: type[np.generic]) -> NDArray[Any]:
    return np.concatenate(parts) if parts else np.empty(0, dtype)
