"""How does the one writer of a repository change its index?

Blobs are added in a transaction that ends when their segment is durable, so a blob in the catalog always has its chunks. A switch
writes the view's list, then changes one row. Files get random names and are never written twice; what no row names is swept.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np

from codetriever.store.embedded.batches import select_blobs
from codetriever.store.embedded.buffer import MAX_CHUNKS, SegmentBuffer
from codetriever.store.embedded.catalog import (
    SEGMENTS,
    VECTORS,
    VIEWS,
    as_column,
    durable,
    empty_log,
    make_durable,
    mark_changed,
    mark_unswept,
    row_key,
    transaction,
    translated,
)
from codetriever.store.embedded.compact import compact
from codetriever.store.embedded.folder import new_name
from codetriever.store.embedded.missing import embed_missing
from codetriever.store.embedded.ordinals import OrdinalSpace
from codetriever.store.embedded.segment import Segment
from codetriever.store.embedded.sweep import sweep_files, tidy
from codetriever.store.embedded.used import mark_used, model_mark
from codetriever.store.embedded.vectors import VectorWriter
from codetriever.store.embedded.views import ViewFile, joined_paths
from codetriever.store.embedded.write_view import write_view
from codetriever.store.quantise import quantise
from codetriever.system import sync_folder
from codetriever.types import ViewInfo

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from codetriever.types import AnalysedBlobs, FileTable, StoredChunk, ViewKey

_FIND = "SELECT blob FROM blobs WHERE digest = ? AND language = ? AND features = ?"
_INSERT = "INSERT INTO blobs (digest, language, features, encoding, size, content) VALUES (?, ?, ?, ?, ?, ?)"
_VIEW = "SELECT view, generation, head, features, file, indexed_at, files, chunks, text_bytes FROM views WHERE root = ? AND branch = ?"


class EmbeddedWriter:
    """Implements `Writer` over an open catalog; the caller holds the lock."""

    def __init__(
        self, folder: Path, connection: sqlite3.Connection, *, model: str, dimensions: int, features: str, memory_bytes: int
    ) -> None:
        self._folder = folder
        self._connection = connection
        self._model = model
        self._dimensions = dimensions
        self._features = features
        self._memory_bytes = memory_bytes
        self._buffer: SegmentBuffer | None = None
        self._vectors: VectorWriter | None = None
        mark_used(folder, model_mark(model))

    def known(self, blobs: Sequence[tuple[bytes, str]]) -> Sequence[int]:
        """Return for each (digest, language) the number of the blob, or -1 when it has to be added."""
        with translated(self._folder):
            rows = (self._connection.execute(_FIND, (digest, language, self._features)).fetchone() for digest, language in blobs)
            return [row[0] if row else -1 for row in rows]

    def add(self, batch: AnalysedBlobs) -> Sequence[int]:
        """Take analysed blobs and return their numbers; one that is there already keeps its number."""
        with translated(self._folder):
            if not self._connection.in_transaction:
                self._connection.execute("BEGIN IMMEDIATE")
            numbers, new = self._insert(batch)
            if not all(new):
                batch = select_blobs(batch, np.array(new, np.bool_))
            if any(new):
                self._take(batch, np.array([number for number, is_new in zip(numbers, new, strict=True) if is_new], np.int64))
            return numbers

    def _insert(self, batch: AnalysedBlobs) -> tuple[list[int], list[bool]]:
        numbers, new = [], []
        sizes = batch.sizes.tolist()
        for position, language in enumerate(batch.languages):
            digest = batch.digests[position].tobytes()
            row = self._connection.execute(_FIND, (digest, language, self._features)).fetchone()
            new.append(row is None)
            if row is None:
                values = (digest, language, self._features, batch.encodings[position], sizes[position], batch.contents[position])
                row = (self._connection.execute(_INSERT, values).lastrowid,)
            numbers.append(row[0])
        return numbers, new

    def _take(self, batch: AnalysedBlobs, numbers: NDArray[np.int64]) -> None:
        if self._buffer is None:
            self._buffer = SegmentBuffer()
            self._vectors = VectorWriter(self._folder / VECTORS / new_name("vec"), self._dimensions)
        assert self._vectors is not None
        self._buffer.add(batch, numbers)
        if len(batch.vectors):
            self._vectors.append(*quantise(batch.vectors))
        else:
            self._vectors.append_missing(len(batch.names))
        if self._buffer.memory_bytes >= self._memory_bytes or self._buffer.chunks > MAX_CHUNKS // 2:
            self.flush()

    def flush(self) -> None:
        """Make everything added durable."""
        if self._buffer is not None:
            with translated(self._folder):
                self._write_segment()
                make_durable(self._connection)

    def _write_segment(self) -> None:
        """Write what is buffered and commit; durable at the next durable commit."""
        buffer, vectors = self._buffer, self._vectors
        if buffer is None or vectors is None:
            return
        self._buffer = self._vectors = None
        name = new_name("seg")
        with transaction(self._connection):
            try:
                buffer.write(self._folder / SEGMENTS / name)
                vectors.finish(segment=name, model=self._model)
            except BaseException:
                vectors.abandon()
                raise
            for place in (SEGMENTS, VECTORS):
                sync_folder(self._folder / place)
            self._connection.execute("INSERT INTO segments (file, chunks) VALUES (?, ?)", (name, buffer.chunks))
            row = (name, self._model, vectors.path.name, vectors.missing)
            self._connection.execute("INSERT INTO vectors VALUES (?, ?, ?, ?)", row)
            mark_changed(self._connection)

    def switch(
        self,
        key: ViewKey,
        files: FileTable,
        *,
        head: str = "",
        path_terms: Callable[[str], Mapping[str, int]],
        listing: bytes = b"",
    ) -> ViewInfo:
        """Make `files` the view's list in one transaction and return its new generation; then sweep."""
        with translated(self._folder):
            self._write_segment()
            row = self._connection.execute(_VIEW, row_key(key)).fetchone()
            generation, old = 0, None
            if row is not None:
                old = ViewFile(self._folder / VIEWS / row[4])
                same = same_list(old, files) and row[3] == self._features
                if same and row[2] == head and old.listing == listing and np.array_equal(old.files.stats, files.stats):
                    return ViewInfo(key, row[1], head, row[5], time.time(), *row[6:])
                generation = row[1] - same
            name = new_name("view")
            write_view(self._folder / VIEWS / name, files, path_terms, listing, previous=self._previous(key))
            sync_folder(self._folder / VIEWS)
            with durable(self._connection):
                info = self._make_visible(key, files, name, head=head, generation=generation + 1)
            tidy(self._folder, self._connection, unlisted=np.empty(0, np.int64) if old is None else old.files.blobs)
            return info

    def _make_visible(self, key: ViewKey, files: FileTable, name: str, *, head: str, generation: int) -> ViewInfo:
        chunks, text_bytes, total_length = self._count(files)
        now = time.time()
        values = (generation, head, self._features, name, now, len(files.paths), chunks, text_bytes, total_length)
        with transaction(self._connection):
            self._connection.execute("INSERT OR IGNORE INTO views VALUES (NULL, ?, ?, 0, '', '', '', 0, 0, 0, 0, 0)", row_key(key))
            self._connection.execute(
                "UPDATE views SET (generation, head, features, file, indexed_at, files, chunks, text_bytes, total_length)"
                " = (?, ?, ?, ?, ?, ?, ?, ?, ?) WHERE root = ? AND branch = ?",
                (*values, *row_key(key)),
            )
            mark_unswept(self._connection)
        return ViewInfo(key, generation, head, now, now, len(files.paths), chunks, text_bytes)

    def _count(self, files: FileTable) -> tuple[int, int, int]:
        """Return the chunks of a list, the bytes of its files, and the length of its chunks in terms."""
        space = OrdinalSpace(open_segments(self._folder, self._connection))
        slots = space.slots(files.blobs)
        if np.any((slots < 0) & (files.blobs >= 0)):
            raise ValueError("a listed blob was never added")
        slots = slots[slots >= 0]
        sizes = np.concatenate([np.empty(0, np.int64), *(segment.column("sizes") for segment in space.segments)])
        lengths = np.concatenate([np.empty(0, np.int64), *(segment.column("blob_lengths") for segment in space.segments)])
        listed = np.zeros(len(lengths), np.bool_)
        listed[slots] = True
        distinct = np.flatnonzero(listed)
        return int(space.slot_chunks[distinct].sum()), int(sizes[slots].sum()), int(lengths[distinct].sum())

    def previous(self, key: ViewKey) -> FileTable | None:
        """Return the view's current list; for a view that does not exist yet, that of the checkout's view switched last, else None."""
        found = self._previous(key)
        return None if found is None else found.files

    def listing(self, key: ViewKey) -> bytes:
        """Return what was kept beside the list that `previous` returns."""
        found = self._previous(key)
        return b"" if found is None else found.listing

    def _previous(self, key: ViewKey) -> ViewFile | None:
        question = "SELECT file FROM views WHERE root = ? AND features = ? ORDER BY branch = ? DESC, indexed_at DESC LIMIT 1"
        with translated(self._folder):
            row = self._connection.execute(question, (as_column(key.root), self._features, as_column(key.branch))).fetchone()
            return None if row is None else ViewFile(self._folder / VIEWS / row[0])

    def embed_missing(self, embed: Callable[[Sequence[StoredChunk]], NDArray[np.float32]]) -> int:
        """Embed, from stored content, the chunks that have no vectors of this store's model, and return how many."""
        self.flush()
        with translated(self._folder):
            return embed_missing(self._folder, self._connection, self._model, self._dimensions, embed)

    def remove(self, keys: Sequence[ViewKey]) -> None:
        """Forget these views and sweep what only they listed."""
        self.flush()
        with translated(self._folder):
            unlisted = [np.empty(0, np.int64)]
            with transaction(self._connection):
                for key in keys:
                    for row in self._connection.execute(_VIEW, row_key(key)).fetchall():
                        unlisted.append(ViewFile(self._folder / VIEWS / row[4]).files.blobs)
                        self._connection.execute("DELETE FROM views WHERE view = ?", (row[0],))
                mark_unswept(self._connection)
            tidy(self._folder, self._connection, unlisted=np.concatenate(unlisted))

    def sweep(self) -> None:
        """Delete everything that no view lists."""
        self.flush()
        with translated(self._folder):
            blobs = [row[0] for row in self._connection.execute("SELECT blob FROM blobs").fetchall()]
            tidy(self._folder, self._connection, unlisted=np.array(blobs, np.int64))

    def compact(self) -> None:
        """Merge all segments into one, and give back the room that the catalog does not need."""
        self.flush()
        with translated(self._folder):
            compact(self._folder, self._connection, whole=True)
            sweep_files(self._folder, self._connection)
            self._connection.execute("VACUUM")
            empty_log(self._connection)

    def close(self) -> None:
        """Forget what was added and not flushed."""
        if self._vectors is not None:
            self._vectors.abandon()
        self._buffer = self._vectors = None
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")


def same_list(old: ViewFile, files: FileTable) -> bool:
    """Return whether nothing but `stats` differs."""
    before = old.files
    return (
        before.language_names == files.language_names
        and all(np.array_equal(getattr(before, name), getattr(files, name)) for name in ("blobs", "digests", "languages", "roles", "skips"))
        and joined_paths(before.paths) == joined_paths(files.paths)
    )


def open_segments(folder: Path, connection: sqlite3.Connection) -> list[Segment]:
    """Open every visible segment."""
    return [Segment(folder / SEGMENTS / name) for (name,) in connection.execute("SELECT file FROM segments ORDER BY file").fetchall()]
