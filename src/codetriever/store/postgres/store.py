"""How is a repository's index in a database opened, read and written?"""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from uuid import UUID

from codetriever.errors import CodetrieverError, ViewNotFound
from codetriever.store.format import FEATURES
from codetriever.store.postgres.database import DEFAULT_TENANT, managing_tenants, transaction
from codetriever.store.postgres.generation import Generation
from codetriever.store.postgres.locks import writer_lock
from codetriever.store.postgres.pools import ANALYTICS, READ, WRITE
from codetriever.store.postgres.queries import query
from codetriever.store.postgres.snapshot import PostgresSnapshot
from codetriever.types import ViewInfo, ViewKey

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from psycopg import Connection

    from codetriever.store.postgres.database import Database
    from codetriever.store.postgres.writer import PostgresWriter

DEFAULT_MEMORY_BYTES = 64 << 20
_TOUCH_EVERY_S = 3600.0
_KEPT_GENERATIONS = 4


def open_store(
    database: Database,
    repository: str,
    *,
    model: str,
    dimensions: int,
    tenant: UUID = DEFAULT_TENANT,
    root: str = "",
    url: str = "",
    features: str = FEATURES,
    memory_bytes: int = DEFAULT_MEMORY_BYTES,
) -> PostgresStore:
    """Open a repository of a tenant, which need not exist yet; nothing is made before a writer is asked for.

    `root` is the checkout whose branches are the repository's own, which everybody shares; views of other roots are kept apart under
    their root. `url` is recorded with a new repository. The rest is as in the embedded store.
    """
    return PostgresStore(
        database,
        repository,
        model=model,
        dimensions=dimensions,
        tenant=tenant,
        root=root,
        url=url,
        features=features,
        memory_bytes=memory_bytes,
    )


def find_tenant(database: Database, named: str | UUID) -> UUID | None:
    """Return the number of a tenant given by name or number, None when there is none."""
    try:
        number = UUID(str(named))
    except ValueError:
        number = None
    with database.connection(READ) as connection, managing_tenants(connection):
        row = connection.execute(query("find_tenant"), {"name": str(named), "number": number}).fetchone()
    return None if row is None else row[0]


class PostgresStore:
    """Implements `Store` for one repository of one tenant. It may be used by several threads."""

    folder = None

    def __init__(
        self,
        database: Database,
        repository: str,
        *,
        model: str,
        dimensions: int,
        tenant: UUID,
        root: str,
        url: str,
        features: str,
        memory_bytes: int,
    ) -> None:
        self.database = database
        self.repository = repository
        self.model = model
        self.tenant = tenant
        self._dimensions = dimensions
        self._root = root
        self._url = url
        self._memory_bytes = memory_bytes
        self._scope = {"tenant": tenant, "name": repository, "features": features, "model": model, "dimensions": dimensions}
        self._features = features
        self._number: int | None = None
        self._generations: dict[tuple[Any, ...], Generation] = {}
        self._touched: dict[int, float] = {}

    @property
    def place(self) -> str:
        """Where the index is kept, for people."""
        return f"{self.repository} in the database {self.database.name}"

    def close(self) -> None:
        """Forget what was read. The database stays open: it may serve other stores."""
        self._generations.clear()

    def views(self) -> Sequence[ViewInfo]:
        """Return what is indexed, most recently used first."""
        with self.database.reading(self.tenant) as connection:
            rows = self._rows(connection, "list_views")
        found = (self._info(self._key(*row[:2]), row[2:]) for row in rows)
        return sorted(found, key=lambda info: -info.used_at)

    def _key(self, worktree: str, branch: str) -> ViewKey:
        return ViewKey(worktree or self._root, branch)

    def _worktree(self, root: str) -> str:
        return "" if root == self._root else root

    def _info(self, key: ViewKey, row: Sequence[Any]) -> ViewInfo:
        generation, head, indexed_at, used_at, files, chunks, text_bytes = row
        return ViewInfo(key, generation, head, indexed_at, max(indexed_at, used_at), files, chunks, text_bytes)

    def generation(self, key: ViewKey) -> int:
        """Return the view's current generation, 0 when there is none."""
        with self.database.reading(self.tenant) as connection:
            rows = self._rows(connection, "find_generation", **self._names(key))
        return rows[0][0] if rows else 0

    def size_bytes(self) -> int:
        """Return about what the repository takes in the database."""
        with self.database.reading(self.tenant, ANALYTICS) as connection:
            rows = self._rows(connection, "size_bytes")
        return int(rows[0][0]) if rows else 0

    def is_complete(self, key: ViewKey) -> bool:
        """Say whether the view was made by the store's versions of analysis, and every stored chunk has a vector of its model."""
        with self.database.reading(self.tenant) as connection:
            if not self._rows(connection, "find_generation", **self._names(key)):
                return False
            ((is_complete,),) = self._rows(connection, "is_complete")
            return bool(is_complete)

    @contextmanager
    def snapshot(self, key: ViewKey) -> Iterator[PostgresSnapshot]:
        """Open the view's current generation; raises `ViewNotFound`. A read connection is taken for as long as it is open."""
        with self.database.reading(self.tenant) as connection:
            rows = self._rows(connection, "find_view", **self._names(key))
            if not rows:
                raise self._view_not_found(key, self._rows(connection, "find_view_to_write", **self._names(key)))
            view, *facts, total_length = rows[0]
            self._touch(view, used_at=facts[3])
            state = (view, facts[0], facts[2])
            if state not in self._generations:
                scope = {"tenant": self.tenant, "repository": self._number, "view": view}
                self._generations[state] = Generation(scope, self._info(key, facts), total_length)
                while len(self._generations) > _KEPT_GENERATIONS:
                    self._generations.pop(next(iter(self._generations)), None)
            yield PostgresSnapshot(self._generations[state], connection, model=self.model, dimensions=self._dimensions)

    def _touch(self, view: int, *, used_at: float) -> None:
        """Note that the view is used; that it could not be noted is no reason not to answer."""
        now = time.time()
        if now - max(used_at, self._touched.get(view, 0.0)) < _TOUCH_EVERY_S:
            return
        self._touched[view] = now
        try:
            with self.database.connection(WRITE) as connection, transaction(connection, self.tenant):
                self._rows(connection, "touch_view", view=view)
        except CodetrieverError:
            return

    @contextmanager
    def writer(self, *, wait_s: float = 30.0) -> Iterator[PostgresWriter]:
        """Become the writer; raises `StoreLocked` after `wait_s` seconds."""
        from codetriever.store.postgres.writer import PostgresWriter

        with self.database.connection(WRITE) as connection:
            with transaction(connection, self.tenant):
                connection.execute(query("make_repository"), self._scope | {"url": self._url}, binary=True)
                repository = self._repository(connection)
            with writer_lock(connection, self.tenant, repository, self.repository, wait_s):
                writer = PostgresWriter(
                    connection,
                    tenant=self.tenant,
                    repository=repository,
                    model=self.model,
                    dimensions=self._dimensions,
                    features=self._features,
                    memory_bytes=self._memory_bytes,
                    halfvec_type=self.database.halfvec_type,
                    worktree=self._worktree,
                )
                yield writer
                writer.flush()

    def remove(self, keys: Iterable[ViewKey]) -> None:
        """Forget these views and sweep what only they listed."""
        with self.writer() as writer:
            writer.remove(tuple(keys))

    def _names(self, key: ViewKey) -> dict[str, str]:
        return {"worktree": self._worktree(key.root), "branch": key.branch}

    def _rows(self, connection: Connection[Any], name: str, **more: Any) -> list[tuple[Any, ...]]:
        """Run a query on the repository; nothing is found in one that does not exist."""
        if self._number is None and (number := self._find(connection)) is not None:
            self._number = number
        if self._number is None:
            return []
        cursor = connection.execute(query(name), self._scope | {"repository": self._number} | more, binary=True)
        return cursor.fetchall() if cursor.description else []

    def _find(self, connection: Connection[Any]) -> int | None:
        row = connection.execute(query("find_repository"), self._scope, binary=True).fetchone()
        return None if row is None else int(row[0])

    def _repository(self, connection: Connection[Any]) -> int:
        number = self._find(connection)
        if number is None:
            raise ViewNotFound(f"The tenant may not have a repository {self.repository}.")
        self._number = number
        return number

    def _view_not_found(self, key: ViewKey, rows: Sequence[Sequence[Any]]) -> ViewNotFound:
        """Return the error for a view without a generation that this version can read, of which there are `rows` made by others."""
        name = f"{self.repository} (branch {key.branch})" if key.branch else self.repository
        why = f"was indexed by another version of Codetriever (its analysis is {rows[0][3]}, here it is {self._features})" if rows else ""
        return ViewNotFound(f"{name} {why or 'is not indexed in the database'}.", hint="Run: codetriever index --database-url URL")
