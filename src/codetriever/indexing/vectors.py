"""Which vectors do chunks have when the embedder is not a projection of their terms?"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from codetriever import metrics
from codetriever.chunking import NOTEBOOK, chunk_text
from codetriever.compression import decompressed
from codetriever.errors import CodetrieverError, EmbedderFailed

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from codetriever.embedding.embedder import Embedder
    from codetriever.types import AnalysedBlobs


def with_vectors(blobs: AnalysedBlobs, embedder: Embedder, *, batch_chunks: int) -> AnalysedBlobs:
    """Return the batch with a row for each chunk, embedded at most `batch_chunks` at a time; raises `EmbedderFailed`."""
    vectors = np.empty((len(blobs.names), embedder.dimensions), np.float32)
    texts: list[str] = []
    done = 0
    for text in _embedding_texts(blobs):
        texts.append(text)
        if len(texts) == batch_chunks:
            vectors[done : done + len(texts)] = embed(embedder, texts)
            done += len(texts)
            texts.clear()
    if texts:
        vectors[done:] = embed(embedder, texts)
    return replace(blobs, vectors=vectors)


def embed(embedder: Embedder, texts: Sequence[str]) -> NDArray[np.float32]:
    """Return the embedder's unit rows for the texts; whatever goes wrong inside it is raised as `EmbedderFailed`."""
    start = time.perf_counter()
    try:
        rows = np.asarray(embedder.embed(texts), np.float32)
    except CodetrieverError:
        raise
    except Exception as error:
        raise EmbedderFailed(f"The embedder {embedder.model} failed: {error}") from error
    if rows.shape != (len(texts), embedder.dimensions):
        raise EmbedderFailed(
            f"The embedder {embedder.model} answered {rows.shape} for {len(texts)} texts of {embedder.dimensions} dimensions."
        )
    metrics.count("embedding_s_total", time.perf_counter() - start)
    metrics.count("chunks_embedded_total", len(texts))
    return rows


def _embedding_texts(blobs: AnalysedBlobs) -> Iterator[str]:
    """Yield each chunk's qualified name, a line feed and its text, one blob's content unpacked at a time."""
    chunk = 0
    columns = zip(blobs.contents, blobs.encodings, blobs.languages, blobs.chunk_counts.tolist(), strict=True)
    for content, encoding, language, chunks in columns:
        data = decompressed(content)
        for position in range(chunk, chunk + chunks):
            piece = data[blobs.byte_start[position] : blobs.byte_end[position]]
            text = chunk_text(piece, language) if language == NOTEBOOK else piece.decode(encoding, "replace")
            yield f"{blobs.names[position]}\n{text}"
        chunk += chunks
