"""How are vectors kept?

A vector file holds, for every chunk of one segment and one model, a row of int8, a scale, and sign bits (`store/likeness.py` says what
both are for). A row times its scale is a unit vector. A row whose scale is negative was never embedded; a zero row (scale 0) belongs
to a chunk without known words.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from codetriever.store.embedded.sections import Sections, SectionWriter, damaged
from codetriever.store.likeness import Question, sign_bits, sign_width, write_distances

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

MISSING = np.float32(-1)
_GATHER_BLOCK = 512  # rows rescored at once
# Rows of a larger file are unmapped after use: scattered reads would soon have the whole of it counted as this process's memory.
_LARGE_ROWS_BYTES = 32 << 20


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
        """Write the distance between each chunk's sign bits and the question's to `out`, `(chunks,)`."""
        write_distances(self.signs, question, out)

    def all_cosines(self, question: Question) -> NDArray[np.float32]:
        """Return the cosine of every chunk, in less than half the time that it takes to pick them one by one."""
        return question.cosines(self.rows, self.scales)

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
