"""Which segments are merged, and when?

Searching costs more with every segment, merging costs as much as it writes. So there are at most five, each at least twice as large as
all smaller ones together when a merge is due, unless the merged one would hold more chunks than its postings can number; a segment of
which more than a quarter is dead is written anew.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from codetriever.store.embedded.buffer import MAX_CHUNKS
from codetriever.store.embedded.catalog import SEGMENTS, VECTORS, mark_changed, transaction
from codetriever.store.embedded.folder import new_name
from codetriever.store.embedded.merge import write_merged, write_merged_vectors
from codetriever.store.embedded.merge_plan import Plan, plan_merge
from codetriever.store.embedded.segment import Segment
from codetriever.store.embedded.vectors import VectorFile, VectorWriter
from codetriever.system import sync_folder

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence
    from pathlib import Path

MAX_SEGMENTS = 5
_DEAD_SHARE = 0.25


def choose(sizes: Sequence[tuple[int, int]]) -> list[int]:
    """Return the positions of the segments to merge into one, none when all is well; a size is (chunks, dead chunks)."""
    order = sorted(range(len(sizes)), key=lambda position: -sizes[position][0])
    chosen = {position for position, (chunks, dead) in enumerate(sizes) if dead > chunks * _DEAD_SHARE}
    if len(order) > MAX_SEGMENTS:
        start = MAX_SEGMENTS - 1
        while start and sizes[order[start - 1]][0] < 2 * sum(sizes[position][0] for position in order[start:]):
            start -= 1
        chosen.update(order[start:])
    while sum(sizes[position][0] for position in chosen) > MAX_CHUNKS:
        chosen.remove(max(chosen, key=lambda position: sizes[position][0]))
    return sorted(chosen)


def choose_all(sizes: Sequence[tuple[int, int]]) -> list[int]:
    """Return the positions of all segments if there are several or something in them is dead, without the largest if they are too many."""
    chosen = sorted(range(len(sizes)), key=lambda position: sizes[position][0])
    while sum(sizes[position][0] for position in chosen) > MAX_CHUNKS:
        chosen.pop()
    return sorted(chosen) if len(chosen) > 1 or any(sizes[position][1] for position in chosen) else []


def compact(folder: Path, connection: sqlite3.Connection, *, whole: bool = False) -> None:
    """Merge what is due, or with `whole` all that can be. The old files stay until they are swept."""
    rows = connection.execute("SELECT file, chunks, dead_chunks FROM segments ORDER BY file").fetchall()
    chosen = (choose_all if whole else choose)([(chunks, dead) for _, chunks, dead in rows])
    if not chosen:
        return
    names = [rows[position][0] for position in chosen]
    live = np.array([row[0] for row in connection.execute("SELECT blob FROM blobs")], np.int64)
    plan = plan_merge([Segment(folder / SEGMENTS / name) for name in names], live)
    name = new_name("seg")
    write_merged(plan, folder / SEGMENTS / name)
    vectors = _merge_vectors(folder, connection, plan, names)
    for place in (SEGMENTS, VECTORS):
        sync_folder(folder / place)
    with transaction(connection):
        for old in names:
            connection.execute("DELETE FROM segments WHERE file = ?", (old,))
            connection.execute("DELETE FROM vectors WHERE segment = ?", (old,))
        connection.execute("INSERT INTO segments (file, chunks) VALUES (?, ?)", (name, plan.chunk_count))
        connection.executemany("INSERT INTO vectors VALUES (?, ?, ?, ?)", ((name, *row) for row in vectors))
        mark_changed(connection)


def _merge_vectors(folder: Path, connection: sqlite3.Connection, plan: Plan, names: Sequence[str]) -> list[tuple[str, str, int]]:
    """Write the vectors of every model that some input has; returns (model, file, chunks without a vector)."""
    result = []
    for (model,) in connection.execute("SELECT DISTINCT model FROM vectors ORDER BY model").fetchall():
        found = dict(connection.execute("SELECT segment, file FROM vectors WHERE model = ?", (model,)))
        inputs = [
            VectorFile(folder / VECTORS / found[name], segment.chunks) if name in found else None
            for name, segment in zip(names, plan.segments, strict=True)
        ]
        dimensions = max((file.dimensions for file in inputs if file is not None), default=0)
        if not dimensions:
            continue
        writer = VectorWriter(folder / VECTORS / new_name("vec"), dimensions)
        try:
            write_merged_vectors(plan, inputs, writer)
            writer.finish(model=model)
        except BaseException:
            writer.abandon()
            raise
        result.append((model, writer.path.name, writer.missing))
    return result
