"""What do the snapshots of one generation share? The list of files and the chunks' columns, loaded once, when they are first asked for.

A chunk is `blob number + position`: blobs are numbered so that these do not overlap in a repository. Ordinals are given to the visible
chunks alone, in the order of these numbers.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from codetriever.store.embedded.segment import chunk_keys
from codetriever.store.postgres.queries import query
from codetriever.store.postgres.scan import SignPlanes, load_signs
from codetriever.types import FileTable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray
    from psycopg import Connection

    from codetriever.types import ViewInfo

_NOTHING: tuple[NDArray[np.int32], NDArray[np.uint8]] = (np.empty(0, np.int32), np.empty(0, np.uint8))


@dataclass(frozen=True, slots=True)
class VisibleBlobs:
    """The blobs that a view lists, ascending, and where their chunks lie in the ordinal space."""

    numbers: NDArray[np.int64]  # (b,)
    firsts: NDArray[np.int64]  # (b + 1,) first ordinal of each, and the end
    keys: NDArray[np.uint64]  # (ordinals,)

    def ordinals(self, numbers: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the ordinals of chunks given by their numbers, -1 for those that the view does not see."""
        if not len(self.numbers):
            return np.full(len(numbers), -1, np.int64)
        blobs = np.maximum(np.searchsorted(self.numbers, numbers, side="right") - 1, 0)
        offsets = numbers - self.numbers[blobs]
        found: NDArray[np.int64] = self.firsts[blobs] + offsets
        found[(offsets < 0) | (found >= self.firsts[blobs + 1])] = -1
        return found

    def chunks(self, ordinals: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the blob and the position in it of each of these chunks."""
        blobs = np.searchsorted(self.firsts, ordinals, side="right") - 1
        return self.numbers[blobs], ordinals - self.firsts[blobs]


@dataclass(frozen=True, slots=True)
class ChunkTable:
    """The visible chunks' columns, by ordinal."""

    start_line: NDArray[np.uint32]
    end_line: NDArray[np.uint32]
    byte_start: NDArray[np.uint32]
    byte_end: NDArray[np.uint32]
    kinds: NDArray[np.uint8]
    lengths: NDArray[np.uint32]


class Generation:
    """One generation of one view. Whoever asks lends a connection on which it is the current one."""

    def __init__(self, scope: dict[str, Any], info: ViewInfo, total_length: int) -> None:
        """`scope` are the parameters that name the view in every query."""
        self.scope = scope
        self.info = info
        self.total_length = total_length
        self.kept: dict[str, Any] = {}
        self._files: FileTable | None = None
        self._blobs: VisibleBlobs | None = None
        self._chunks: ChunkTable | None = None
        self._file_slots: NDArray[np.int64] | None = None
        self._path_postings: dict[str, tuple[NDArray[np.int32], NDArray[np.uint8]]] | None = None
        self._first_files: NDArray[np.int32] | None = None
        self._signs: dict[str, SignPlanes] = {}

    def files(self, connection: Connection[Any]) -> FileTable:
        """Return the list of files."""
        if self._files is None:
            self._files = load_files(connection, self.scope)
        return self._files

    def blobs(self, connection: Connection[Any]) -> VisibleBlobs:
        """Return the listed blobs."""
        if self._blobs is None:
            numbers, counts, joined, languages = _row(connection, "load_blobs", self.scope)
            if numbers is None:
                self._blobs = VisibleBlobs(np.empty(0, np.int64), np.zeros(1, np.int64), np.empty(0, np.uint64))
            else:
                firsts = np.concatenate([np.zeros(1, np.int64), np.cumsum(counts, dtype=np.int64)])
                hashes = language_hashes(languages)
                digests = np.frombuffer(joined, np.uint8).reshape(-1, 32)
                self._blobs = VisibleBlobs(numbers, firsts, chunk_keys(digests, hashes, counts.astype(np.int64)))
        return self._blobs

    def chunks(self, connection: Connection[Any]) -> ChunkTable:
        """Return the chunks' columns."""
        if self._chunks is None:
            start_line, end_line, byte_start, byte_end, kinds, lengths = (
                np.empty(0, np.int32) if column is None else column for column in _row(connection, "load_chunks", self.scope)
            )
            self._chunks = ChunkTable(
                start_line=start_line.astype(np.uint32),
                end_line=end_line.astype(np.uint32),
                byte_start=byte_start.astype(np.uint32),
                byte_end=byte_end.astype(np.uint32),
                kinds=kinds.astype(np.uint8),
                lengths=lengths.astype(np.uint32),
            )
        return self._chunks

    def signs(self, connection: Connection[Any], model: str, dimensions: int) -> SignPlanes:
        """Return the signs of the vectors of a model."""
        if model not in self._signs:
            self._signs[model] = load_signs(connection, self.scope | {"model": model}, self.blobs(connection), dimensions)
        return self._signs[model]

    def file_slots(self, connection: Connection[Any]) -> NDArray[np.int64]:
        """Return the place of each file's blob among the listed ones, -1 for a skipped file."""
        if self._file_slots is None:
            blobs = self.files(connection).blobs
            slots = np.searchsorted(self.blobs(connection).numbers, blobs)
            self._file_slots = np.where(blobs >= 0, slots, -1)
        return self._file_slots

    def first_files(self, connection: Connection[Any], allowed: NDArray[np.bool_] | None) -> NDArray[np.int32]:
        """Return for each ordinal the first allowed file that has the chunk, else -1."""
        if allowed is None and self._first_files is not None:
            return self._first_files
        slots = self.file_slots(connection)
        files = np.flatnonzero(slots >= 0 if allowed is None else (slots >= 0) & allowed)[::-1]
        firsts = self.blobs(connection).firsts
        slot_files = np.full(len(firsts) - 1, -1, np.int32)
        slot_files[slots[files]] = files  # assigned from the last to the first: the first file stays
        found = np.repeat(slot_files, np.diff(firsts))
        if allowed is None:
            self._first_files = found
        return found

    def path_postings(self, connection: Connection[Any], term: str) -> tuple[NDArray[np.int32], NDArray[np.uint8]]:
        """Return the files whose path holds the term, ascending, and how often."""
        if self._path_postings is None:
            (joined,) = _row(connection, "load_path_terms", self.scope)
            self._path_postings = inverted(joined or ())
        return self._path_postings.get(term, _NOTHING)


def language_hashes(languages: Sequence[str]) -> NDArray[np.uint64]:
    """Return what stands for each language in the chunks' keys."""
    known = {language: zlib.crc32(language.encode()) for language in set(languages)}
    return np.fromiter((known[language] for language in languages), np.uint64, len(languages))


def load_files(connection: Connection[Any], scope: Mapping[str, Any]) -> FileTable:
    """Read a view's list."""
    paths, blobs, digests, languages, roles, skips, *stats = _row(connection, "load_files", scope)
    if paths is None:
        empty = np.empty(0, np.uint8)
        return FileTable(
            (), np.empty(0, np.int64), empty.reshape(0, 32), np.empty(0, np.uint16), empty, empty, np.empty((0, 4), np.int64), ()
        )
    names = tuple(sorted(set(languages) - {""}))
    codes = {name: code for code, name in enumerate(names)}
    return FileTable(
        paths=[path.decode("utf-8", "surrogateescape") for path in paths],
        blobs=blobs,
        digests=np.frombuffer(digests, np.uint8).reshape(-1, 32),
        languages=np.fromiter((codes.get(language, 0) for language in languages), np.uint16, len(languages)),
        roles=roles.astype(np.uint8),
        skips=skips.astype(np.uint8),
        stats=np.stack(stats, axis=1),
        language_names=names,
    )


def inverted(path_terms: Sequence[bytes]) -> dict[str, tuple[NDArray[np.int32], NDArray[np.uint8]]]:
    """Turn each file's path words, each followed by NUL, into files and counts by word."""
    found: dict[bytes, dict[int, int]] = {}
    for file, joined in enumerate(path_terms):
        for term in joined.split(b"\0")[:-1]:
            counts = found.setdefault(term, {})
            counts[file] = counts.get(file, 0) + 1
    return {
        term.decode("utf-8", "surrogatepass"): (
            np.fromiter(counts, np.int32, len(counts)),
            np.minimum(np.fromiter(counts.values(), np.int64, len(counts)), 255).astype(np.uint8),
        )
        for term, counts in found.items()
    }


def _row(connection: Connection[Any], name: str, scope: Mapping[str, Any]) -> Sequence[Any]:
    row: Sequence[Any] | None = connection.execute(query(name), scope, binary=True).fetchone()
    assert row is not None  # an aggregate always gives a row
    return row
