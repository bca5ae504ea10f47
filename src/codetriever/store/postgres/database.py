"""Which database is it, may it be used, and in whose name does a transaction speak?"""

from __future__ import annotations

import random
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import UUID

from codetriever.errors import DatabaseUnavailable, DatabaseUnsuitable, DiskFull, ExtraMissing

try:
    import psycopg
    import psycopg_pool
except ImportError as error:
    raise ExtraMissing(f"A database needs an optional part: {error}.", hint="pip install 'codetriever[postgres]'") from None

from codetriever.store.postgres import arrays
from codetriever.store.postgres.distribute import distribute
from codetriever.store.postgres.migrate import current, migrate, newest
from codetriever.store.postgres.pools import ANALYTICS, READ, WRITE, Pools
from codetriever.store.postgres.queries import query

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from psycopg import Connection

    from codetriever.store.postgres.migrate import Migration
    from codetriever.store.postgres.pools import PoolStatistics

DEFAULT_TENANT = UUID("00000000-0000-4000-8000-000000000001")
MANAGE_TENANTS = "SET LOCAL codetriever.manages_tenants = 'on'"
"""Lets the open transaction see and change the list of tenants."""
OLDEST_POSTGRESQL, OLDEST_PGVECTOR = 15, (0, 8)
_CONNECT_S = 10
_WAIT_S = 30.0
_ATTEMPTS = 5
_REST_S = 0.02  # before the second attempt, doubled before each further one, and at random between half and one and a half of that

_Result = TypeVar("_Result")


class TransactionUndone(DatabaseUnavailable):
    """A transaction was undone because it stood in the way of another: it can be done again from its beginning."""


class Database:
    """One PostgreSQL database, used by any number of threads; close it to let go of its connections."""

    def __init__(self, url: str, *, read_url: str = "", sizes: dict[str, int] | None = None, wait_s: float = _WAIT_S) -> None:
        """Nothing is connected before it is needed."""
        self.url = url
        self._read_url = read_url
        self._pools = Pools(url, read_url=read_url, configure=_configure, wait_s=wait_s, sizes=sizes)
        self._is_checked = False
        self._lock = threading.Lock()
        self.halfvec_type = 0
        self.kept: dict[str, Any] = {}  # room for what is read once for many questions
        self.lag_s = 0.0  # seconds by which the replica that searches read was behind what is written

    def __enter__(self) -> Database:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def name(self) -> str:
        """What the database is called, without anything secret."""
        known = psycopg.conninfo.conninfo_to_dict(self.url)
        return f"{known.get('dbname', '')}{' on ' + str(known['host']) if known.get('host') else ''}"

    def close(self) -> None:
        """Close every connection."""
        self._pools.close()

    def statistics(self) -> tuple[PoolStatistics, ...]:
        """Return how busy each pool is."""
        return self._pools.statistics()

    @property
    def current(self) -> str:
        """The pool for questions that a replica, which may be behind, must not answer."""
        return WRITE if self._read_url else READ

    def measure_lag(self) -> None:
        """Note in `lag_s` how far the replica is behind, if there is one; to be called by who holds no connection and is about to read."""
        if self._read_url:
            with self.connection(READ) as connection:
                row = connection.execute(query("replica_lag")).fetchone()
            self.lag_s = 0.0 if row is None else float(row[0])

    def check(self) -> None:
        """Make sure, once, that the database can be used; raises `DatabaseUnavailable` and `DatabaseUnsuitable`."""
        with self._lock:
            if self._is_checked:
                return
            for url in dict.fromkeys((self.url, self._read_url or self.url)):
                with _connected(url) as connection, translated():
                    check_server(connection)
                    check_role(connection)
                    check_schema(connection)
                    if url == self.url:
                        self.halfvec_type = arrays.halfvec_type(connection)
            self._is_checked = True

    def migrate(self) -> list[Migration]:
        """Bring the schema up to this version and return the steps taken; raises like `check`."""
        with _connected(self.url) as connection, translated():
            check_server(connection, create=True)
            check_role(connection)
            return list(migrate(connection))

    def distribute(self) -> list[str]:
        """Spread the tables over the servers of a Citus cluster and return which were not yet; raises like `check`."""
        self.check()
        with _connected(self.url) as connection, translated():
            return distribute(connection)

    @contextmanager
    def connection(self, pool: str) -> Iterator[Connection[Any]]:
        """Borrow a connection; what goes wrong with it is raised as one of our errors."""
        self.check()
        with translated(), self._pools.pool(pool).connection() as connection:
            yield connection

    @contextmanager
    def reading(self, tenant: UUID, pool: str = READ) -> Iterator[Connection[Any]]:
        """Give a connection that sees one state of the database, and of it what is the tenant's."""
        with self.connection(pool) as connection:
            begin(connection, tenant, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            try:
                yield connection
            finally:
                if not connection.closed:
                    connection.execute("ROLLBACK")


def _configure(connection: Connection[Any], pool: str) -> None:
    """Make a new connection ready.

    What writers and searches ask is always of one repository, for which there are indexes; statistics that are older than the last large
    repository would have the planner read whole tables instead, which are everybody's. Citus is to tell its workers for which tenant a
    transaction speaks; elsewhere that setting is a word without meaning.
    """
    arrays.register(connection)
    connection.execute("SET citus.propagate_set_commands = 'local'")
    if pool != ANALYTICS:
        connection.execute("SET enable_seqscan = off")
    if pool == READ:
        connection.execute("SET plan_cache_mode = force_custom_plan")  # no other knows for which tenant and repository a partial index is
        connection.execute("SET max_parallel_workers_per_gather = 0")  # starting them takes longer than what a search asks


@contextmanager
def all_or_nothing(connection: Connection[Any], beginning: str) -> Iterator[None]:
    """Run the block in a transaction, which these statements begin."""
    connection.execute(beginning.encode())
    try:
        yield
    except BaseException:
        if not connection.closed:
            connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def transaction(connection: Connection[Any], tenant: UUID) -> AbstractContextManager[None]:
    """Write in the name of a tenant: all of the block, or nothing."""
    return all_or_nothing(connection, _beginning(tenant, "BEGIN"))


def in_transaction(connection: Connection[Any], tenant: UUID, work: Callable[[], _Result]) -> _Result:
    """Do the work in a transaction, and again from its beginning, a few times, when a deadlock or a conflict undid it.

    The work may do nothing else that cannot be done twice. Raises `DatabaseUnavailable` when it does not come through.
    """
    for attempt in range(_ATTEMPTS):
        try:
            with translated(), transaction(connection, tenant):
                return work()
        except TransactionUndone:
            if attempt == _ATTEMPTS - 1:
                raise
        time.sleep(_REST_S * 2**attempt * random.uniform(0.5, 1.5))
    raise AssertionError


def managing_tenants(connection: Connection[Any]) -> AbstractContextManager[None]:
    """Work on the list of tenants, which speaks for none of them: all of the block, or nothing."""
    return all_or_nothing(connection, f"BEGIN; {MANAGE_TENANTS}")


def begin(connection: Connection[Any], tenant: UUID, how: str) -> None:
    """Begin a transaction in the name of a tenant, in one message."""
    connection.execute(_beginning(tenant, how).encode())


def _beginning(tenant: UUID, how: str) -> str:
    return f"{how}; SET LOCAL codetriever.tenant = '{UUID(str(tenant))}'"  # `SET` takes no parameters, and a UUID needs no quoting


@contextmanager
def translated() -> Iterator[None]:
    """Raise what the driver raises as errors of ours."""
    try:
        yield
    except psycopg.errors.DiskFull as error:
        raise DiskFull(f"The database has no room left: {_said(error)}", hint="Free some space where the database is.") from error
    except (psycopg.errors.DeadlockDetected, psycopg.errors.SerializationFailure) as error:
        raise TransactionUndone(f"Others kept undoing a transaction: {_said(error)}", hint="Try again.") from error
    except psycopg_pool.PoolTimeout as error:
        raise DatabaseUnavailable("The database gave no connection in time: it is busy, or away.", hint="Try again later.") from error
    except (psycopg.OperationalError, psycopg_pool.PoolClosed) as error:
        raise DatabaseUnavailable(f"The connection to the database failed: {_said(error)}", hint="Try again; its log tells why.") from error


@contextmanager
def _connected(url: str) -> Iterator[Connection[Any]]:
    try:
        connection = psycopg.connect(url, autocommit=True, connect_timeout=_CONNECT_S)
    except psycopg.OperationalError as error:
        raise DatabaseUnavailable(
            f"The database cannot be reached: {_said(error)}", hint="`codetriever db start` starts one on this machine."
        ) from error
    except psycopg.ProgrammingError as error:
        raise DatabaseUnavailable(
            f"The database's address cannot be read: {_said(error)}", hint="It looks like postgresql://user@host/database."
        ) from error
    with connection:
        arrays.register(connection)
        yield connection


def _said(error: Exception) -> str:
    """Return the last thing that the driver says; what it indents is advice ("Is the server running...?")."""
    lines = [line for line in str(error).splitlines() if line.strip() and not line.startswith("\t")]
    return lines[-1].strip() if lines else type(error).__name__


def check_server(connection: Connection[Any], *, create: bool = False) -> None:
    """Refuse versions that are too old; with `create` the extension is made when it is missing and the role may."""
    version = connection.info.server_version // 10_000
    if version < OLDEST_POSTGRESQL:
        raise DatabaseUnsuitable(f"The database is PostgreSQL {version}; {OLDEST_POSTGRESQL} or newer is needed.")
    found = _extension_version(connection)
    if found is None and create:
        try:
            connection.execute("CREATE EXTENSION IF NOT EXISTS vector")
        except (psycopg.errors.InsufficientPrivilege, psycopg.errors.FeatureNotSupported, psycopg.errors.UndefinedFile) as error:
            raise _extension_missing(_said(error)) from error
        found = _extension_version(connection)
    if found is None:
        raise _extension_missing("it is not installed in this database")
    if tuple(map(int, found.split(".")[:2])) < OLDEST_PGVECTOR:
        oldest = ".".join(map(str, OLDEST_PGVECTOR))
        raise DatabaseUnsuitable(f"The database has pgvector {found}; {oldest} or newer is needed.", hint="ALTER EXTENSION vector UPDATE")


def _extension_version(connection: Connection[Any]) -> str | None:
    row = connection.execute("SELECT extversion FROM pg_extension WHERE extname = 'vector'").fetchone()
    return row[0] if row else None


def _extension_missing(why: str) -> DatabaseUnsuitable:
    return DatabaseUnsuitable(
        f"The database lacks the extension pgvector: {why}.", hint="Install pgvector, then let a superuser run: CREATE EXTENSION vector"
    )


def check_role(connection: Connection[Any]) -> None:
    """Refuse a role that row-level security does not hold for."""
    row = connection.execute("SELECT rolname, rolsuper, rolbypassrls FROM pg_roles WHERE rolname = current_user").fetchone()
    if row is None or row[1] or row[2]:
        name = row[0] if row else "?"
        raise DatabaseUnsuitable(
            f"The role {name} sees the rows of every tenant, whatever it is told: it is a superuser or has BYPASSRLS.",
            hint="Connect as a role of its own: CREATE ROLE codetriever LOGIN NOSUPERUSER NOBYPASSRLS",
        )


def check_schema(connection: Connection[Any]) -> None:
    """Refuse a schema of another version, and tables without forced row-level security."""
    version = current(connection)
    if version != newest():
        what = "empty" if version == 0 else f"of schema version {version}"
        hint = "Update codetriever." if version > newest() else "Run: codetriever db migrate --database-url URL"
        raise DatabaseUnsuitable(f"The database is {what}; this program needs version {newest()}.", hint=hint)
    open_tables = [row[0] for row in connection.execute(query("tables_without_security")).fetchall()]
    if open_tables:
        raise DatabaseUnsuitable(f"Row-level security is not forced on {', '.join(open_tables)}.", hint="Restore the schema from a backup.")
