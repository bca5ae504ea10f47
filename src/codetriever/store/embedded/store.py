"""How is a repository's index opened, read and written?"""

from __future__ import annotations

import os
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from codetriever.errors import StoreLocked, StoreNotWritable, ViewNotFound
from codetriever.store.embedded.catalog import (
    SEGMENTS,
    USED,
    VECTORS,
    VIEWS,
    close_after_writing,
    from_column,
    open_for_writing,
    row_key,
    translated,
)
from codetriever.store.embedded.readers import Readers
from codetriever.store.embedded.sections import damaged
from codetriever.store.embedded.segment import Segment
from codetriever.store.embedded.snapshot import EmbeddedSnapshot, Generation
from codetriever.store.embedded.used import mark_used, model_mark, used_at
from codetriever.store.embedded.vectors import VectorFile
from codetriever.store.embedded.views import ViewFile
from codetriever.store.format import FEATURES
from codetriever.system import PRIVATE_FILE, folder_bytes, is_at, make_private_folder, try_lock
from codetriever.types import ViewInfo, ViewKey

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from codetriever.store.embedded.writer import EmbeddedWriter

DEFAULT_MEMORY_BYTES = 64 << 20
_LOCK = "writer.lock"
_LOCK_POLL_S = 0.05
_USED_EVERY_S = 60.0
_OPEN_ATTEMPTS = 20
_KEPT_GENERATIONS = 4

_INFO = "SELECT root, branch, generation, head, indexed_at, files, chunks, text_bytes, view, file, total_length FROM views"
_ONE = " WHERE root = ? AND branch = ? AND features = ?"
_STATE = "SELECT file, (SELECT value FROM meta WHERE name = 'epoch'), view FROM views" + _ONE
_COMPLETE = (
    "SELECT EXISTS (SELECT 1 FROM views WHERE root = ? AND branch = ? AND features = ?), EXISTS (SELECT 1 FROM segments"
    " LEFT JOIN vectors ON segment = segments.file AND model = ? WHERE missing IS NULL OR missing > 0)"
)
_SEGMENTS = (
    "SELECT segments.file, vectors.file FROM segments LEFT JOIN vectors ON segment = segments.file AND model = ? ORDER BY segments.file"
)


def open_store(
    folder: Path,
    *,
    model: str,
    dimensions: int,
    read_only: bool = False,
    features: str = FEATURES,
    identity: str = "",
    memory_bytes: int = DEFAULT_MEMORY_BYTES,
) -> EmbeddedStore:
    """Open the index in `folder`, which need not exist yet; nothing is made before a writer is asked for.

    `features` names the versions of what derives chunks and terms from bytes: blobs and views made by others are as if they were
    not there, until they are replaced and swept. `memory_bytes` bounds what a writer buffers. `identity` is kept for listing.
    """
    return EmbeddedStore(
        folder,
        model=model,
        dimensions=dimensions,
        read_only=read_only,
        features=features,
        identity=identity,
        memory_bytes=memory_bytes,
    )


class EmbeddedStore:
    """Implements `Store` in one folder. It may be used by several threads; close it to let go of the files."""

    def __init__(
        self, folder: Path, *, model: str, dimensions: int, read_only: bool, features: str, identity: str, memory_bytes: int
    ) -> None:
        self.folder = folder
        self.model = model
        self._dimensions = dimensions
        self._read_only = read_only
        self._features = features
        self._identity = identity
        self._memory_bytes = memory_bytes
        self._readers = Readers(folder)
        self._generations: dict[tuple[str, int, int], Generation] = {}
        self._loading = threading.Lock()
        self._touched: dict[int, float] = {}

    def __enter__(self) -> EmbeddedStore:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close idle connections and forget mapped files."""
        self._readers.close()
        self._generations.clear()

    @property
    def place(self) -> str:
        """Where the index is kept, for people."""
        return str(self.folder)

    def views(self) -> Sequence[ViewInfo]:
        """Return what is indexed, most recently used first."""
        with translated(self.folder), self._readers.connection() as connection:
            rows = [] if connection is None else connection.execute(_INFO).fetchall()
        return sorted((self._info(row) for row in rows), key=lambda info: -info.used_at)

    def _info(self, row: tuple[str, str, int, str, float, int, int, int, int]) -> ViewInfo:
        root, branch, generation, head, indexed_at, files, chunks, text_bytes, view, *_ = row
        last = used_at(self.folder, str(view)) or indexed_at
        return ViewInfo(
            ViewKey(from_column(root), from_column(branch)), generation, head, indexed_at, max(last, indexed_at), files, chunks, text_bytes
        )

    def generation(self, key: ViewKey) -> int:
        """Return the view's current generation, 0 when there is none."""
        with translated(self.folder), self._readers.connection() as connection:
            if connection is None:
                return 0
            row = connection.execute("SELECT generation FROM views" + _ONE, (*row_key(key), self._features)).fetchone()
            return row[0] if row else 0

    def size_bytes(self) -> int:
        """Return what the index takes on disk."""
        return folder_bytes(self.folder)

    def is_complete(self, key: ViewKey) -> bool:
        """Say whether the view was made by the store's versions of analysis, and every stored chunk has a vector of its model."""
        with translated(self.folder), self._readers.connection() as connection:
            if connection is None:
                return False
            row = connection.execute(_COMPLETE, (*row_key(key), self._features, self.model)).fetchone()
            return bool(row[0] and not row[1])

    @contextmanager
    def snapshot(self, key: ViewKey) -> Iterator[EmbeddedSnapshot]:
        """Open the view's current generation; raises `ViewNotFound`."""
        with self._readers.connection() as connection:
            if connection is None:
                raise _view_not_found(key)
            with translated(self.folder):
                generation = self._open_generation(connection, key)
            try:
                yield EmbeddedSnapshot(generation, connection, folder=self.folder, model=self.model)
            except (IndexError, ValueError):
                generation.verify()  # a number that fits nowhere may come from a damaged file, which is then the error to report
                raise

    def _open_generation(self, connection: sqlite3.Connection, key: ViewKey) -> Generation:
        """Begin a read transaction and open the files it names; starts over when they were swept in between."""
        for _ in range(_OPEN_ATTEMPTS):
            connection.execute("BEGIN")
            state = connection.execute(_STATE, (*row_key(key), self._features)).fetchone()
            if state is None:
                raise self._not_visible(connection, key)
            self._touch(state[2])
            try:
                with self._loading:
                    return self._known_generation(connection, key, state)
            except FileNotFoundError as error:
                missing = error.filename
                connection.execute("ROLLBACK")
        raise damaged(missing, "it is missing")

    def _known_generation(self, connection: sqlite3.Connection, key: ViewKey, state: tuple[str, int, int]) -> Generation:
        generation = self._generations.get(state)
        if generation is None:
            generation = self._generations[state] = self._load_generation(connection, key)
            while len(self._generations) > _KEPT_GENERATIONS:
                self._generations.pop(next(iter(self._generations)))
        return generation

    def _not_visible(self, connection: sqlite3.Connection, key: ViewKey) -> ViewNotFound:
        """Return the error for a view without a generation that this version can read; another version may have made one."""
        row = connection.execute("SELECT features FROM views WHERE root = ? AND branch = ?", row_key(key)).fetchone()
        if row is None:
            return _view_not_found(key)
        return ViewNotFound(
            f"{key.root} was indexed by another version of Codetriever (its analysis is {row[0]}, here it is {self._features}).",
            hint=f"Run: codetriever index {key.root}. A program that was running during the upgrade has to be started anew.",
        )

    def _load_generation(self, connection: sqlite3.Connection, key: ViewKey) -> Generation:
        row = connection.execute(_INFO + _ONE, (*row_key(key), self._features)).fetchone()
        names = connection.execute(_SEGMENTS, (self.model,)).fetchall()
        segments = [Segment(self.folder / SEGMENTS / name) for name, _ in names]
        vectors = [
            None if name is None else VectorFile(self.folder / VECTORS / name, segment.chunks)
            for segment, (_, name) in zip(segments, names, strict=True)
        ]
        return Generation(
            ViewFile(self.folder / VIEWS / row[9]),
            segments,
            vectors,
            info=self._info(row),
            total_length=row[10],
            dimensions=self._dimensions,
        )

    def _touch(self, view: int) -> None:
        """Note that the view was used, if the folder can be written."""
        if self._read_only:
            return
        now = time.monotonic()
        if now - self._touched.get(view, -_USED_EVERY_S) < _USED_EVERY_S:
            return
        self._touched[view] = now
        mark_used(self.folder, str(view))
        mark_used(self.folder, model_mark(self.model))

    def verify(self) -> None:
        """Read the whole index and compare checksums; raises `StoreDamaged`."""
        from codetriever.store.embedded.verify import verify_store

        with self._readers.connection() as connection, translated(self.folder):
            if connection is not None:
                verify_store(self.folder, connection)

    @contextmanager
    def writer(self, *, wait_s: float = 30.0) -> Iterator[EmbeddedWriter]:
        """Become the writer; raises `StoreLocked` after `wait_s` seconds."""
        from codetriever.store.embedded.sweep import sweep_files
        from codetriever.store.embedded.writer import EmbeddedWriter

        if self._read_only:
            raise StoreNotWritable(f"The index in {self.folder} was opened for reading.")
        with writer_lock(self.folder, wait_s):
            with translated(self.folder):
                for name in (SEGMENTS, VECTORS, VIEWS, USED):
                    make_private_folder(self.folder / name)
                connection = open_for_writing(self.folder, self._identity)
                sweep_files(self.folder, connection)
            writer = EmbeddedWriter(
                self.folder,
                connection,
                model=self.model,
                dimensions=self._dimensions,
                features=self._features,
                memory_bytes=self._memory_bytes,
            )
            try:
                yield writer
                writer.flush()
            finally:
                with translated(self.folder):
                    writer.close()
                    close_after_writing(connection, self.folder)

    def remove(self, keys: Iterable[ViewKey]) -> None:
        """Forget these views and sweep what only they listed."""
        with self.writer() as writer:
            writer.remove(tuple(keys))


@contextmanager
def writer_lock(folder: Path, wait_s: float) -> Iterator[None]:
    """Hold the lock of an index, whose folder is made when it is missing; raises `StoreLocked` with the holder's process number."""
    deadline = time.monotonic() + wait_s
    path = folder / _LOCK
    while True:
        with translated(folder):
            make_private_folder(folder)
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT, PRIVATE_FILE)
        try:
            if try_lock(descriptor):
                if is_at(descriptor, path):
                    with translated(folder):
                        os.ftruncate(descriptor, 0)
                        os.write(descriptor, f"{os.getpid()}\n".encode())
                    yield
                    return
            elif time.monotonic() >= deadline:
                holder = os.read(descriptor, 32).decode("ascii", "replace").strip()
                raise StoreLocked(f"The index in {folder} is being written by process {holder}.", hint="Wait for it, or stop it.")
            else:
                time.sleep(_LOCK_POLL_S)
        finally:
            os.close(descriptor)


def _view_not_found(key: ViewKey) -> ViewNotFound:
    branch = f" (branch {key.branch})" if key.branch else ""
    return ViewNotFound(f"{key.root}{branch} is not indexed.", hint=f"Run: codetriever index {key.root}")
