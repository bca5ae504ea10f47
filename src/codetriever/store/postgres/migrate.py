"""How does a database get the schema of this version? By numbered steps, forward only, one after the other under a lock."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from codetriever.errors import DatabaseUnsuitable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from psycopg import Connection

_LOCK = 0x636F6465_74726965  # an arbitrary number that only these migrations use
_VERSIONS = """
CREATE TABLE IF NOT EXISTS schema_migrations (
    version integer PRIMARY KEY, name text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now()
)
"""


@dataclass(frozen=True, slots=True)
class Migration:
    """One step."""

    version: int
    name: str
    sql: str


@cache
def migrations() -> tuple[Migration, ...]:
    """Return every step in order."""
    found = []
    for file in files(__package__).joinpath("migrations").iterdir():
        if file.name.endswith(".sql"):
            number, _, name = file.name.removesuffix(".sql").partition("_")
            found.append(Migration(int(number), name, file.read_text(encoding="utf-8")))
    return tuple(sorted(found, key=lambda one: one.version))


def newest() -> int:
    """Return the version that this program needs."""
    return migrations()[-1].version


def current(connection: Connection[Any]) -> int:
    """Return the version of a database, 0 for an empty one."""
    row = connection.execute("SELECT to_regclass('schema_migrations') IS NOT NULL").fetchone()
    if not row or not row[0]:
        return 0
    row = connection.execute("SELECT coalesce(max(version), 0) FROM schema_migrations").fetchone()
    return int(row[0]) if row else 0


def migrate(connection: Connection[Any], *, to: int | None = None) -> Sequence[Migration]:
    """Apply the steps that are missing, each in a transaction of its own, and return them; `connection` is in autocommit mode.

    Raises `DatabaseUnsuitable` for a database of a newer version.
    """
    connection.execute("SELECT pg_advisory_lock(%s)", (_LOCK,))
    try:
        version = current(connection)
        if version > newest():
            raise DatabaseUnsuitable(
                f"The database has schema version {version}, this program knows {newest()}.", hint="Update codetriever."
            )
        wanted = [step for step in migrations() if version < step.version <= (newest() if to is None else to)]
        for step in wanted:
            with connection.transaction():
                connection.execute(_VERSIONS)
                connection.execute(step.sql.encode())
                connection.execute("INSERT INTO schema_migrations (version, name) VALUES (%s, %s)", (step.version, step.name))
        return wanted
    finally:
        connection.execute("SELECT pg_advisory_unlock(%s)", (_LOCK,))
