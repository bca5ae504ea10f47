"""Do the tables spread over the servers of a Citus cluster, and does a statement about one tenant ask one server?

CODETRIEVER_TEST_CITUS_URL names an empty database with Citus and pgvector, of a role that owns its schema; ARCHITECTURE.md tells how.
"""

from __future__ import annotations

import os
import uuid
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from tests.contract.blobs import DIMENSIONS, embed_words, index

psycopg = pytest.importorskip("psycopg")

from codetriever.errors import DatabaseUnsuitable  # noqa: E402 - after the skip
from codetriever.store.postgres import database as opening  # noqa: E402
from codetriever.store.postgres.database import DEFAULT_TENANT, Database, begin  # noqa: E402
from codetriever.store.postgres.distribute import BY_TENANT, EVERYWHERE  # noqa: E402
from codetriever.store.postgres.queries import queries  # noqa: E402
from codetriever.store.postgres.store import PostgresStore, open_store  # noqa: E402
from codetriever.store.postgres.tenants import Acting, Tenants  # noqa: E402
from codetriever.types import ViewKey  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Iterator

URL = os.environ.get("CODETRIEVER_TEST_CITUS_URL", "")
MAIN, NEXT = ViewKey("/repository", "main"), ViewKey("/repository", "next")
OURS = {"src/parse.py": b"def parse the input\nreturn tree\n", "both.txt": b"the same bytes\n"}
MORE = {"src/parse.py": b"def parse the input again\nreturn leaf\n", "both.txt": b"the same bytes\n"}
THEIRS = {"src/parse.py": b"def other things\n", "both.txt": b"the same bytes\n"}

needs_citus = pytest.mark.skipif(not URL, reason="CODETRIEVER_TEST_CITUS_URL names no cluster")


class Recording(psycopg.Cursor[Any]):
    """Remembers the last parameters of each statement."""

    asked: dict[str, Any] = {}  # noqa: RUF012 - of all cursors

    def execute(self, query: Any, params: Any = None, **options: Any) -> Any:
        self.asked[str(query)] = params
        return super().execute(query, params, **options)


@pytest.fixture
def spread(monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    """A cluster whose rows were there before they were spread; its statements are recorded."""
    configure = opening._configure

    def recording(connection: Any, pool: str) -> None:
        configure(connection, pool)
        connection.cursor_factory = Recording

    monkeypatch.setattr(opening, "_configure", recording)
    with psycopg.connect(URL, autocommit=True) as connection:
        for (table,) in connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall():
            connection.execute(f'DROP TABLE IF EXISTS "{table}" CASCADE')
        connection.execute("DROP FUNCTION IF EXISTS check_job_transition; DROP SEQUENCE IF EXISTS job_positions")
    with Database(URL) as database:
        database.migrate()
        with store_of(database, DEFAULT_TENANT).writer() as writer:
            index(writer, MAIN, OURS)
        assert database.distribute() == [*BY_TENANT, EVERYWHERE]
        yield database


def store_of(database: Database, tenant: uuid.UUID) -> PostgresStore:
    return open_store(database, "github.com/one/name", model="m", dimensions=DIMENSIONS, features="1", tenant=tenant)


def paths_found(store: PostgresStore, term: str) -> list[str]:
    with store.snapshot(MAIN) as snapshot:
        files = snapshot.chunk_files()
        return sorted({snapshot.files.paths[files[ordinal]] for ordinal in snapshot.postings(term)[0].tolist()})


@needs_citus
@pytest.mark.citus
def test_rows_move_and_tenants_stay_apart(spread: Database) -> None:
    assert spread.distribute() == [], "there is nothing left to do"
    other = uuid.UUID(Tenants(Acting(spread, DEFAULT_TENANT, "somebody")).create("other").tenant_id)
    with store_of(spread, other).writer() as writer:
        index(writer, MAIN, THEIRS)
    ours, theirs = store_of(spread, DEFAULT_TENANT), store_of(spread, other)
    assert paths_found(ours, "parse") == ["src/parse.py"]
    assert paths_found(theirs, "parse") == []
    assert paths_found(theirs, "same") == ["both.txt"]
    with spread.connection("write") as connection:
        for table in BY_TENANT:
            assert connection.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,), f"{table}: nobody said for whom"


@needs_citus
@pytest.mark.citus
def test_a_statement_about_one_tenant_asks_one_server(spread: Database) -> None:
    store = store_of(spread, DEFAULT_TENANT)
    with store.writer() as writer:
        index(writer, MAIN, MORE)
        index(writer, NEXT, OURS)
        index(writer, NEXT, {"both.txt": OURS["both.txt"]})
        writer.embed_missing(lambda chunks: np.zeros((len(chunks), DIMENSIONS), np.float32))
        assert writer.listing(MAIN) == b""
    assert store.is_complete(MAIN)
    assert store.generation(MAIN) == 2
    assert store.size_bytes() > 0
    with store.snapshot(MAIN) as snapshot:
        vector = embed_words(("the", "same"))
        snapshot.nearest(vector, 5)
        snapshot.nearest(vector, 5, np.array([True, False]))
        snapshot.cosines(vector, np.arange(snapshot.ordinals))
        snapshot.vectors(np.arange(snapshot.ordinals))
        assert list(snapshot.chunks(np.arange(snapshot.ordinals)).names)
        assert snapshot.content(0) == OURS["both.txt"]
        snapshot.definitions(0)
        snapshot.postings("parse")
        snapshot.path_postings("parse")
        snapshot.terms_containing("ars", 5)
        snapshot.defined("parse")
    assert store.views()
    store.remove([NEXT])
    named = {statement: name for name, statement in queries().items()}
    asked = {named[statement]: given for statement, given in Recording.asked.items() if statement in named}
    asked = {name: given for name, given in asked.items() if "tenant_id = %(tenant)s" in queries()[name]}
    assert len(asked) > 35, sorted(asked)
    with spread.connection("write") as connection:
        for name, given in asked.items():
            begin(connection, DEFAULT_TENANT, "BEGIN")  # one each: to explain parameters of a type of pgvector's undoes a transaction
            lines = [row[0] for row in connection.execute(f"EXPLAIN (COSTS OFF) {queries()[name]}", given).fetchall()]
            connection.execute("ROLLBACK")
            assert "Task Count: 1" in "\n".join(lines), (name, lines)


def test_a_database_without_citus_says_so(database_url: str) -> None:
    with Database(database_url) as database, pytest.raises(DatabaseUnsuitable, match="lacks the extension Citus"):
        database.distribute()
