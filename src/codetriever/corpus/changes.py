"""Which files changed since they were read? By size, times and inode; whatever could lie is read again."""

from __future__ import annotations

import errno
import os
import stat as mode_of
from array import array
from typing import TYPE_CHECKING

import numpy as np

from codetriever.corpus.listing import RACY_NS
from codetriever.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from codetriever.corpus.git import Checkout
    from codetriever.corpus.listing import Listing
    from codetriever.types import FileTable

Stats = tuple[int, int, int, int]
"""Size in bytes, mtime, ctime (nanoseconds), inode; zeros when they cannot be trusted."""

UNKNOWN: Stats = (0, 0, 0, 0)
_POSITIVE = 0x7FFF_FFFF_FFFF_FFFF


@dataclass(frozen=True, slots=True)
class Changes:
    """What a listing means for the files known before.

    `unchanged` holds (position in the listing, row of the previous table) pairs, ascending; `to_read` the paths to be read, in
    the listing's order; `removed` counts rows whose path is gone. `stats` has a row per listed path as found now: zeros when it
    vanished or is a folder (those are in neither), and when it cannot be looked at (those are in `to_read`).
    """

    unchanged: NDArray[np.int64]  # (k, 2)
    to_read: list[str]
    removed: int
    stats: NDArray[np.int64]  # (n, 4)


def detect(checkout: Checkout, listing: Listing, previous: FileTable | None) -> Changes:
    """Compare the listed files with the table made of them before; one `stat` per file, links followed."""
    stats, blocked = _stat_all(os.path.join(checkout.root, ""), listing.paths)  # noqa: PTH118 (ends in a separator)
    present: NDArray[np.bool_] = np.any(stats, axis=1)
    present[blocked] = True
    rows = _previous_rows(listing.paths, previous)
    known = rows >= 0
    same = known & present
    if previous is not None and len(previous.paths):
        before = np.asarray(previous.stats)[np.maximum(rows, 0)]
        same &= (stats == before).all(axis=1) & before.any(axis=1)
    unchanged = np.flatnonzero(same)
    to_read = np.flatnonzero(present & ~same)
    return Changes(
        unchanged=np.stack([unchanged, rows[unchanged]], axis=1),
        to_read=[listing.paths[at] for at in to_read.tolist()],
        removed=(0 if previous is None else len(previous.paths)) - int((known & present).sum()),
        stats=stats,
    )


def settle(stats: NDArray[np.int64], now_ns: int) -> NDArray[np.int64]:
    """Return the stats to record for files read after `now_ns`: zero rows where a later edit might leave them as they are.

    `now_ns` is nanoseconds since the epoch, taken before the stats were. The method is git's (racy-git): what changed so shortly
    before that the clock of the file system may not have moved on cannot be told from what changes next.
    """
    racy = stats[:, 1:3].max(axis=1, initial=0) >= now_ns - RACY_NS
    return np.where(racy[:, None], 0, stats)


def stats_of(status: os.stat_result) -> Stats:
    """Return the four numbers by which a file is recognised."""
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino & _POSITIVE


def _stat_all(prefix: str, paths: Sequence[str]) -> tuple[NDArray[np.int64], list[int]]:
    """Stat every path; return the rows, and the positions of those that are there but cannot be looked at."""
    numbers = array("q")
    blocked = []
    look, extend, is_folder = os.stat, numbers.extend, mode_of.S_ISDIR
    for at, path in enumerate(paths):
        try:
            status = look(prefix + path)
        except (FileNotFoundError, NotADirectoryError):
            extend(UNKNOWN)
            continue
        except (OSError, ValueError) as error:
            if getattr(error, "errno", 0) == errno.ELOOP:  # a link that leads to itself is known by its own stats
                extend(stats_of(os.lstat(prefix + path)))
                continue
            extend(UNKNOWN)
            blocked.append(at)
            continue
        if is_folder(status.st_mode) and not os.path.islink(prefix + path):  # noqa: PTH114
            extend(UNKNOWN)
        else:
            extend((status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino & _POSITIVE))
    return np.frombuffer(numbers, np.int64).reshape(-1, 4) if numbers else np.zeros((0, 4), np.int64), blocked


def _previous_rows(paths: Sequence[str], previous: FileTable | None) -> NDArray[np.int64]:
    """Return each path's row in the previous table, -1 for a new one."""
    if previous is None:
        return np.full(len(paths), -1, np.int64)
    if len(paths) == len(previous.paths) and list(paths) == list(previous.paths):
        return np.arange(len(paths), dtype=np.int64)
    rows = {path: row for row, path in enumerate(previous.paths)}
    return np.fromiter((rows.get(path, -1) for path in paths), np.int64, len(paths))
