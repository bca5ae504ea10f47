"""What is no longer needed, and when does it go?"""

from __future__ import annotations

import logging
import sqlite3
import time
from typing import TYPE_CHECKING

import numpy as np

from codetriever.store.embedded.catalog import SEGMENTS, USED, VECTORS, VIEWS, mark_changed, transaction
from codetriever.store.embedded.compact import compact
from codetriever.store.embedded.segment import Segment
from codetriever.store.embedded.used import mark_used, model_mark, used_at
from codetriever.store.embedded.views import ViewFile

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray


UNUSED_MODEL_S = 30 * 86_400.0
"""So long the vectors of a model are kept after somebody asked for them last: two settings that share an index, used in turns, do not
undo each other's work, and a model that was tried once does not stay for ever."""


def tidy(folder: Path, connection: sqlite3.Connection, *, unlisted: NDArray[np.int64]) -> None:
    """Delete blobs that no view lists any more, merge segments where it is due, and delete files that no row names.

    `unlisted` are the blobs that a list which was replaced or removed named; blobs added since the last sweep are looked at as well, and
    all of them when the last sweep did not come to its end. The switch is made already, so a lack of room only postpones the rest.
    """
    try:
        sweep_files(folder, connection)
        sweep_blobs(folder, connection, unlisted)
        drop_unused_vectors(folder, connection)
        compact(folder, connection)
    except (OSError, sqlite3.OperationalError) as error:
        logging.getLogger(__name__).warning("The sweep of %s was put off: %s", folder, error)
    sweep_files(folder, connection)


def sweep_blobs(folder: Path, connection: sqlite3.Connection, unlisted: NDArray[np.int64]) -> None:
    """Delete those of the `unlisted` and the newly added blobs that no view lists."""
    meta = dict(connection.execute("SELECT name, value FROM meta WHERE name IN ('swept_blob', 'unswept')"))
    after = meta["swept_blob"] if meta["unswept"] <= 1 else 0
    added = [row[0] for row in connection.execute("SELECT blob FROM blobs WHERE blob > ?", (after,))]
    gone = np.array(sorted({*unlisted[unlisted >= 0].tolist(), *added}), np.int64)  # `np.unique` would load numpy.ma
    for (name,) in connection.execute("SELECT file FROM views").fetchall():
        gone = gone[~np.isin(gone, ViewFile(folder / VIEWS / name).files.blobs)]
    with transaction(connection):
        if added:
            connection.execute("UPDATE meta SET value = ? WHERE name = 'swept_blob'", (max(added),))
        connection.execute("UPDATE meta SET value = 0 WHERE name = 'unswept'")
        if len(gone):
            connection.executemany("DELETE FROM blobs WHERE blob = ?", ((blob,) for blob in gone.tolist()))
            _count_dead(folder, connection, gone)
    connection.execute("PRAGMA incremental_vacuum").fetchall()


def drop_unused_vectors(folder: Path, connection: sqlite3.Connection) -> None:
    """Let go of the vectors of models that nobody has asked for in a month; for one without a mark the month begins now."""
    for (model,) in connection.execute("SELECT DISTINCT model FROM vectors").fetchall():
        last = used_at(folder, model_mark(model))
        if last is None:
            mark_used(folder, model_mark(model))
        elif time.time() - last > UNUSED_MODEL_S:
            with transaction(connection):
                connection.execute("DELETE FROM vectors WHERE model = ?", (model,))
                mark_changed(connection)
            (folder / USED / model_mark(model)).unlink(missing_ok=True)


def _count_dead(folder: Path, connection: sqlite3.Connection, gone: NDArray[np.int64]) -> None:
    for (name,) in connection.execute("SELECT file FROM segments").fetchall():
        segment = Segment(folder / SEGMENTS / name)
        dead = int(np.diff(segment.chunk_first.astype(np.int64))[np.isin(segment.blobs, gone)].sum())
        if dead:
            connection.execute("UPDATE segments SET dead_chunks = dead_chunks + ? WHERE file = ?", (dead, name))


def sweep_files(folder: Path, connection: sqlite3.Connection) -> None:
    """Delete the files that no row names; one that cannot be deleted now, because a reader maps it, goes another time."""
    for place, question in (
        (SEGMENTS, "SELECT file FROM segments"),
        (VECTORS, "SELECT file FROM vectors"),
        (VIEWS, "SELECT file FROM views"),
    ):
        named = {row[0] for row in connection.execute(question)}
        for path in (folder / place).iterdir():
            if path.name not in named:
                try:
                    path.unlink()
                except OSError:
                    continue
