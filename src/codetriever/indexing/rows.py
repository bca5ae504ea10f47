"""Which rows will the view's next list of files have?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from codetriever.types import FileTable, Role, Skip, SkipReason

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

ROLE_CODES = {role: code for code, role in enumerate(Role)}
REASONS = tuple(SkipReason)
REASON_CODES = {reason: code for code, reason in enumerate(REASONS, start=1)}


class Rows:
    """The list of files under construction: one row per listed path, filled from the previous list and from what is read."""

    def __init__(self, paths: Sequence[str], previous: FileTable | None, kept: NDArray[np.int64]) -> None:
        """`kept` are `(n, 2)` pairs of a new position and the row of the previous list that still holds."""
        size = len(paths)
        self.paths = paths
        self.blobs = np.full(size, -1, np.int64)
        self.digests = np.zeros((size, 32), np.uint8)
        self.languages = np.zeros(size, np.uint16)
        self.roles = np.zeros(size, np.uint8)
        self.skips = np.zeros(size, np.uint8)
        self.stats = np.zeros((size, 4), np.int64)
        self._language_codes: dict[str, int] = {}
        self._vanished = np.zeros(size, np.bool_)
        self._details: dict[int, str] = {}
        if previous is not None:
            self._language_codes = {name: code for code, name in enumerate(previous.language_names)}
            new, old = kept[:, 0], kept[:, 1]
            for column in ("blobs", "digests", "languages", "roles", "skips", "stats"):
                getattr(self, column)[new] = getattr(previous, column)[old]

    def fill(self, row: int, digest: bytes, language: str, role: Role, stat: Sequence[int]) -> None:
        """Record what was read; its blob's number follows by `number`."""
        self.digests[row] = np.frombuffer(digest, np.uint8)
        self.languages[row] = self._language_codes.setdefault(language, len(self._language_codes))
        self.roles[row] = ROLE_CODES[role]
        self.stats[row] = stat

    def number(self, row: int, blob: int) -> None:
        """Record which blob the path lists."""
        self.blobs[row] = blob

    def skip(self, row: int, reason: SkipReason, detail: str, stat: Sequence[int] | None = None) -> None:
        """Record that the path is not indexed, and why."""
        self.blobs[row] = -1
        self.skips[row] = REASON_CODES[reason]
        self._details[row] = detail
        if stat is not None:
            self.stats[row] = stat

    def drop(self, row: int) -> None:
        """Leave out a path that vanished after it was listed."""
        self._vanished[row] = True

    def table(self) -> FileTable:
        """Return the finished list."""
        stay = np.flatnonzero(~self._vanished)
        whole = len(stay) == len(self.paths)
        names = sorted(self._language_codes, key=self._language_codes.__getitem__)
        return FileTable(
            paths=self.paths if whole else [self.paths[row] for row in stay.tolist()],
            blobs=self.blobs[stay],
            digests=self.digests[stay],
            languages=self.languages[stay],
            roles=self.roles[stay],
            skips=self.skips[stay],
            stats=self.stats[stay],
            language_names=tuple(names),
        )

    def skipped(self) -> list[Skip]:
        """Return the paths that are not indexed; the detail is known for those found out in this run."""
        rows = np.flatnonzero((self.skips > 0) & ~self._vanished).tolist()
        return [Skip(self.paths[row], REASONS[self.skips[row] - 1], self._details.get(row, "")) for row in rows]


def skipped_rows(table: FileTable | None) -> list[Skip]:
    """Return the paths of a finished list that are not indexed."""
    if table is None:
        return []
    return [Skip(table.paths[row], REASONS[table.skips[row] - 1]) for row in np.flatnonzero(table.skips).tolist()]
