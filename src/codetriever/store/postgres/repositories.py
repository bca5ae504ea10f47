"""Which repositories does a tenant have in a database, and how much is in them?"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg import sql

from codetriever.errors import NameTaken, RepositoryNotFound
from codetriever.store.postgres.database import in_transaction
from codetriever.store.postgres.locks import writer_lock
from codetriever.store.postgres.pools import ANALYTICS, WRITE
from codetriever.store.postgres.queries import query
from codetriever.store.postgres.tenants import check_name, delete_all, record

if TYPE_CHECKING:
    from collections.abc import Sequence

    from psycopg import Connection

    from codetriever.store.postgres.tenants import Acting


@dataclass(frozen=True, slots=True)
class Repository:
    """One repository, with sums over its branches. Times are seconds since the epoch, 0 for never; `size_bytes` is 0 unless asked for."""

    repository_id: int
    name: str
    url: str
    default_branch: str
    created_at: float
    branches: int
    files: int
    chunks: int
    text_bytes: int
    indexed_at: float
    used_at: float
    size_bytes: int = 0


@dataclass(frozen=True, slots=True)
class TenantStatistics:
    """How much a tenant has. What several branches share is counted once but for `files`; `text_bytes` is of distinct contents."""

    repositories: int
    branches: int
    files: int
    blobs: int
    chunks: int
    vectors: int
    symbols: int
    text_bytes: int


class Repositories:
    """The repositories of one tenant."""

    def __init__(self, acting: Acting) -> None:
        self._acting = acting

    def list(self) -> Sequence[Repository]:
        """Return every repository, by name."""
        return [Repository(*row) for row in self._rows(None)]

    def get(self, name: str) -> Repository:
        """Return a repository with its size, which takes a look at all of it; raises `RepositoryNotFound`."""
        rows = self._rows(name)
        if not rows:
            raise not_found(name)
        (row,) = rows
        scope = {"tenant": self._acting.tenant, "repository": row[0]}
        with self._acting.database.reading(self._acting.tenant, ANALYTICS) as connection:
            size = connection.execute(query("size_bytes"), scope, binary=True).fetchone()
        return replace(Repository(*row), size_bytes=int(size[0]) if size else 0)

    def _rows(self, name: str | None) -> Sequence[tuple[Any, ...]]:
        database = self._acting.database
        with database.reading(self._acting.tenant, database.current) as connection:
            return connection.execute(query("list_repositories"), {"tenant": self._acting.tenant, "named": name}).fetchall()

    def rename(self, name: str, new: str) -> Repository:
        """Call a repository otherwise; raises `RepositoryNotFound` and `NameTaken`.

        A checkout finds its repository by the name that its origin gives it, so this is for a repository whose origin has moved.
        """
        check_name(new)
        tenant = self._acting.tenant
        with self._acting.database.connection(WRITE) as connection:

            def rename() -> int:
                count = connection.execute(query("rename_repository"), {"tenant": tenant, "name": name, "new": new}).rowcount
                if count:
                    record(connection, self._acting, "rename repository", f"{name} -> {new}")
                return count

            try:
                renamed = in_transaction(connection, tenant, rename)
            except psycopg.errors.UniqueViolation:
                raise NameTaken(f"There is a repository {new!r} already.") from None
        if not renamed:
            raise not_found(name)
        return self.get(new)

    def remove(self, name: str, *, wait_s: float = 10.0) -> Repository:
        """Delete a repository with all that it has; raises `RepositoryNotFound`, and `StoreLocked` while it is being written."""
        repository = self.get(name)
        tenant = self._acting.tenant
        with self._acting.database.connection(WRITE) as connection:

            def delete() -> None:
                delete_all(connection, "tables_of_repositories", "repository_id", repository.repository_id, tenant)
                record(connection, self._acting, "remove repository", name)

            with writer_lock(connection, tenant, repository.repository_id, name, wait_s):
                in_transaction(connection, tenant, delete)
            drop_graphs(connection, repository.repository_id)
        return repository

    def statistics(self) -> TenantStatistics:
        """Return how much the tenant has; every row is counted, which takes its time."""
        with self._acting.database.reading(self._acting.tenant, ANALYTICS) as connection:
            row = connection.execute(query("tenant_statistics"), {"tenant": self._acting.tenant}).fetchone()
        assert row is not None  # a SELECT of sums
        return TenantStatistics(*row)


def not_found(name: str) -> RepositoryNotFound:
    """Return the error for a repository that the tenant does not have."""
    return RepositoryNotFound(f"There is no repository {name!r}.", hint="`codetriever repositories list` shows what there is.")


def drop_graphs(connection: Connection[Any], repository: int) -> None:
    """Drop the graphs over the vectors of a repository that is gone; the connection is outside a transaction."""
    for (name,) in connection.execute(query("graphs_of_repository"), {"prefix": f"vectors_near_{repository}_"}).fetchall():
        connection.execute(sql.SQL("DROP INDEX CONCURRENTLY IF EXISTS {}").format(sql.Identifier(name)))
