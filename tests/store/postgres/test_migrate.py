"""Does a database get the same schema from every version, whatever is in it and however many try at once?"""

from __future__ import annotations

import threading

import pytest
from tests.contract.blobs import DIMENSIONS, index

psycopg = pytest.importorskip("psycopg")

from codetriever.errors import DatabaseUnavailable, DatabaseUnsuitable  # noqa: E402 - after the skip
from codetriever.store.postgres import migrate as migrating  # noqa: E402
from codetriever.store.postgres.arrays import halfvec_type  # noqa: E402
from codetriever.store.postgres.database import Database  # noqa: E402
from codetriever.store.postgres.migrate import current, migrate, migrations, newest  # noqa: E402
from codetriever.store.postgres.store import open_store  # noqa: E402
from codetriever.store.postgres.writer import PostgresWriter  # noqa: E402
from codetriever.types import ViewKey  # noqa: E402

MAIN = ViewKey("/repository", "main")
DESCRIPTION = (
    """SELECT table_name, column_name, data_type, is_nullable, column_default FROM information_schema.columns
       WHERE table_schema = 'public' ORDER BY 1, ordinal_position""",
    "SELECT tablename, indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1, 2",
    "SELECT tablename, policyname, qual, with_check FROM pg_policies ORDER BY 1, 2",
    """SELECT conrelid::regclass::text, pg_get_constraintdef(oid) FROM pg_constraint
       WHERE connamespace = 'public'::regnamespace ORDER BY 1, 2""",
)


@pytest.fixture
def empty_url(database_url: str) -> str:
    """A database with the extension and nothing else."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    return database_url


def restored(url: str) -> str:
    """Dropping the schema took the extension along, which only a superuser brings back."""
    with psycopg.connect(url.replace("user=codetriever ", "user=codetriever_admin "), autocommit=True) as connection:
        connection.execute("CREATE EXTENSION IF NOT EXISTS vector")
    return url


def description(url: str) -> list[object]:
    with psycopg.connect(url) as connection:
        return [connection.execute(question).fetchall() for question in DESCRIPTION]


def fill(url: str) -> None:
    """Index something, whatever version the schema has: what a version had no table for, its writer did not write."""
    with Database(url) as database, psycopg.connect(url) as connection, pytest.MonkeyPatch.context() as patch:
        database.halfvec_type, database._is_checked = halfvec_type(connection), True
        if current(connection) < 5:
            execute = PostgresWriter._execute
            patch.setattr(PostgresWriter, "_execute", lambda *one, **more: 0 if one[1].endswith("_signs") else execute(*one, **more))
        with open_store(database, "one", model="m", dimensions=DIMENSIONS).writer() as writer:
            index(writer, MAIN, {"a.py": b"def one\nreturn two\n"})
            index(writer, ViewKey("/repository", "side"), {"b.py": b"def one\nreturn three\n"})


def test_steps_are_numbered_without_gaps() -> None:
    assert [step.version for step in migrations()] == list(range(1, newest() + 1))


@pytest.mark.parametrize("version", range(newest() + 1))
@pytest.mark.parametrize("is_filled", [False, True])
def test_from_every_version(empty_url: str, database_url: str, version: int, is_filled: bool) -> None:
    url = restored(empty_url)
    with psycopg.connect(url, autocommit=True) as connection:
        migrate(connection, to=version)
        assert current(connection) == version
    if is_filled and version:
        fill(url)
    with Database(url) as database:
        assert [step.version for step in database.migrate()] == list(range(version + 1, newest() + 1))
        assert database.migrate() == []
    if is_filled and version:
        with Database(url) as database, open_store(database, "one", model="m", dimensions=DIMENSIONS).snapshot(MAIN) as snapshot:
            assert (snapshot.info.generation, snapshot.chunk_count) == (1, 2)
            assert snapshot.defined("ONE").names == ["one"]
            assert len(snapshot.postings("return")[0]) == 1
            assert list(snapshot.terms_containing("t", 9)) == ["return", "three", "two"]
            assert snapshot.content(0) == b"def one\nreturn two\n"
            assert not len(snapshot._generation.signs(snapshot._connection, "m", DIMENSIONS).missing)


def test_the_result_is_the_same_as_in_a_copied_database(postgres_server: str, empty_url: str) -> None:
    url = restored(empty_url)
    with Database(url) as database:
        database.migrate()
    assert description(url) == description(postgres_server)


def test_many_at_once(empty_url: str) -> None:
    url = restored(empty_url)
    done: list[int] = []

    def run() -> None:
        with Database(url) as database:
            done.append(len(database.migrate()))

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(done) == [0, 0, 0, newest()]


def test_a_step_that_fails_leaves_the_version_before(empty_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    url = restored(empty_url)
    broken = migrating.Migration(newest() + 1, "broken", "CREATE TABLE half (one integer); SELECT 1 / 0;")
    monkeypatch.setattr(migrating, "migrations", lambda: (*migrations(), broken))
    with psycopg.connect(url, autocommit=True) as connection:
        with pytest.raises(psycopg.errors.DivisionByZero):
            migrate(connection)
        assert current(connection) == broken.version - 1
        assert connection.execute("SELECT to_regclass('half')").fetchone() == (None,)


def test_an_empty_database_says_what_to_do(empty_url: str) -> None:
    with Database(restored(empty_url)) as database, pytest.raises(DatabaseUnsuitable, match="is empty") as raised:
        database.check()
    assert "codetriever db migrate" in raised.value.hint


def test_a_newer_schema_is_refused(database_url: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("INSERT INTO schema_migrations (version, name) VALUES (%s, 'later')", (newest() + 1,))
    with Database(database_url) as database:
        for use in (database.check, database.migrate):
            with pytest.raises(DatabaseUnsuitable, match=f"version {newest() + 1}"):
                use()


def test_a_missing_extension_is_named(empty_url: str) -> None:
    with Database(empty_url) as database:
        for use in (database.check, database.migrate):
            with pytest.raises(DatabaseUnsuitable, match="lacks the extension pgvector") as raised:
                use()
            assert "CREATE EXTENSION vector" in raised.value.hint


def test_versions_that_are_too_old_are_refused(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("codetriever.store.postgres.database.OLDEST_POSTGRESQL", 99)
    with Database(database_url) as database, pytest.raises(DatabaseUnsuitable, match=r"PostgreSQL \d+; 99 or newer"):
        database.check()
    monkeypatch.undo()
    monkeypatch.setattr("codetriever.store.postgres.database.OLDEST_PGVECTOR", (99, 0))
    with Database(database_url) as database, pytest.raises(DatabaseUnsuitable, match=r"pgvector \d+\.\d+\.\d+; 99\.0"):
        database.check()


@pytest.mark.parametrize("url", ["postgresql://codetriever@/none?host=/nowhere", "postgresql://x@127.0.0.1:1/none", "host=/nowhere"])
def test_a_database_that_is_not_there(url: str) -> None:
    with Database(url) as database, pytest.raises(DatabaseUnavailable, match="cannot be reached"):
        database.check()


def test_an_address_that_is_none() -> None:
    with Database("postgres:nonsense=") as database, pytest.raises(DatabaseUnavailable, match="address"):
        database.check()
