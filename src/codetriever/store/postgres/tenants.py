"""Who shares a database, what have they done, and what goes when one of them goes?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from psycopg import sql

from codetriever.errors import InvalidArguments, NameTaken, TenantNotFound
from codetriever.store.postgres.database import DEFAULT_TENANT, MANAGE_TENANTS, in_transaction, managing_tenants
from codetriever.store.postgres.locks import writer_lock
from codetriever.store.postgres.pools import WRITE
from codetriever.store.postgres.queries import query

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import AbstractContextManager

    from psycopg import Connection

    from codetriever.store.postgres.database import Database

MOST_NAME_CHARACTERS = 200


@dataclass(frozen=True, slots=True)
class Acting:
    """Who changes something: a tenant of a database, and the name by which the audit log knows the person or program."""

    database: Database
    tenant: UUID
    name: str


@dataclass(frozen=True, slots=True)
class Tenant:
    """One of those who share a database. `created_at` is in seconds since the epoch."""

    tenant_id: str
    name: str
    created_at: float


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One change: when (seconds since the epoch), by whom, what, to what."""

    happened_at: float
    actor: str
    action: str
    subject: str


class Tenants:
    """The tenants of a database, and the audit log of the one that acts."""

    def __init__(self, acting: Acting) -> None:
        self._acting = acting

    def create(self, name: str) -> Tenant:
        """Make a tenant; raises `NameTaken` and `InvalidArguments`."""
        check_name(name)
        if _as_uuid(name) is not None:
            raise InvalidArguments(f"{name} is a number, not a name.", hint="A tenant's number is chosen by the database.")
        with self._acting.database.connection(WRITE) as connection:

            def create() -> tuple[Any, ...] | None:
                connection.execute(MANAGE_TENANTS)
                row = connection.execute(query("create_tenant"), {"name": name}).fetchone()
                if row is not None:
                    record(connection, self._acting, "create tenant", name)
                return row

            row = in_transaction(connection, self._acting.tenant, create)
        if row is None:
            raise NameTaken(f"There is a tenant {name!r} already.")
        return Tenant(*row)

    def list(self) -> list[Tenant]:
        """Return every tenant, by name."""
        database = self._acting.database
        with database.connection(database.current) as connection, managing_tenants(connection):
            return [Tenant(*row) for row in connection.execute(query("list_tenants")).fetchall()]

    def get(self, named: str) -> Tenant:
        """Return a tenant by its name or number; raises `TenantNotFound`."""
        for one in self.list():
            if named in (one.name, one.tenant_id):
                return one
        raise TenantNotFound(f"The database knows no tenant {named!r}.", hint="`codetriever tenants list` shows them.")

    def remove(self, named: str, *, wait_s: float = 10.0) -> Tenant:
        """Delete a tenant with all that it has; raises `TenantNotFound`, and `StoreLocked` while one of its repositories is being written.

        The default tenant cannot be removed.
        """
        from codetriever.store.postgres.repositories import drop_graphs

        tenant = self.get(named)
        number = UUID(tenant.tenant_id)
        if number == DEFAULT_TENANT:
            raise InvalidArguments("The default tenant stays: whoever names none means it.", hint="Remove its repositories instead.")
        with self._acting.database.connection(WRITE) as connection:
            repositories = in_transaction(connection, number, lambda: repository_numbers(connection, number))
            with _all_locked(connection, number, repositories, wait_s):
                in_transaction(connection, number, lambda: delete_all(connection, "tables_of_tenants", "tenant_id", number, number))

                def drop() -> None:
                    connection.execute(MANAGE_TENANTS)
                    connection.execute(query("drop_tenant"), {"tenant": number})
                    record(connection, self._acting, "remove tenant", f"{tenant.name} ({tenant.tenant_id})")

                in_transaction(connection, self._acting.tenant, drop)
            for repository in repositories:
                drop_graphs(connection, repository)
        return tenant

    def audit(self, *, limit: int = 100) -> Sequence[AuditEntry]:
        """Return what was changed in the name of the acting tenant, the last first."""
        database = self._acting.database
        with database.reading(self._acting.tenant, database.current) as connection:
            rows = connection.execute(query("list_audit"), {"tenant": self._acting.tenant, "limit": limit}).fetchall()
        return [AuditEntry(*row) for row in rows]


def check_name(name: str) -> None:
    """Refuse what cannot be told apart or typed; raises `InvalidArguments`."""
    if not name.strip() or name != name.strip() or len(name) > MOST_NAME_CHARACTERS or not name.isprintable():
        raise InvalidArguments(
            f"{name!r} cannot be a name.", hint=f"1 to {MOST_NAME_CHARACTERS} printable characters, no blank at its ends."
        )


def record(connection: Connection[Any], acting: Acting, action: str, subject: str) -> None:
    """Write into the audit log, in the open transaction of the acting tenant."""
    connection.execute(query("add_to_audit"), {"tenant": acting.tenant, "actor": acting.name, "action": action, "subject": subject})


def repository_numbers(connection: Connection[Any], tenant: UUID) -> list[int]:
    """Return the numbers of a tenant's repositories, ascending."""
    rows = connection.execute(query("list_repositories"), {"tenant": tenant, "named": None}).fetchall()
    return sorted(row[0] for row in rows)


def delete_all(connection: Connection[Any], tables: str, column: str, value: object, tenant: UUID) -> None:
    """Delete a tenant's rows with that value in a column from the tables that the query `tables` lists."""
    for (table,) in connection.execute(query(tables)).fetchall():
        connection.execute(
            sql.SQL("DELETE FROM {} WHERE tenant_id = {} AND {} = {}").format(
                sql.Identifier(table), sql.Placeholder("tenant"), sql.Identifier(column), sql.Placeholder("value")
            ),
            {"tenant": tenant, "value": value},
        )


def _all_locked(connection: Connection[Any], tenant: UUID, repositories: Sequence[int], wait_s: float) -> AbstractContextManager[object]:
    from contextlib import ExitStack

    with ExitStack() as locks:
        for repository in repositories:
            locks.enter_context(writer_lock(connection, tenant, repository, "a repository of the tenant", wait_s))
        return locks.pop_all()


def _as_uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
