"""Which of the changed files hold something the store has not seen?"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import numpy as np

from codetriever import metrics
from codetriever.corpus.classify import classify
from codetriever.corpus.read import Content, read_file
from codetriever.indexing.messages import RawBlob
from codetriever.indexing.rows import REASON_CODES
from codetriever.indexing.streaming import read_ahead
from codetriever.types import Skip, SkipReason

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from codetriever.indexing.messages import Failure
    from codetriever.indexing.plan import Wanted
    from codetriever.indexing.rows import Rows
    from codetriever.store.store import Writer
    from codetriever.types import AnalysedBlobs, FileTable, Role

BlobKey = tuple[bytes, str]  # digest, language
AS_BEFORE = "as before"  # the detail of a file that was not tried again


class Intake:
    """Reads files, asks the store which blobs it lacks, and keeps the rows of the list up to date as blobs get their numbers."""

    def __init__(self, root: Path, rows: Rows, writer: Writer, *, max_file_bytes: int, stats: NDArray[np.int64]) -> None:
        """`stats` are those of every listed path when it was listed, recorded for files that are skipped."""
        self._root = root
        self._rows = rows
        self._writer = writer
        self._max_file_bytes = max_file_bytes
        self._stats = stats
        self._waiting: dict[BlobKey, list[int]] = {}
        self._failed: dict[BlobKey, str] = {}
        self._taken: dict[BlobKey, int] = {}  # numbers given since the store was asked about the current group
        self.read = 0
        self.settled = 0
        self.analysed = 0
        self.is_whole = True  # False while the store takes a batch: interrupted there, it must not write what it has

    def expect_failures(self, previous: FileTable | None) -> None:
        """Take the previous list's word for what cannot be analysed: a file that kills the parser is not tried at every refresh."""
        if previous is not None:
            for row in np.flatnonzero(previous.skips == REASON_CODES[SkipReason.UNPARSABLE]).tolist():
                language = previous.language_names[previous.languages[row]]
                self._failed[previous.digests[row].tobytes(), language] = AS_BEFORE

    def new_blobs(self, wanted: Sequence[Wanted], must_stop: Callable[[], bool]) -> Iterator[RawBlob]:
        """Read files in order and yield each blob that has to be analysed, once; stop early when told to."""
        for group in read_ahead(wanted, self._read, size=_size):
            self.read += len(group)
            found: list[tuple[Wanted, Content, str, Role]] = []
            for file, content in group:
                if isinstance(content, Content):
                    found.append((file, content, *classified(content)))
                else:
                    self._skip(file, content)
            self._taken.clear()
            numbers = self._known([(content.digest, language) for _, content, language, _ in found])
            for (file, content, language, role), number in zip(found, numbers, strict=True):
                self._rows.fill(file.row, content.digest, language, role, content.stats)
                if self._must_analyse(file.row, (content.digest, language), number):
                    yield RawBlob(content.digest, language, content.data, file.path)
            if must_stop():
                return

    def take(self, blobs: AnalysedBlobs, failures: Sequence[Failure]) -> None:
        """Hand a batch to the store; give the rows that wait for its blobs their numbers, and those of failed blobs their reason."""
        for digest, language, number in zip(blobs.digests, blobs.languages, self._add(blobs), strict=True):
            taken = (digest.tobytes(), language)
            self._taken[taken] = number
            for row in self._waiting.pop(taken):
                self._number(row, number)
        for failure in failures:
            key = (failure.digest, failure.language)
            self._failed[key] = failure.detail
            for row in self._waiting.pop(key):
                self._give_up(row, failure.detail)
        self.analysed += len(blobs.languages)

    def _add(self, blobs: AnalysedBlobs) -> Sequence[int]:
        if not blobs.languages:
            return ()
        self.is_whole = False
        with metrics.timed("store_add_ms"):
            numbers = self._writer.add(blobs)
        self.is_whole = True
        return numbers

    def _read(self, file: Wanted) -> tuple[Wanted, Content | Skip]:
        return file, read_file(self._root, file.path, max_bytes=self._max_file_bytes)

    def _known(self, keys: list[BlobKey]) -> Sequence[int]:
        with metrics.timed("store_known_ms"):
            return self._writer.known(keys)

    def _skip(self, file: Wanted, skip: Skip) -> None:
        """Record why a file is not indexed; one that has gone since it was listed is left out of the list."""
        self.settled += 1
        if skip.reason is SkipReason.UNREADABLE and not os.path.lexists(self._root / file.path):
            self._rows.drop(file.row)
        else:
            self._rows.skip(file.row, skip.reason, skip.detail, self._stats[file.row])

    def _must_analyse(self, row: int, key: BlobKey, number: int) -> bool:
        number = self._taken.get(key, number)
        if number >= 0:
            self._number(row, number)
        elif key in self._failed:
            self._give_up(row, self._failed[key])
        elif key in self._waiting:
            self._waiting[key].append(row)
        else:
            self._waiting[key] = [row]
            return True
        return False

    def _number(self, row: int, number: int) -> None:
        self._rows.number(row, number)
        self.settled += 1

    def _give_up(self, row: int, detail: str) -> None:
        self._rows.skip(row, SkipReason.UNPARSABLE, detail)
        self.settled += 1


def _size(file: Wanted) -> int:
    return file.size_bytes


def classified(content: Content) -> tuple[str, Role]:
    """Return a file's language and role, and count what was read."""
    metrics.count("files_read_total")
    metrics.count("bytes_read_total", len(content.data))
    start = time.perf_counter()
    found = classify(content.path, content.data)
    metrics.observe("classify_us", (time.perf_counter() - start) * 1e6)
    return found.language, found.role
