"""How do several database servers share the work? Citus spreads tables over them by tenant: one tenant's rows lie on one server.

So a statement that names its tenant goes to that server alone. The list of tenants is on all of them. What is asked across tenants
(which job is next, whose key is this) stays where the questions arrive, on the coordinator.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from psycopg import sql

from codetriever.errors import DatabaseUnsuitable
from codetriever.store.postgres.queries import query

if TYPE_CHECKING:
    from psycopg import Connection

EVERYWHERE = "tenants"
BY_TENANT = (
    "repositories",
    "project_branches",
    "indexed_files",
    "blobs",
    "chunk_metadata",
    "vectors",
    "vector_signs",
    "symbols",
    "segments",
    "postings",
)


def distribute(connection: Connection[Any]) -> list[str]:
    """Spread the tables that are not spread yet, rows included, all or none, and return their names.

    The connection is in autocommit mode, and its role owns the tables. Searches wait meanwhile. Raises `DatabaseUnsuitable` without Citus.
    """
    if connection.execute(query("has_citus")).fetchone() is None:
        raise DatabaseUnsuitable(
            "The database lacks the extension Citus, which spreads tables over servers.",
            hint="Install Citus on every server, then let a superuser run: CREATE EXTENSION citus",
        )
    with connection.transaction():
        spread = {name for (name,) in connection.execute(query("distributed_tables")).fetchall()}
        missing = [table for table in (*BY_TENANT, EVERYWHERE) if table not in spread]
        if missing:
            _distribute(connection, missing)
    return missing


def _distribute(connection: Connection[Any], tables: list[str]) -> None:
    """Spread these tables; foreign keys step aside meanwhile, and so does row security, under which rows cannot be copied."""
    connection.execute("SET LOCAL citus.multi_shard_modify_mode = 'sequential'")
    keys = connection.execute(query("foreign_keys")).fetchall()
    for table, name, _ in keys:
        _alter(connection, table, sql.SQL("DROP CONSTRAINT {}").format(sql.Identifier(name)))
    for table in tables:
        _alter(connection, table, sql.SQL("NO FORCE ROW LEVEL SECURITY"))
    for table in tables:
        if table == EVERYWHERE:
            connection.execute("SELECT create_reference_table(%s)", (table,))
        else:
            colocated = "default" if table == BY_TENANT[0] else BY_TENANT[0]
            connection.execute("SELECT create_distributed_table(%s, 'tenant_id', colocate_with => %s)", (table, colocated))
    for table, name, definition in keys:
        _alter(connection, table, sql.SQL("ADD CONSTRAINT {} {}").format(sql.Identifier(name), sql.SQL(definition)))
    for table in tables:
        _alter(connection, table, sql.SQL("FORCE ROW LEVEL SECURITY"))


def _alter(connection: Connection[Any], table: str, change: sql.Composable) -> None:
    connection.execute(sql.SQL("ALTER TABLE {} {}").format(sql.Identifier(table), change))
