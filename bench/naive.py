"""codetriever as one writes it first: what a review of an earlier system complained of, put back together.

naive.py ARGUMENTS runs the command line with parsers and queries made for every file, an object with a text and a list of numbers for each
chunk, vectors made from texts one at a time, and rows of Python values sent by executemany. `server_indexing.py` runs it beside what ships.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from codetriever.chunking import cut, parse
from codetriever.indexing import analysis

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from codetriever.indexing.messages import Analysis, RawBlob
    from codetriever.types import Pieces


@dataclass
class Chunk:
    text: str
    path: str
    vector: list[float]


def cut_anew(source: bytes, language: str) -> Pieces:
    parse.load_query.cache_clear()
    parse.PARSERS.made.clear()
    return cut(source, language)


def analyse(blobs: Sequence[RawBlob], projector: Any, *, started: Callable[[int], None] | None = None) -> Analysis:
    """Do what `analysis.analyse` does, one by one."""
    analysis.cut = cut_anew
    found = analysis.analyse(blobs, None, started=started)
    columns = found.blobs
    by_digest = {blob.digest: blob for blob in blobs}
    chunks: list[Chunk] = []
    for digest, count in zip(columns.digests, columns.chunk_counts.tolist(), strict=True):
        blob = by_digest[digest.tobytes()]
        for row in range(len(chunks), len(chunks) + count):
            text = blob.data[columns.byte_start[row] : columns.byte_end[row]].decode("utf-8", "replace")
            vector = projector.embed([f"{text} {columns.names[row]}"])[0].tolist()
            chunks.append(Chunk(text, blob.path, vector))
    vectors = np.array([chunk.vector for chunk in chunks], np.float32).reshape(-1, projector.dimensions)
    return replace(found, blobs=replace(columns, vectors=vectors))


def main() -> int:
    import database_variants
    from codetriever.cli.main import main as command_line
    from codetriever.indexing import filling
    from codetriever.store.postgres.writer import PostgresWriter

    filling.ANALYSER, filling.analyse = "naive:analyse", analyse
    execute = PostgresWriter._execute

    def execute_many(self: PostgresWriter, name: str, **more: Any) -> int:
        if name == "add_chunks":
            database_variants.MODEL = self._scope["model"]
            database_variants.executemany(self._connection, self._batch._parts, self._batch.first, self._repository, 0)
            return 0
        return 0 if name == "add_vectors" else execute(self, name, **more)

    PostgresWriter._execute = execute_many
    return command_line()


if __name__ == "__main__":
    sys.exit(main())
