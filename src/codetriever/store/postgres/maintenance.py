"""What may go from a database, and how does the rest become small again?"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any

from psycopg import sql

from codetriever.errors import StoreLocked
from codetriever.store.postgres.database import in_transaction, translated
from codetriever.store.postgres.pools import ANALYTICS, WRITE
from codetriever.store.postgres.queries import query
from codetriever.store.postgres.repositories import Repositories
from codetriever.store.postgres.store import open_store
from codetriever.store.postgres.tenants import record
from codetriever.types import ViewKey

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from psycopg import Connection

    from codetriever.store.postgres.database import Database
    from codetriever.store.postgres.tenants import Acting


@dataclass(frozen=True, slots=True)
class TableSize:
    """What a table takes, its indexes included, what these alone take, and about how many rows there are and were."""

    table: str
    total_bytes: int
    index_bytes: int
    rows: int
    dead_rows: int


@dataclass(frozen=True, slots=True)
class Unused:
    """A repository's views that nobody uses any more; `is_all` when nothing else is in it. `why_not` says why they stay."""

    repository: str
    views: tuple[ViewKey, ...]
    is_all: bool
    why_not: str = ""


def table_sizes(database: Database) -> list[TableSize]:
    """Return every table of the schema, the largest first; the rows of all tenants count."""
    with database.connection(ANALYTICS) as connection:
        return [TableSize(*row) for row in connection.execute(query("table_sizes")).fetchall()]


def unused_views(acting: Acting, unused_s: float) -> list[Unused]:
    """Return each repository of the tenant with its views that were not used for so long; jobs that are not done keep all of theirs."""
    asked = {"tenant": acting.tenant, "unused_s": unused_s}
    with acting.database.reading(acting.tenant, acting.database.current) as connection:
        rows = connection.execute(query("views_in_repositories"), asked).fetchall()
    return [_unused(name, list(views)) for name, views in groupby(rows, key=lambda row: row[0])]


def _unused(name: str, rows: Sequence[tuple[Any, ...]]) -> Unused:
    views = [row for row in rows if row[4] is not None]
    unused = tuple(ViewKey(worktree, branch) for *_, worktree, branch, is_unused, _ in views if is_unused)
    is_old, has_job = rows[0][2], rows[0][6]
    return Unused(name, unused, is_all=bool(is_old) and len(unused) == len(views), why_not="a job is not done with it" if has_job else "")


def clean_repository(acting: Acting, unused: Unused) -> str:
    """Delete a repository's unused views and what no view lists; return why not, if it is being written."""
    try:
        if unused.is_all:
            Repositories(acting).remove(unused.repository, wait_s=0)
            return ""
        store = open_store(acting.database, unused.repository, model="", dimensions=0, tenant=acting.tenant)
        with store.writer(wait_s=0) as writer:
            writer.remove(unused.views)
    except StoreLocked as error:
        return error.message
    if unused.views:
        branches = ", ".join(key.branch or key.root or "(no branch)" for key in unused.views)
        with acting.database.connection(WRITE) as connection:
            in_transaction(connection, acting.tenant, lambda: record(connection, acting, "clean", f"{unused.repository}: {branches}"))
    return ""


def merge_repositories(acting: Acting, names: Iterable[str]) -> list[str]:
    """Merge the segments of repositories into as few as there can be, and return those that were being written."""
    busy = []
    for name in names:
        store = open_store(acting.database, name, model="", dimensions=0, tenant=acting.tenant)
        try:
            with store.writer(wait_s=0) as writer:
                writer.compact()
        except StoreLocked:
            busy.append(name)
    return busy


def remake(database: Database) -> None:
    """Vacuum every table and remake every index but the graphs, one at a time, while others read and write."""
    with database.connection(WRITE) as connection:
        for size in table_sizes(database):
            _run(connection, sql.SQL("VACUUM (ANALYZE) {}").format(sql.Identifier(size.table)))
        for (index,) in connection.execute(query("indexes_to_remake")).fetchall():
            _run(connection, sql.SQL("REINDEX INDEX CONCURRENTLY {}").format(sql.Identifier(index)))


def _run(connection: Connection[Any], statement: sql.Composed) -> None:
    with translated():
        connection.execute(statement)
