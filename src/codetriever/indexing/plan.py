"""What has to be done to get from the previous list of files to the files as they are?"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np

from codetriever.corpus.changes import detect, settle
from codetriever.corpus.listing import listing_from_bytes
from codetriever.corpus.walk import list_files
from codetriever.indexing.rows import REASON_CODES
from codetriever.types import SkipReason
from codetriever.values import dataclass

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from codetriever.corpus.git import Checkout
    from codetriever.corpus.listing import Listing
    from codetriever.types import FileTable


_FAILURES = [code for reason, code in REASON_CODES.items() if reason.is_failure]


@dataclass(frozen=True, slots=True)
class Wanted:
    """A file to read: its row in the list, its path, and its size in bytes when it was listed."""

    row: int
    path: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Plan:
    """The files as they are listed now, against the previous list."""

    listing: Listing
    listing_is_new: bool  # it is not the one that was kept beside the previous list
    previous: FileTable | None
    kept: NDArray[np.int64]  # (n, 2) new position, row of the previous list that still holds
    wanted: list[Wanted]
    vanished: list[int]  # listed, but not there: git lists tracked files that were deleted
    removed: int
    stats: NDArray[np.int64]  # (n, 4) to be recorded for files that are skipped

    @property
    def is_empty(self) -> bool:
        """True when no file was added, changed or removed."""
        return not self.wanted and not self.removed

    @property
    def wanted_bytes(self) -> int:
        """The size of all files to read."""
        return sum(file.size_bytes for file in self.wanted)


def make_plan(
    checkout: Checkout,
    previous: FileTable | None,
    listing_bytes: bytes,
    *,
    hidden: bool,
    no_ignore: bool,
    max_file_bytes: int,
    retry_failures: bool = False,
) -> Plan:
    """List the files, and compare them with the previous list; `listing_bytes` is what was kept beside that one."""
    known = listing_from_bytes(listing_bytes)
    listing = list_files(checkout, hidden=hidden, no_ignore=no_ignore, previous=known)
    found_ns = time.time_ns()
    changes = detect(checkout, listing, previous)
    kept = changes.unchanged
    if previous is not None:
        kept = kept[_limit_agrees(previous, kept[:, 1], max_file_bytes)]
        if retry_failures:
            kept = kept[~np.isin(previous.skips[kept[:, 1]], _FAILURES)]
    is_kept = np.zeros(len(listing.paths), np.bool_)
    is_kept[kept[:, 0]] = True
    to_read = set(changes.to_read)
    to_read.update(listing.paths[row] for row in changes.unchanged[:, 0][~is_kept[changes.unchanged[:, 0]]].tolist())
    rest = [(row, listing.paths[row]) for row in np.flatnonzero(~is_kept).tolist()]
    sizes = changes.stats[:, 0].tolist()
    return Plan(
        listing=listing,
        listing_is_new=listing is not known,
        previous=previous,
        kept=kept,
        wanted=[Wanted(row, path, sizes[row]) for row, path in rest if path in to_read],
        vanished=[row for row, path in rest if path not in to_read],
        removed=changes.removed,
        stats=settle(changes.stats, found_ns),
    )


def _limit_agrees(previous: FileTable, rows: NDArray[np.int64], max_file_bytes: int) -> NDArray[np.bool_]:
    """Say for each row whether the limit on a file's size, which may have changed since, still treats it as it did."""
    too_large = previous.stats[rows, 0] > max_file_bytes
    was_too_large = previous.skips[rows] == REASON_CODES[SkipReason.TOO_LARGE]
    was_read = previous.skips[rows] == 0
    agrees: NDArray[np.bool_] = ~((was_too_large & ~too_large) | (was_read & too_large))
    return agrees
