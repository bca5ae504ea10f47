"""How do stored chunks get the vectors of another model?"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

import numpy as np

from codetriever.errors import EmbedderFailed
from codetriever.store.embedded.catalog import SEGMENTS, VECTORS, mark_changed, transaction
from codetriever.store.embedded.segment import Segment
from codetriever.store.embedded.vectors import VectorFile, VectorWriter, quantise
from codetriever.system import sync_folder

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    Embed = Callable[[Sequence[str]], NDArray[np.float32]]

_TEXTS_AT_ONCE = 256


def embed_missing(folder: Path, connection: sqlite3.Connection, model: str, dimensions: int, embed: Embed) -> int:
    """Complete the model's vectors segment by segment; each segment that is done is durable. Returns how many chunks were embedded."""
    question = (
        "SELECT segments.file, vectors.file FROM segments LEFT JOIN vectors ON segment = segments.file AND model = ?"
        " WHERE missing IS NULL OR missing > 0"
    )
    return sum(
        _complete(folder, connection, (segment, vectors), model=model, dimensions=dimensions, embed=embed)
        for segment, vectors in connection.execute(question, (model,)).fetchall()
    )


def _complete(
    folder: Path, connection: sqlite3.Connection, names: tuple[str, str | None], *, model: str, dimensions: int, embed: Embed
) -> int:
    segment = Segment(folder / SEGMENTS / names[0])
    old = None if names[1] is None else VectorFile(folder / VECTORS / names[1], segment.chunks)
    writer = VectorWriter(folder / VECTORS / f"{secrets.token_hex(8)}.vec", dimensions)
    embedded = 0
    try:
        for start, texts in _texts(connection, segment):
            end = start + len(texts)
            rows, scales = np.zeros((len(texts), dimensions), np.int8), np.full(len(texts), -1, np.float32)
            if old is not None:
                rows, scales = old.rows[start:end].copy(), old.scales[start:end].copy()
            wanted = [position for position, text in enumerate(texts) if text is not None and scales[position] < 0]
            if wanted:
                vectors = embed([texts[position] or "" for position in wanted])
                if vectors.shape != (len(wanted), dimensions):
                    raise EmbedderFailed(f"The embedder {model} answered {vectors.shape} for {len(wanted)} texts.")
                rows[wanted], scales[wanted] = quantise(np.asarray(vectors, np.float32))
                embedded += len(wanted)
            writer.append(rows, scales)
        writer.finish(segment=segment.name, model=model)
    except BaseException:
        writer.abandon()
        raise
    sync_folder(folder / VECTORS)
    with transaction(connection):
        # None is missing: chunks of deleted blobs have no vector, and need none.
        connection.execute("INSERT OR REPLACE INTO vectors VALUES (?, ?, ?, 0)", (segment.name, model, writer.path.name))
        mark_changed(connection)
    return embedded


def _texts(connection: sqlite3.Connection, segment: Segment) -> Iterator[tuple[int, list[str | None]]]:
    """Yield (first chunk, texts) in order; the text of a chunk whose blob was deleted is None."""
    texts: list[str | None] = []
    start = 0
    first = segment.chunk_first.tolist()
    for position, blob in enumerate(segment.blobs.tolist()):
        texts += _blob_texts(connection, segment, blob, np.arange(first[position], first[position + 1]))
        while len(texts) >= _TEXTS_AT_ONCE:
            yield start, texts[:_TEXTS_AT_ONCE]
            start += _TEXTS_AT_ONCE
            del texts[:_TEXTS_AT_ONCE]
    if texts:
        yield start, texts


def _blob_texts(connection: sqlite3.Connection, segment: Segment, blob: int, chunks: NDArray[np.int64]) -> list[str | None]:
    import zstandard

    row = connection.execute("SELECT encoding, content FROM blobs WHERE blob = ?", (blob,)).fetchone()
    if row is None:
        return [None] * len(chunks)
    data = zstandard.ZstdDecompressor().decompress(row[1])
    names = segment.strings.texts(segment.column("chunk.names")[chunks])
    starts, ends = segment.column("chunk.byte_start")[chunks].tolist(), segment.column("chunk.byte_end")[chunks].tolist()
    return [f"{name}\n{data[start:end].decode(row[0], 'replace')}" for name, start, end in zip(names, starts, ends, strict=True)]
