"""How does the one writer of a repository change its index?

Blobs and all that is derived from them are committed in batches that no branch lists yet. A switch changes the rows of one branch's
list in one short transaction; then what no branch lists is swept. The writer's lock belongs to its connection: when that is lost, the lock
is lost, and so is the way to write.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import numpy as np

from codetriever.store.embedded.batches import select_blobs
from codetriever.store.postgres import arrays
from codetriever.store.postgres.batch import Batch, paths_of
from codetriever.store.postgres.database import in_transaction, transaction, translated
from codetriever.store.postgres.generation import load_files
from codetriever.store.postgres.graph import build_graphs
from codetriever.store.postgres.merge import merge_segments
from codetriever.store.postgres.missing import embed_missing, sign_missing
from codetriever.store.postgres.queries import query
from codetriever.store.postgres.snapshot import encoded
from codetriever.types import FileTable, ViewInfo

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from uuid import UUID

    from numpy.typing import NDArray
    from psycopg import Connection

    from codetriever.types import AnalysedBlobs, StoredChunk, ViewKey

MOST_CHUNKS = 8192  # written at once: about a second's work for the database, and as many chunks as share posting lists
MANY_FILES = 1000  # a first list of so many makes the planner's statistics worth taking
_STATS = ("size_bytes", "mtime_ns", "ctime_ns", "inode")


class PostgresWriter:
    """Implements `Writer`; the caller holds the lock of the repository on this connection."""

    def __init__(
        self,
        connection: Connection[Any],
        *,
        tenant: UUID,
        repository: int,
        model: str,
        dimensions: int,
        features: str,
        memory_bytes: int,
        halfvec_type: int,
        worktree: Callable[[str], str],
    ) -> None:
        """`worktree` tells how a root is called in the database."""
        self._connection = connection
        self._tenant = tenant
        self._repository = repository
        self._scope = {"tenant": tenant, "repository": repository, "model": model, "features": features, "dimensions": dimensions}
        self._features = features
        self._memory_bytes = memory_bytes
        self._halfvec_type = halfvec_type
        self._worktree = worktree
        with transaction(connection, tenant):
            (row,) = self._rows("next_number")
        self._batch = Batch(row[0])

    def known(self, blobs: Sequence[tuple[bytes, str]]) -> Sequence[int]:
        """Return for each (digest, language) the number of the blob, or -1 when it has to be added."""
        numbers = np.full(len(blobs), -1, np.int64)
        if blobs:
            digests, languages = zip(*blobs, strict=True)
            with self._transaction():
                (row,) = self._rows("known_blobs", digests=arrays.byteas(digests), languages=arrays.texts(languages))
            if row[0] is not None:
                numbers[row[0] - 1] = row[1]
        waiting = self._batch.numbers
        return [waiting.get(blob, number) for blob, number in zip(blobs, numbers.tolist(), strict=True)]

    def add(self, batch: AnalysedBlobs) -> Sequence[int]:
        """Take analysed blobs and return their numbers; one that is there already keeps its number."""
        keys = [(digest.tobytes(), language) for digest, language in zip(batch.digests, batch.languages, strict=True)]
        numbers = dict(zip(keys, self.known(keys), strict=True))
        firsts = {key: position for position, key in reversed(list(enumerate(keys)))}
        new = np.array([numbers[key] < 0 and firsts[key] == position for position, key in enumerate(keys)], np.bool_)
        if new.any():
            added = self._batch.add(batch if new.all() else select_blobs(batch, new))
            numbers.update(zip((key for key, is_new in zip(keys, new, strict=True) if is_new), added.tolist(), strict=True))
            if self._batch.memory_bytes >= self._memory_bytes or self._batch.chunks >= MOST_CHUNKS:
                self.flush()
        return [numbers[key] for key in keys]

    def flush(self) -> None:
        """Make everything added durable."""
        batch = self._batch
        if not batch.blob_count:
            return
        in_transaction(self._connection, self._tenant, lambda: self._write(batch))
        self._batch = Batch(batch.next)

    def _write(self, batch: Batch) -> None:
        added = self._execute("add_blobs", segment=batch.first, **batch.blob_rows())
        if added != batch.blob_count:
            raise RuntimeError(f"{batch.blob_count - added} blobs were added by another writer")
        if batch.chunks:
            self._execute("add_segment", segment=batch.first, chunks=batch.chunks)
            self._execute("add_chunks", **batch.chunk_rows(self._tenant, self._repository, self._features))
            self._execute("add_postings", segment=batch.first, **batch.posting_rows())
            self._execute("add_symbols", **batch.symbol_rows())
            vectors = batch.vector_rows(self._halfvec_type)
            if vectors is not None:
                self._execute("add_vectors", **vectors)
                self._execute("add_signs", **vectors)
        self._execute("advance_number", number=batch.next)

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
        self.flush()
        with self._transaction():
            rows = self._rows("find_view_to_write", **self._names(key))
            view = self._previous_view(key)
            old = None if view is None else load_files(self._connection, self._scope | {"view": view})
            counts = self._count(files)
        generation, same = 0, False
        if rows:
            _, generation, old_head, features, indexed_at, *old_counts, old_listing = rows[0]
            same = features == self._features and old is not None and not len(changed_rows(old, files, with_stats=False))
            same = same and len(old.paths if old else ()) == len(files.paths)
            if same and old_head == head and bytes(old_listing) == listing and old is not None and np.array_equal(old.stats, files.stats):
                return ViewInfo(key, generation, head, indexed_at, time.time(), *old_counts)
        chunks, text_bytes, term_count = counts
        values = {
            "head": head,
            "generation": generation + (not same),
            "files": len(files.paths),
            "chunks": chunks,
            "text_bytes": text_bytes,
            "term_count": term_count,
            "listing": listing,
        }
        is_kept = bool(rows) and view == rows[0][0] and rows[0][3] == self._features

        def change() -> float:
            ((branch, indexed_at),) = self._rows("switch_view", **self._names(key), **values)
            self._list(branch, old if is_kept else None, files, path_terms)
            return float(indexed_at)

        now = in_transaction(self._connection, self._tenant, change)
        if not same:
            self.sweep()
            if len(files.paths) >= MANY_FILES and not is_kept:
                self._execute("take_statistics")
        return ViewInfo(key, generation + (not same), head, now, now, len(files.paths), chunks, text_bytes)

    def _count(self, files: FileTable) -> tuple[int, int, int]:
        """Return the chunks of a list, the bytes of its files, and the length of its chunks in terms."""
        blobs, times = np.unique(files.blobs[files.blobs >= 0], return_counts=True)
        ((found, chunks, text_bytes, terms),) = self._rows("count_listed", blobs=arrays.bigints(blobs), times=arrays.bigints(times))
        if found != len(blobs):
            raise ValueError("a listed blob was never added")
        return chunks, text_bytes, terms

    def _list(self, branch: int, old: FileTable | None, files: FileTable, path_terms: Callable[[str], Mapping[str, int]]) -> None:
        """Change the branch's rows from the old list, None when nothing is known of them, to the new one."""
        view = {"view": branch}
        if old is None:
            self._execute("drop_all_files", **view)
            rows = np.arange(len(files.paths))
        else:
            rows = changed_rows(old, files, with_stats=True)
            gone = sorted(set(old.paths) - set(files.paths))
            if gone:
                self._execute("drop_files", **view, paths=arrays.byteas(paths_of(gone)))
        if len(rows):
            self._execute("list_files", **view, **file_rows(files, rows, path_terms))

    def sweep(self) -> None:
        """Delete what no branch lists, and merge segments that are small or mostly dead."""
        in_transaction(self._connection, self._tenant, self._sweep)
        in_transaction(self._connection, self._tenant, lambda: merge_segments(self._connection, self._scope))

    def _sweep(self) -> None:
        swept = self._rows("sweep_blobs")
        if swept:
            blobs, segments, chunks = (np.array(column, np.int64) for column in zip(*swept, strict=True))
            of_blobs = {"blobs": arrays.bigints(blobs)}
            for name in ("sweep_chunks", "sweep_vectors", "sweep_signs", "sweep_symbols"):
                self._execute(name, **of_blobs)
            dead = np.bincount(np.unique(segments, return_inverse=True)[1], weights=chunks)
            self._execute("count_dead", segments=arrays.bigints(np.unique(segments)), dead=arrays.ints(dead))

    def compact(self) -> None:
        """Merge segments into as few as there can be, and make what large repositories are searched by."""
        self.flush()
        sign_missing(self._connection, self._scope)
        in_transaction(self._connection, self._tenant, lambda: merge_segments(self._connection, self._scope, whole=True))
        with translated():
            build_graphs(self._connection, self._scope)

    def previous(self, key: ViewKey) -> FileTable | None:
        """Return the view's current list; for a view that does not exist yet, that of the checkout's view switched last, else None."""
        with self._transaction():
            view = self._previous_view(key)
            return None if view is None else load_files(self._connection, self._scope | {"view": view})

    def listing(self, key: ViewKey) -> bytes:
        """Return what was kept beside the list that `previous` returns."""
        with self._transaction():
            view = self._previous_view(key)
            rows = [] if view is None else self._rows("load_listing", view=view)
            return bytes(rows[0][0]) if rows else b""

    def _previous_view(self, key: ViewKey) -> int | None:
        rows = self._rows("find_previous_view", **self._names(key))
        return rows[0][0] if rows else None

    def embed_missing(self, embed: Callable[[Sequence[StoredChunk]], NDArray[np.float32]]) -> int:
        """Embed, from stored content, the chunks that have no vectors of this store's model, and return how many."""
        self.flush()
        return embed_missing(self._connection, self._scope, embed, self._halfvec_type)

    def remove(self, keys: Sequence[ViewKey]) -> None:
        """Forget these views and sweep what only they listed."""
        self.flush()
        with self._transaction():
            for key in keys:
                for row in self._rows("find_view_to_write", **self._names(key)):
                    self._execute("drop_all_files", view=row[0])
                    self._execute("drop_view", view=row[0])
        self.sweep()

    def _names(self, key: ViewKey) -> dict[str, str]:
        return {"worktree": self._worktree(key.root), "branch": key.branch}

    def _transaction(self) -> Any:
        return transaction(self._connection, self._tenant)

    def _rows(self, name: str, **more: Any) -> list[tuple[Any, ...]]:
        with translated():
            return self._connection.execute(query(name), self._scope | more, binary=True).fetchall()

    def _execute(self, name: str, **more: Any) -> int:
        with translated():
            return self._connection.execute(query(name), self._scope | more, binary=True).rowcount


def changed_rows(old: FileTable, new: FileTable, *, with_stats: bool) -> NDArray[np.int64]:
    """Return the rows of the new list that the old one lacks or has otherwise, ascending."""
    places = {path: row for row, path in enumerate(old.paths)}
    before = np.fromiter((places.get(path, -1) for path in new.paths), np.int64, len(new.paths))
    known = np.flatnonzero(before >= 0)
    olds = before[known]
    same = np.ones(len(known), np.bool_)
    for name in ("blobs", "roles", "skips"):
        same &= getattr(old, name)[olds] == getattr(new, name)[known]
    same &= (old.digests[olds] == new.digests[known]).all(axis=1)
    same &= (_languages(old)[olds] == _languages(new)[known]) | (new.skips[known] > 0)  # what is not indexed has none
    if with_stats:
        same &= (old.stats[olds] == new.stats[known]).all(axis=1)
    is_same = np.zeros(len(new.paths), np.bool_)
    is_same[known[same]] = True
    return np.flatnonzero(~is_same)


def _languages(files: FileTable) -> NDArray[np.str_]:
    """Return the name of each file's language, which lists may number differently."""
    if not files.language_names:
        return np.full(len(files.languages), "", np.str_)
    return np.array(files.language_names, np.str_)[files.languages]


def file_rows(files: FileTable, rows: NDArray[np.int64], path_terms: Callable[[str], Mapping[str, int]]) -> dict[str, Any]:
    """Return the parameters of `list_files` for some rows of a list."""
    paths = [files.paths[row] for row in rows.tolist()]
    languages = _languages(files)[rows].tolist()
    return {
        "paths": arrays.byteas(paths_of(paths)),
        "blobs": arrays.bigints(files.blobs[rows]),
        "digests": arrays.digests(files.digests[rows]),
        "languages": arrays.texts(languages),
        "roles": arrays.smallints(files.roles[rows]),
        "skips": arrays.smallints(files.skips[rows]),
        **{name: arrays.bigints(files.stats[rows, column]) for column, name in enumerate(_STATS)},
        "path_terms": arrays.byteas([joined_terms(path_terms(path)) for path in paths]),
    }


def joined_terms(terms: Mapping[str, int]) -> bytes:
    """Return the words of a path, each followed by NUL, as often as it occurs."""
    return b"".join((encoded(term) + b"\0") * count for term, count in terms.items())
