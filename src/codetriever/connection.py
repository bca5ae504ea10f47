"""Connection: the door to a database that many share, in the name of one tenant."""

from __future__ import annotations

from copy import copy
from typing import TYPE_CHECKING

from codetriever.errors import TenantNotFound
from codetriever.roots import shared_name
from codetriever.store.postgres.database import DEFAULT_TENANT, Database
from codetriever.store.postgres.store import find_tenant, open_store

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType
    from typing import Self
    from uuid import UUID

    from codetriever.api import Index
    from codetriever.config import Settings
    from codetriever.corpus.git import Checkout
    from codetriever.embedding.embedder import Embedder
    from codetriever.jobs.submission import Jobs
    from codetriever.shared import SharedIndex
    from codetriever.store.postgres.keys import Keys
    from codetriever.store.postgres.pools import PoolStatistics
    from codetriever.store.postgres.repositories import Repositories
    from codetriever.store.postgres.store import PostgresStore
    from codetriever.store.postgres.tenants import Acting, Tenants


class Connection:
    """A database and one of its tenants; a context manager. Several threads may use one connection."""

    def __init__(
        self, url: str, *, tenant: str | UUID | None = None, read_url: str = "", settings: Settings | None = None, actor: str = ""
    ) -> None:
        """Name the database; nothing is connected before it is needed. Without a tenant the default one is meant.

        Searches go to `read_url` when it is given, to a replica for example. `actor` is who the audit log says it was, by default the user
        of this machine.
        """
        self.database = Database(url, read_url=read_url)
        self._settings = settings
        self._actor = actor
        self._named = tenant or DEFAULT_TENANT
        self._tenant: UUID | None = None

    def __enter__(self) -> Self:
        """Return the connection itself."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Close the connection."""
        self.close()

    def close(self) -> None:
        """Close all connections to the database."""
        self.database.close()

    @property
    def tenant(self) -> UUID:
        """The tenant's number; raises `TenantNotFound` for a name that the database does not know."""
        if self._tenant is None:
            found = find_tenant(self.database, self._named)
            if found is None:
                raise TenantNotFound(f"The database knows no tenant {str(self._named)!r}.")
            self._tenant = found
        return self._tenant

    def as_tenant(self, tenant: str | UUID, *, actor: str = "") -> Connection:
        """Return a connection for another tenant that shares this one's connections to the database, and is not closed by itself."""
        other = copy(self)
        other._named, other._tenant, other._actor = tenant, None, actor or self._actor
        return other

    @property
    def tenants(self) -> Tenants:
        """The tenants of the database: `create`, `list`, `get`, `remove`, and `audit`, what was changed."""
        from codetriever.store.postgres.tenants import Tenants

        return Tenants(self.acting())

    @property
    def repositories(self) -> Repositories:
        """The tenant's repositories: `list`, `get`, `rename`, `remove`, and `statistics`."""
        from codetriever.store.postgres.repositories import Repositories

        return Repositories(self.acting())

    @property
    def keys(self) -> Keys:
        """The tenant's keys: `create`, `list`, `revoke`, and `check`, which knows those of all tenants."""
        from codetriever.store.postgres.keys import Keys

        return Keys(self.acting())

    @property
    def jobs(self) -> Jobs:
        """The tenant's jobs, which workers do: `submit`, `list`, `get`, `cancel`, `wait`, `purge`."""
        from codetriever.config import load_settings
        from codetriever.jobs.submission import Jobs

        return Jobs(self.database, self.tenant, self._settings or load_settings())

    def acting(self) -> Acting:
        """Return in whose name the database is changed."""
        from codetriever.store.postgres.tenants import Acting

        return Acting(self.database, self.tenant, self._actor or _user())

    def open(self, *paths: str | Path) -> Index:
        """Open the index of one or several local paths in this database, by default of the working directory.

        A path stands for its repository, named by its origin (`github.com/owner/repository`, else `local/<folder>`), and its branch.
        """
        from codetriever.api import Index
        from codetriever.config import load_settings

        return Index(*paths, settings=self._settings or load_settings(), connection=self)

    def search_in(self, *names: str) -> SharedIndex:
        """Open the repositories of these names, by default all that the tenant has, as they were indexed last; no checkout is needed."""
        from codetriever.config import load_settings
        from codetriever.shared import SharedIndex

        return SharedIndex(names, settings=self._settings or load_settings(), connection=self)

    def pool_statistics(self) -> tuple[PoolStatistics, ...]:
        """Return how busy the pools of connections are."""
        return self.database.statistics()

    def store(self, checkout: Checkout, *, embedder: Embedder, memory_bytes: int) -> PostgresStore:
        """Open the repository of a checkout, whose branches are the ones that everybody shares."""
        return open_store(
            self.database,
            shared_name(checkout),
            model=embedder.model,
            dimensions=embedder.dimensions,
            tenant=self.tenant,
            root=str(checkout.root),
            url=checkout.origin,
            memory_bytes=memory_bytes,
        )


def _user() -> str:
    """Return who uses this machine, for the audit log."""
    import getpass

    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container whose user has no name
        return "unknown"
