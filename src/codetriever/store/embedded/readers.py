"""Who reads the catalog? Read-only connections, kept open between searches."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from codetriever.store.embedded.catalog import CATALOG, open_for_reading, translated

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator
    from pathlib import Path


class Readers:
    """The connections of one open store, for any number of threads; each is used by one thread at a time."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._catalog = os.path.join(folder, CATALOG)  # noqa: PTH118 - a Path for each answer takes longer than to look at the file
        self._idle: list[tuple[sqlite3.Connection, tuple[int, int]]] = []

    def close(self) -> None:
        """Close the idle connections."""
        while lent := self._pop():
            lent[0].close()

    @contextmanager
    def connection(self) -> Iterator[sqlite3.Connection | None]:
        """Lend a connection, or None when nothing was ever indexed; a transaction left open is rolled back."""
        with translated(self._folder):
            file = self._catalog_file()
            opened = None if file is None else self._idle_connection(file) or open_for_reading(self._folder)
        if opened is None or file is None:
            yield None
            return
        connection, sees_changes = opened
        try:
            yield connection
        finally:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            if sees_changes:
                self._idle.append((connection, file))
            else:
                connection.close()

    def _catalog_file(self) -> tuple[int, int] | None:
        try:
            facts = os.stat(self._catalog)  # noqa: PTH116
        except FileNotFoundError:
            return None
        return facts.st_dev, facts.st_ino

    def _idle_connection(self, file: tuple[int, int]) -> tuple[sqlite3.Connection, bool] | None:
        """Return an idle connection to this very file: the index may have been removed and built again."""
        while lent := self._pop():
            connection, opened_file = lent
            if opened_file == file:
                return connection, True
            connection.close()
        return None

    def _pop(self) -> tuple[sqlite3.Connection, tuple[int, int]] | None:
        try:
            return self._idle.pop()
        except IndexError:  # another thread may have taken the last one since anybody looked
            return None
