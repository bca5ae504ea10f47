"""The store seam: where is the index kept, and what can one rely on?

**What is kept.** A *blob* (a file's bytes, named by SHA-256 and language) with its content, chunks, terms, vectors and
definitions, once per repository, however many paths, branches and worktrees list it. A *view* is a list path -> blob, one per
branch of a checkout. A *generation* is one state of one view, numbered from 1.

**What is durable, and when.** `Writer.add` takes analysed blobs; they become durable at the latest at `Writer.flush` or
`Writer.switch`, and are then found by `Writer.known` in later runs, but no search sees them. `Writer.switch` makes one list of
files visible in a single transaction: before it returns searches see the old generation, afterwards the new one, and never a
mixture. What no view lists is swept after the switch.

**Who waits for whom.** One writer per repository: a second one waits, then raises `StoreLocked`. Readers wait for nobody and
block nobody. A `Snapshot` answers from the generation it was opened on for as long as it is open, whatever writers do.

**What breaks.** A process that dies at any moment leaves the last switched generation. A file that is not what was written raises
`StoreDamaged`; a store of a newer format raises `StoreFormatUnsupported`. Nothing is half-read.

**Numbers.** Within a snapshot chunks have *ordinals* in `0..ordinals-1` and files have the positions of their rows in `files`.
Some ordinals may belong to no file of the view; nothing that a snapshot returns contains them. The chunks of one blob have
consecutive ordinals in byte order. Ordinals mean nothing outside their snapshot, so nothing may be ordered by them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from codetriever.types import AnalysedBlobs, ChunkColumns, DefinitionColumns, FileTable, StoredChunk, ViewInfo, ViewKey

    Ordinals = NDArray[np.int64]


class Snapshot(Protocol):
    """One generation of one view, as columns. Every array is read-only."""

    @property
    def info(self) -> ViewInfo:
        """Which generation of which view this is."""
        ...

    @property
    def files(self) -> FileTable:
        """The view's list of files."""
        ...

    @property
    def listing(self) -> bytes:
        """What the writer of the list kept beside it."""
        ...

    @property
    def model(self) -> str:
        """The model whose vectors are read."""
        ...

    @property
    def ordinals(self) -> int:
        """Size of the ordinal space."""
        ...

    @property
    def chunk_count(self) -> int:
        """Chunks of the view; one under two paths counts once."""
        ...

    @property
    def total_length(self) -> int:
        """Sum of the chunks' lengths, in terms."""
        ...

    @property
    def kept(self) -> dict[str, Any]:
        """Room for what those who ask derive from this generation and would derive again; its snapshots, of all threads, share it."""
        ...

    @property
    def lengths(self) -> NDArray[np.uint32]:
        """Terms of each chunk: `(ordinals,)`."""
        ...

    @property
    def keys(self) -> NDArray[np.uint64]:
        """Made of the blob's digest and the chunk's position: a tie-break that survives any history, `(ordinals,)`."""
        ...

    @property
    def file_first(self) -> NDArray[np.int64]:
        """First ordinal of each file's chunks, -1 for a skipped file: `(files,)`."""
        ...

    @property
    def file_chunks(self) -> NDArray[np.int32]:
        """How many chunks each file has: `(files,)`."""
        ...

    def chunk_files(self, allowed: NDArray[np.bool_] | None = None) -> NDArray[np.int32]:
        """For each ordinal the first file (by path) that has the chunk and is allowed, else -1: `(ordinals,)`.

        `allowed` is a mask over `files`; without it every file of the view is allowed.
        """
        ...

    def same_blob(self, file: int) -> Sequence[int]:
        """Return every file of the view with the same blob, itself included, by path."""
        ...

    def postings(self, term: str) -> tuple[Ordinals, NDArray[np.uint8]]:
        """Return the chunks of the view that hold the term, ascending ordinals, and how often each does (at most 255)."""
        ...

    def terms_containing(self, part: str, limit: int) -> Sequence[str]:
        """Return up to `limit` terms of the stored vocabulary that hold `part` anywhere; some may have no posting in this view."""
        ...

    def path_postings(self, term: str) -> tuple[NDArray[np.int32], NDArray[np.uint8]]:
        """Return the files whose path holds the term, ascending, and how often."""
        ...

    def nearest(
        self, query: NDArray[np.float32], limit: int, allowed: NDArray[np.bool_] | None = None
    ) -> tuple[Ordinals, NDArray[np.float32]]:
        """Return the chunks of allowed files nearest to the unit vector `(dim,)`, best first, with cosines.

        Among equals at the end of the list the smaller key wins. It may be approximate; `cosines` is exact up to the stored precision.
        """
        ...

    def cosines(self, query: NDArray[np.float32], ordinals: Ordinals) -> NDArray[np.float32]:
        """Return the cosine of each of these chunks to the unit vector."""
        ...

    def vectors(self, ordinals: Ordinals) -> NDArray[np.float32]:
        """Return the stored vectors, `(n, dim)`."""
        ...

    def defined(self, name: str) -> DefinitionColumns:
        """Return the view's definitions whose simple name equals `name`, compared with case folded; `chunks` are ordinals."""
        ...

    def definitions(self, file: int) -> DefinitionColumns:
        """Return a file's definitions in byte order; `chunks` are ordinals."""
        ...

    def chunks(self, ordinals: Ordinals) -> ChunkColumns:
        """Return these chunks' columns, in the order asked."""
        ...

    def content(self, file: int) -> bytes:
        """Return the file's original bytes as this generation has them."""
        ...

    def encoding(self, file: int) -> str:
        """Return the codec that decodes the file's bytes."""
        ...


class Writer(Protocol):
    """The one writer of a repository, for as long as it is open."""

    def known(self, blobs: Sequence[tuple[bytes, str]]) -> Sequence[int]:
        """Return for each (digest, language) the number of the blob, or -1 when it has to be added."""
        ...

    def add(self, batch: AnalysedBlobs) -> Sequence[int]:
        """Take analysed blobs and return their numbers; one that is there already keeps its number.

        They are not visible, and perhaps not yet durable.
        """
        ...

    def flush(self) -> None:
        """Make everything added durable."""
        ...

    def switch(
        self, key: ViewKey, files: FileTable, *, head: str = "", path_terms: Callable[[str], Mapping[str, int]], listing: bytes = b""
    ) -> ViewInfo:
        """Make `files` the view's list in one transaction and return its new generation; then sweep.

        `path_terms` returns the term counts of a path; it is asked about paths that the current list lacks. `listing` is kept beside the
        list for whoever writes the next one. When nothing but `stats` differs from the current list the generation keeps its number. A
        listed blob that was never added is a `ValueError`.
        """
        ...

    def previous(self, key: ViewKey) -> FileTable | None:
        """Return the view's current list; for a view that does not exist yet, that of the checkout's view switched last, else None."""
        ...

    def listing(self, key: ViewKey) -> bytes:
        """Return what was kept beside the list that `previous` returns; empty when there is none."""
        ...

    def embed_missing(self, embed: Callable[[Sequence[StoredChunk]], NDArray[np.float32]]) -> int:
        """Embed, from stored content, the chunks that have no vectors of this store's model, and return how many.

        No file is read or parsed again.
        """
        ...

    def sweep(self) -> None:
        """Delete what no view lists, which every switch does already, and what interrupted writers left that will not be gone on with."""
        ...

    def compact(self) -> None:
        """Merge what is searched into as few pieces as there can be, and give back room; answers stay as they are."""
        ...


class Store(Protocol):
    """One repository's index, opened with the name of the model whose vectors are wanted."""

    @property
    def folder(self) -> Path | None:
        """Where its writer may leave a note for the next one on this machine; None where there is no such place."""
        ...

    @property
    def place(self) -> str:
        """Where the index is kept, for people."""
        ...

    def size_bytes(self) -> int:
        """Return about what the index takes where it is kept."""
        ...

    def close(self) -> None:
        """Let go of files, connections and memory; what is asked afterwards opens them again."""
        ...

    def views(self) -> Sequence[ViewInfo]:
        """Return what is indexed, most recently used first."""
        ...

    def snapshot(self, key: ViewKey) -> AbstractContextManager[Snapshot]:
        """Open the view's current generation; raises `ViewNotFound`."""
        ...

    def generation(self, key: ViewKey) -> int:
        """Return the view's current generation, 0 when there is none. Costs microseconds: asked before every search."""
        ...

    def is_complete(self, key: ViewKey) -> bool:
        """Say whether the view was made by the store's versions of analysis, and every stored chunk has a vector of its model."""
        ...

    def writer(self, *, wait_s: float = 30.0) -> AbstractContextManager[Writer]:
        """Become the writer; raises `StoreLocked` after `wait_s` seconds."""
        ...

    def remove(self, keys: Iterable[ViewKey]) -> None:
        """Forget these views and sweep what only they listed."""
        ...
