"""How do stored chunks get the vectors of another model?

From stored content, segment by segment. A slow embedder may take hours, so every minute what was done is made durable.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np

from codetriever.errors import CodetrieverError, EmbedderFailed
from codetriever.store.embedded.catalog import SEGMENTS, VECTORS, mark_changed, transaction
from codetriever.store.embedded.folder import new_name
from codetriever.store.embedded.segment import Segment
from codetriever.store.embedded.vectors import MISSING, VectorFile, VectorWriter
from codetriever.store.quantise import quantise
from codetriever.system import sync_folder
from codetriever.types import StoredChunk

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    Embed = Callable[[Sequence[StoredChunk]], NDArray[np.float32]]

_CHUNKS_AT_ONCE = 256
_DURABLE_EVERY_S = 60.0


def embed_missing(folder: Path, connection: sqlite3.Connection, model: str, dimensions: int, embed: Embed) -> int:
    """Complete the model's vectors; returns how many chunks were embedded."""
    question = (
        "SELECT segments.file, vectors.file FROM segments LEFT JOIN vectors ON segment = segments.file AND model = ?"
        " WHERE missing IS NULL OR missing > 0"
    )
    embedded = 0
    while rows := connection.execute(question, (model,)).fetchall():
        for segment_name, vectors_name in rows:
            segment = Segment(folder / SEGMENTS / segment_name)
            old = None if vectors_name is None else VectorFile(folder / VECTORS / vectors_name, segment.chunks)
            pass_ = _Pass(connection, segment, old, embed, model, dimensions)
            embedded += pass_.run(folder)
    return embedded


class _Pass:
    """One time through a segment, which embeds what it can within a minute."""

    def __init__(
        self, connection: sqlite3.Connection, segment: Segment, old: VectorFile | None, embed: Embed, model: str, dimensions: int
    ) -> None:
        self.connection = connection
        self.segment = segment
        self.old = old
        self.embed = embed
        self.model = model
        self.dimensions = dimensions
        self.deadline = time.monotonic() + _DURABLE_EVERY_S
        self.embedded = 0
        self.left = 0

    def run(self, folder: Path) -> int:
        """Write a vector file with what was there and what was embedded now, and make it the segment's."""
        writer = VectorWriter(folder / VECTORS / new_name("vec"), self.dimensions)
        try:
            for start, end, first_blob, end_blob in self._windows():
                writer.append(*self._complete(start, end, range(first_blob, end_blob)))
            writer.finish(segment=self.segment.name, model=self.model)
        except BaseException:
            writer.abandon()
            raise
        sync_folder(folder / VECTORS)
        row = (self.segment.name, self.model, writer.path.name, self.left)
        with transaction(self.connection):
            self.connection.execute("INSERT OR REPLACE INTO vectors VALUES (?, ?, ?, ?)", row)
            mark_changed(self.connection)
        return self.embedded

    def _windows(self) -> Iterator[tuple[int, int, int, int]]:
        """Yield (first chunk, end, first blob, end) for groups of whole blobs with some hundred chunks."""
        first = self.segment.chunk_first.tolist()
        start = 0
        for position in range(1, len(first)):
            if first[position] - first[start] >= _CHUNKS_AT_ONCE or position == len(first) - 1:
                yield first[start], first[position], start, position
                start = position

    def _complete(self, start: int, end: int, blobs: range) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
        rows, scales = np.zeros((end - start, self.dimensions), np.int8), np.full(end - start, MISSING)
        if self.old is not None:
            rows, scales = self.old.rows[start:end].copy(), self.old.scales[start:end].copy()
            self.old.release()
        missing = np.flatnonzero(scales < 0)
        if not len(missing):
            return rows, scales
        chunks = dict(self._chunks(start, blobs))
        wanted = [position for position in missing.tolist() if position in chunks]
        if wanted and time.monotonic() >= self.deadline:
            self.left += len(wanted)
        elif wanted:
            rows[wanted], scales[wanted] = quantise(self._ask([chunks[position] for position in wanted]))
            self.embedded += len(wanted)
        return rows, scales

    def _ask(self, chunks: list[StoredChunk]) -> NDArray[np.float32]:
        try:
            vectors = np.asarray(self.embed(chunks), np.float32)
        except CodetrieverError:
            raise
        except Exception as error:
            raise EmbedderFailed(f"The embedder {self.model} failed: {error!r}.") from error
        if vectors.shape != (len(chunks), self.dimensions):
            raise EmbedderFailed(f"The embedder {self.model} answered {vectors.shape} for {len(chunks)} texts.")
        return vectors

    def _chunks(self, start: int, blobs: range) -> Iterator[tuple[int, StoredChunk]]:
        """Yield the chunks, counted from `start`, of the blobs that are still there."""
        from codetriever.compression import decompressed

        for blob in blobs:
            question = "SELECT language, encoding, content FROM blobs WHERE blob = ?"
            row = self.connection.execute(question, (int(self.segment.blobs[blob]),)).fetchone()
            if row is None:
                continue
            language, encoding, content = row
            data = decompressed(content)
            first, end = self.segment.chunk_first[blob : blob + 2].tolist()
            names = self.segment.strings.texts(self.segment.column("chunk.names")[first:end])
            spans = zip(*(self.segment.column("chunk." + name)[first:end].tolist() for name in ("byte_start", "byte_end")), strict=True)
            for chunk, name, (span_start, span_end) in zip(range(first, end), names, spans, strict=True):
                yield chunk - start, StoredChunk(name, data[span_start:span_end], language, encoding)
