"""Which vectors do chunks have when the embedder is not a projection of their terms?"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from codetriever import metrics
from codetriever.chunking import NOTEBOOK, chunk_text
from codetriever.compression import decompressed
from codetriever.embedding.embedder import embed_texts
from codetriever.indexing.streaming import Bound, in_flight
from codetriever.types import StoredChunk

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from codetriever.embedding.embedder import Embedder
    from codetriever.indexing.messages import Analysis
    from codetriever.types import AnalysedBlobs

MAX_BYTES_IN_FLIGHT = 16 << 20  # of compressed contents that wait for vectors


def embedded(analyses: Iterable[Analysis], embedder: Embedder, *, batch_chunks: int) -> Iterator[Analysis]:
    """Yield the analyses in order, each with a row for every chunk; raises `EmbedderFailed`.

    An embedder with `concurrency` is asked by that many threads, about as many analyses; no more of these are taken before results are.
    """

    def work(analysis: Analysis) -> Analysis:
        return replace(analysis, blobs=with_vectors(analysis.blobs, embedder, batch_chunks=batch_chunks))

    size = max(1, int(getattr(embedder, "concurrency", 1)))
    if size == 1:
        yield from map(work, analyses)
        return
    with ThreadPoolExecutor(size, thread_name_prefix="codetriever-embedder") as executor:
        bound = Bound(size, MAX_BYTES_IN_FLIGHT)
        done = in_flight(analyses, lambda one: executor.submit(work, one), bound, size=lambda one: sum(map(len, one.blobs.contents)))
        try:
            with closing(done):
                yield from done
        except BaseException:  # what is under way is not wanted any more, and may take long
            getattr(embedder, "interrupt", lambda: None)()
            raise


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
    """Return the embedder's rows for the texts, looked at and counted; raises `EmbedderFailed`."""
    start = time.perf_counter()
    rows = embed_texts(embedder, texts)
    metrics.count("embedding_s_total", time.perf_counter() - start)
    metrics.count("chunks_embedded_total", len(texts))
    return rows


def embedding_text(chunk: StoredChunk, *, name_worth: int = 1) -> str:
    """Return what an embedder is given of a chunk: its qualified name and a line feed, so often, and its text."""
    text = chunk.data.decode(chunk.encoding, "replace")
    return f"{chunk.name}\n" * name_worth + (chunk_text(text.encode(), chunk.language) if chunk.language == NOTEBOOK else text)


def _embedding_texts(blobs: AnalysedBlobs) -> Iterator[str]:
    """Yield what is embedded of each chunk, one blob's content unpacked at a time."""
    chunk = 0
    columns = zip(blobs.contents, blobs.encodings, blobs.languages, blobs.chunk_counts.tolist(), strict=True)
    for content, encoding, language, chunks in columns:
        data = decompressed(content)
        for position in range(chunk, chunk + chunks):
            piece = data[blobs.byte_start[position] : blobs.byte_end[position]]
            yield embedding_text(StoredChunk(blobs.names[position], piece, language, encoding))
        chunk += chunks
