"""Does the database itself keep tenants apart, whatever a query forgets?"""

from __future__ import annotations

import re
import uuid
from typing import TYPE_CHECKING

import numpy as np
import pytest
from tests.contract.blobs import DIMENSIONS, embed_words, index

psycopg = pytest.importorskip("psycopg")

from codetriever.errors import DatabaseUnsuitable  # noqa: E402 - after the skip
from codetriever.store.postgres import arrays  # noqa: E402
from codetriever.store.postgres.database import DEFAULT_TENANT, Database, managing_tenants, transaction  # noqa: E402
from codetriever.store.postgres.keys import Keys  # noqa: E402
from codetriever.store.postgres.queries import queries  # noqa: E402
from codetriever.store.postgres.snapshot import symbol_hash  # noqa: E402
from codetriever.store.postgres.store import open_store  # noqa: E402
from codetriever.store.postgres.tenants import Acting  # noqa: E402
from codetriever.types import ViewKey  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Iterator

OTHER = uuid.UUID("00000000-0000-4000-8000-000000000002")
JOB = uuid.UUID("00000000-0000-4000-8000-00000000000a")
MAIN = ViewKey("/repository", "main")
OURS = {"src/parse.py": b"def parse the input\nreturn tree\n", "both.txt": b"the same bytes\n"}
THEIRS = {"src/parse.py": b"def other things\n", "both.txt": b"the same bytes\n"}
CONDITION = re.compile(r"(\w+\.)?tenant_id = %\(tenant\)s")
TABLES = (
    "repositories", "project_branches", "indexed_files", "blobs", "chunk_metadata", "vectors", "vector_signs", "symbols", "segments",
    "postings",
    "indexing_jobs", "job_submissions", "job_files", "api_keys", "audit_log",
)  # fmt: skip


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    with Database(database_url) as opened:
        with opened.connection("write") as connection, managing_tenants(connection):
            connection.execute("INSERT INTO tenants (tenant_id, name) VALUES (%s, 'other')", (OTHER,))
        for tenant, files in ((DEFAULT_TENANT, OURS), (OTHER, THEIRS)):
            with open_one(opened, tenant).writer() as writer:
                index(writer, MAIN, files)
            submit(opened, tenant)
            Keys(Acting(opened, tenant, "somebody")).create("a key")
        yield opened


def submit(database: Database, tenant: uuid.UUID) -> None:
    """Leave a job with contents."""
    job = JOB if tenant == DEFAULT_TENANT else uuid.uuid4()
    with database.connection("write") as connection, transaction(connection, tenant):
        connection.execute(
            "INSERT INTO indexing_jobs (tenant_id, job_id, repository, branch, source, correlation_id)"
            " VALUES (%(tenant)s, %(job)s, 'github.com/one/name', 'main', 'contents', %(job)s)",
            {"tenant": tenant, "job": job},
        )
        connection.execute(
            "INSERT INTO job_submissions (tenant_id, submission_id, job_id, replaces) VALUES (%(tenant)s, %(job)s, %(job)s, true)",
            {"tenant": tenant, "job": job},
        )
        connection.execute("INSERT INTO job_files (tenant_id, submission_id, file_path) VALUES (%s, %s, 'a.py')", (tenant, job))


def open_one(database: Database, tenant: uuid.UUID):
    return open_store(database, "github.com/one/name", model="m", dimensions=DIMENSIONS, features="1", tenant=tenant)


def parameters(tenant: uuid.UUID, repository: int) -> dict[str, object]:
    """What would find everything that there is, for every question."""
    empty = arrays.bigints(np.arange(1, 100))
    return {
        "tenant": tenant, "repository": repository, "name": "github.com/one/name", "worktree": "/repository", "branch": "main",
        "features": "1", "view": repository, "term": b"the", "first": b"", "end": b"\xff", "part": b"e", "limit": 100, "model": "m",
        "vector": arrays.halfvec(embed_words(("the", "same"))),
        "high": arrays.halfvec(embed_words(("the", "same"))), "low": arrays.halfvec(embed_words(("the", "same"))),
        "blobs": empty, "indexes": arrays.ints(np.zeros(99)), "hash": 0, "blob": 1,
        "segments": empty, "after": 0, "times": empty, "named": None, "unused_s": 0.0, "most": 0,
        "repositories": empty, "views": empty, "names": None, "terms": arrays.byteas([b"the", b"same"]), "path": b"src/parse.py",
        "hashes": arrays.ints(np.array([symbol_hash("parse"), symbol_hash("other")])),
        "job": JOB, "submission": JOB, "state": "", "offset": 0, "after_path": b"",
        "digests": arrays.byteas([b"x"] * 99), "languages": arrays.texts(["text"] * 99)
    }  # fmt: skip


STATEMENT = re.compile(r"^(SELECT|INSERT|UPDATE|DELETE|ANALYZE)", re.MULTILINE)
FIRST = {name: STATEMENT.search(sql)[0] for name, sql in queries().items()}  # type: ignore[index]
ASKING = sorted(name for name, verb in FIRST.items() if verb == "SELECT" and "%(tenant)s" in queries()[name])


# These name no repository, so they find what is the tenant's own.
OF_ALL_REPOSITORIES = (
    "list_repositories", "tenant_statistics", "list_keys", "list_audit", "list_jobs", "count_jobs", "list_generations",
    "postings_of_tenant", "signs_of_repositories", "repositories_defining", "repositories_listing",
    "products_of_repositories", "views_in_repositories",
)  # fmt: skip


def found(rows: list[tuple[object, ...]]) -> list[object]:
    """What the rows tell; an aggregate of nothing is a row of nothing."""
    return [value for row in rows for value in row if value is not None and value not in (0, False)]


@pytest.mark.parametrize("name", ASKING)
def test_a_question_that_forgets_the_tenant_finds_nothing_of_others(database: Database, name: str) -> None:
    """Asked with the numbers of a repository that is another tenant's."""
    forgetful = CONDITION.sub("true", queries()[name])
    assert forgetful != queries()[name]
    with database.reading(DEFAULT_TENANT) as connection:
        (repository,) = connection.execute("SELECT repository_id FROM repositories").fetchone() or ()
    with database.reading(OTHER) as connection:
        (own,) = connection.execute("SELECT repository_id FROM repositories").fetchone() or ()
        rows = connection.execute(forgetful, parameters(OTHER, repository), binary=True).fetchall()
        asked_well = connection.execute(queries()[name], parameters(OTHER, repository), binary=True).fetchall()
    assert repr(rows) == repr(asked_well)
    if name not in OF_ALL_REPOSITORIES:
        assert found(rows) == ([own] if name == "find_repository" else [True] if name == "is_complete" else [])


def test_who_names_no_tenant_sees_nothing(database: Database) -> None:
    with database.connection("read") as connection:
        for table in (*TABLES, "tenants"):
            assert connection.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,), table


@pytest.mark.parametrize("table", TABLES)
def test_nobody_changes_what_is_anothers(database: Database, table: str) -> None:
    with database.reading(DEFAULT_TENANT) as connection:
        before = connection.execute(f"SELECT count(*) FROM {table}").fetchone()
    with database.connection("write") as connection:
        with transaction(connection, OTHER):
            assert connection.execute(f"UPDATE {table} SET tenant_id = tenant_id WHERE tenant_id = %s", (DEFAULT_TENANT,)).rowcount == 0
            assert connection.execute(f"DELETE FROM {table} WHERE tenant_id = %s", (DEFAULT_TENANT,)).rowcount == 0
        with pytest.raises(psycopg.errors.InsufficientPrivilege), transaction(connection, OTHER):
            connection.execute(f"UPDATE {table} SET tenant_id = %s", (DEFAULT_TENANT,))
    with database.reading(DEFAULT_TENANT) as connection:
        assert connection.execute(f"SELECT count(*) FROM {table}").fetchone() == before


def test_nobody_adds_for_another(database: Database) -> None:
    with database.connection("write") as connection, pytest.raises(psycopg.errors.InsufficientPrivilege), transaction(connection, OTHER):
        connection.execute("INSERT INTO repositories (tenant_id, name) VALUES (%s, 'mine now')", (DEFAULT_TENANT,))


def test_the_same_repository_of_two_tenants(database: Database) -> None:
    with open_one(database, DEFAULT_TENANT).snapshot(MAIN) as ours, open_one(database, OTHER).snapshot(MAIN) as theirs:
        assert (ours.chunk_count, theirs.chunk_count) == (3, 2)
        assert len(ours.postings("same")[0]) == len(theirs.postings("same")[0]) == 1
        assert len(theirs.postings("tree")[0]) == 0
        assert len(theirs.defined("parse").names) == 0
        assert len(theirs.nearest(embed_words(("the",)), 10)[0]) == 2
    open_one(database, OTHER).remove([MAIN])
    with open_one(database, DEFAULT_TENANT).snapshot(MAIN) as ours:
        assert ours.content(0) == OURS["both.txt"]


def test_every_table_of_tenants_is_forced(database: Database) -> None:
    with database.reading(DEFAULT_TENANT) as connection:
        assert connection.execute(queries()["tables_without_security"]).fetchall() == []
        policies = connection.execute("SELECT tablename, cmd FROM pg_policies ORDER BY tablename, cmd").fetchall()
    assert policies == sorted([*((table, "ALL") for table in (*TABLES, "tenants")), ("api_keys", "SELECT")]), "a key sees its own row"


def test_keys_and_indexes_begin_with_the_tenant(database: Database) -> None:
    with database.reading(DEFAULT_TENANT) as connection:
        others = connection.execute(
            "SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' AND indexdef !~ '\\(tenant_id'"
            " AND tablename NOT IN ('schema_migrations', 'tenants') AND indexname <> 'api_keys_hash_key'"
        ).fetchall()
    assert others == []


def test_a_table_whose_security_was_taken_off_is_refused(database: Database, database_url: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("ALTER TABLE blobs NO FORCE ROW LEVEL SECURITY")
    with Database(database_url) as again, pytest.raises(DatabaseUnsuitable, match="not forced on blobs"):
        again.check()


def test_a_superuser_is_refused(database_url: str) -> None:
    with Database(database_url.replace("user=codetriever ", "user=codetriever_admin ")) as database:
        with pytest.raises(DatabaseUnsuitable, match="codetriever_admin sees the rows of every tenant"):
            database.check()
        with pytest.raises(DatabaseUnsuitable, match="superuser"):
            database.migrate()


def test_a_tenants_number_cannot_smuggle_anything_in(database: Database) -> None:
    with pytest.raises(ValueError, match="badly formed"), database.reading("x'; DROP TABLE blobs; --"):  # type: ignore[arg-type]
        pass
