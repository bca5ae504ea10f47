"""Which file, line or chunk does a text like `src/app.py:12` name?"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from codetriever.errors import PathNotFound
from codetriever.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Sequence

    from codetriever.search.search import Source
    from codetriever.store.store import Snapshot

_FILE_LINE = re.compile(r"(?P<path>[^\n]+?):(?P<line>\d{1,9})(?:-\d{1,9})?(?::\d{1,9})?")


@dataclass(frozen=True, slots=True)
class Place:
    """A line of an indexed file."""

    source: int
    file: int
    line: int


def split_place(text: str) -> tuple[str, int] | None:
    """Return path and line of `path:line`, `path:line:column` or `path:line-line`, or None when the text is nothing of the kind."""
    found = _FILE_LINE.fullmatch(text.rstrip())
    return (found["path"], int(found["line"])) if found else None


def find_file(sources: Sequence[Source], path: str) -> tuple[int, int]:
    """Return (source, file) of a path relative to the repository's root; raises `PathNotFound`."""
    for number, source in enumerate(sources):
        file = position(source.snapshot, path)
        if file >= 0:
            return number, file
    raise PathNotFound(f"{path} is not in the index.", hint=f"`codetriever explain-path {path}` says why.")


def position(snapshot: Snapshot, path: str) -> int:
    """Return the row of an indexed file, or -1. Paths are sorted by their bytes."""
    paths = snapshot.files.paths
    try:
        sought = path.encode(errors="surrogateescape")
    except UnicodeEncodeError:
        return -1
    low, high = 0, len(paths)
    while low < high:
        middle = (low + high) // 2
        if paths[middle].encode(errors="surrogateescape") < sought:
            low = middle + 1
        else:
            high = middle
    return low if low < len(paths) and paths[low] == path and snapshot.file_first[low] >= 0 else -1


def chunk_at(snapshot: Snapshot, file: int, line: int) -> int:
    """Return the ordinal of the chunk that holds a line, or of the nearest one; -1 when the file has no chunks."""
    count = int(snapshot.file_chunks[file])
    if count == 0:
        return -1
    ordinals = snapshot.file_first[file] + np.arange(count)
    columns = snapshot.chunks(ordinals)
    after = np.flatnonzero(columns.end_line >= line)
    return int(ordinals[after[0] if len(after) else -1])
