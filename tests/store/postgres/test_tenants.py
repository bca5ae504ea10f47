"""Are tenants, repositories and keys managed as people expect, and is every change on record?"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import pytest
from tests.contract.blobs import DIMENSIONS, index

psycopg = pytest.importorskip("psycopg")

import codetriever  # noqa: E402 - after the skip
from codetriever.errors import (  # noqa: E402
    InvalidArguments,
    KeyNotFound,
    KeyRejected,
    NameTaken,
    RepositoryNotFound,
    ScopeMissing,
    StoreLocked,
    TenantNotFound,
)
from codetriever.store.postgres.database import DEFAULT_TENANT, Database, TransactionUndone, in_transaction  # noqa: E402
from codetriever.store.postgres.keys import hash_of  # noqa: E402
from codetriever.store.postgres.store import open_store  # noqa: E402
from codetriever.types import ViewKey  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Iterator
    from uuid import UUID

    from codetriever.connection import Connection

MAIN = ViewKey("", "main")
FILES: dict[str, bytes | None] = {"a.py": b"def parse the input\n", "b.py": b"def render the tree\nreturn\n"}


@pytest.fixture
def connection(database_url: str) -> Iterator[Connection]:
    with codetriever.connect(database_url) as opened:
        yield opened


def fill(connection: Connection, name: str, files: dict[str, bytes | None] = FILES, branch: str = "main") -> None:
    store = open_store(connection.database, name, model="m", dimensions=DIMENSIONS, tenant=connection.tenant)
    with store.writer() as writer:
        index(writer, ViewKey("", branch), files)


def rows_of(connection: Connection, tenant: UUID) -> dict[str, int]:
    """How many rows of a tenant every table has that has any."""
    with connection.database.reading(tenant) as direct:
        tables = [row[0] for row in direct.execute(
            "SELECT table_name FROM information_schema.columns WHERE column_name = 'tenant_id' AND table_schema = 'public'"
        ).fetchall()]  # fmt: skip
        counts = {table: direct.execute(f"SELECT count(*) FROM {table} WHERE tenant_id = %s", (tenant,)).fetchone()[0] for table in tables}
    return {table: count for table, count in counts.items() if count}


def test_tenants_come_and_go(connection: Connection) -> None:
    assert [tenant.name for tenant in connection.tenants.list()] == ["default"]
    made = connection.tenants.create("harbour")
    assert connection.tenants.get("harbour") == connection.tenants.get(made.tenant_id) == made
    assert abs(made.created_at - time.time()) < 60
    with pytest.raises(NameTaken, match="harbour"):
        connection.tenants.create("harbour")
    assert connection.tenants.remove("harbour") == made
    with pytest.raises(TenantNotFound, match="harbour"):
        connection.tenants.get("harbour")
    with pytest.raises(TenantNotFound):
        connection.tenants.remove("harbour")


@pytest.mark.parametrize("name", ["", " ", " edge", "two\nlines", "x" * 201, "\0", "00000000-0000-4000-8000-000000000009"])
def test_what_cannot_be_a_tenants_name(connection: Connection, name: str) -> None:
    with pytest.raises(InvalidArguments):
        connection.tenants.create(name)


def test_the_default_tenant_stays(connection: Connection) -> None:
    with pytest.raises(InvalidArguments, match="default"):
        connection.tenants.remove("default")


def test_a_tenant_that_is_removed_leaves_nothing_and_others_everything(connection: Connection) -> None:
    other = connection.as_tenant(connection.tenants.create("other").tenant_id)
    for one in (connection, other):
        fill(one, "github.com/harbour/parcels")
        one.keys.create("robot")
    before = rows_of(connection, DEFAULT_TENANT)
    number = other.tenant
    assert set(rows_of(connection, number)) >= {"blobs", "chunk_metadata", "vectors", "postings", "api_keys", "repositories"}
    connection.tenants.remove("other")
    assert set(rows_of(connection, number)) <= {"audit_log"}
    assert {**rows_of(connection, DEFAULT_TENANT), "audit_log": 0} == {**before, "audit_log": 0}


def test_nothing_is_removed_under_a_writers_hands(connection: Connection) -> None:
    other = connection.as_tenant(connection.tenants.create("other").tenant_id)
    fill(other, "busy")
    store = open_store(connection.database, "busy", model="m", dimensions=DIMENSIONS, tenant=other.tenant)
    with store.writer():
        with pytest.raises(StoreLocked):
            connection.tenants.remove("other", wait_s=0)
        with pytest.raises(StoreLocked, match="busy"):
            other.repositories.remove("busy", wait_s=0)
    assert other.repositories.get("busy").chunks == 3
    other.repositories.remove("busy")
    connection.tenants.remove("other")


def test_repositories_are_listed_renamed_and_removed(connection: Connection) -> None:
    fill(connection, "one")
    fill(connection, "one", {"a.py": FILES["a.py"]}, branch="side")
    fill(connection, "two", {"a.py": FILES["a.py"]})
    one, two = connection.repositories.list()
    assert (one.name, one.branches, one.files, one.chunks, one.size_bytes) == ("one", 2, 3, 4, 0)
    assert (two.name, two.branches, two.files, two.text_bytes) == ("two", 1, 1, len(FILES["a.py"] or b""))
    assert connection.repositories.get("one").size_bytes > 0
    with pytest.raises(NameTaken, match="two"):
        connection.repositories.rename("one", "two")
    assert connection.repositories.rename("one", "github.com/new/one").chunks == 4
    assert connection.repositories.remove("github.com/new/one").branches == 2
    assert [repository.name for repository in connection.repositories.list()] == ["two"]
    assert rows_of(connection, DEFAULT_TENANT)["chunk_metadata"] == 1
    for wrong in (connection.repositories.get, connection.repositories.remove, lambda name: connection.repositories.rename(name, "new")):
        with pytest.raises(RepositoryNotFound, match="nowhere"):
            wrong("nowhere")


def test_statistics_count_a_tenants_own(connection: Connection) -> None:
    other = connection.as_tenant(connection.tenants.create("other").tenant_id)
    fill(connection, "same")
    fill(other, "same")
    fill(connection, "same", branch="side")
    mine, theirs = connection.repositories.statistics(), other.repositories.statistics()
    assert (mine.repositories, mine.branches, mine.files, mine.blobs, mine.chunks, mine.vectors, mine.symbols) == (1, 2, 4, 2, 3, 3, 2)
    assert (theirs.branches, theirs.files, theirs.blobs, theirs.chunks) == (1, 2, 2, 3)


# Keys


def test_a_key_is_shown_once_and_stored_as_a_hash(connection: Connection, database_url: str) -> None:
    made = connection.keys.create("robot", scopes=["index", "search"])
    assert made.secret.startswith("ct_")
    assert len(made.secret) == 3 + 43, "256 bits"
    assert made.key.scopes == ("search", "index")
    assert connection.keys.check(made.secret).key_id == made.key.key_id
    assert made.secret != connection.keys.create("robot").secret
    with psycopg.connect(database_url.replace("user=codetriever ", "user=codetriever_admin ")) as direct:
        (stored,) = direct.execute("SELECT string_agg(k::text, ' ') FROM api_keys k").fetchone() or ("",)
        (logged,) = direct.execute("SELECT string_agg(a::text, ' ') FROM audit_log a").fetchone() or ("",)
    assert made.secret not in stored + logged
    assert hash_of(made.secret).hex() in stored


@pytest.mark.parametrize(
    "wrong", ["", "ct_", "ct_" + "x" * 43, "CT_" + "x" * 43, "x" * 46, "ct_'; DROP TABLE api_keys; --", "ct_" + "é" * 43]
)
def test_an_unknown_key_is_rejected(connection: Connection, wrong: str) -> None:
    with pytest.raises(KeyRejected) as raised:
        connection.keys.check(wrong)
    assert raised.value.status == 401
    assert "x" * 40 not in raised.value.message


def test_scopes(connection: Connection) -> None:
    search, admin = connection.keys.create("one"), connection.keys.create("two", scopes=("admin",))
    assert connection.keys.check(search.secret, scope="search").name == "one"
    with pytest.raises(ScopeMissing, match="not good for index") as raised:
        connection.keys.check(search.secret, scope="index")
    assert raised.value.status == 403
    for scope in ("search", "index", "admin"):
        assert connection.keys.check(admin.secret, scope=scope).name == "two"
    for wrong in ((), ("write",), ("search", "everything")):
        with pytest.raises(InvalidArguments, match="scopes"):
            connection.keys.create("three", scopes=wrong)


def test_a_revoked_key_is_refused_at_once(connection: Connection) -> None:
    made = connection.keys.create("robot")
    assert connection.keys.check(made.secret)
    (revoked,) = connection.keys.revoke("robot")
    assert revoked.revoked_at is not None
    with pytest.raises(KeyRejected):
        connection.keys.check(made.secret)
    with pytest.raises(KeyNotFound, match="robot"):
        connection.keys.revoke("robot")
    assert [key.revoked_at for key in connection.keys.list()] == [revoked.revoked_at]


def test_a_key_expires(connection: Connection) -> None:
    lasting, brief = connection.keys.create("lasting", expires_in_s=3600), connection.keys.create("brief", expires_in_s=0.05)
    time.sleep(0.1)
    assert connection.keys.check(lasting.secret).expires_at == pytest.approx(time.time() + 3600, abs=60)
    with pytest.raises(KeyRejected):
        connection.keys.check(brief.secret)
    for wrong in (0, -1, 1e18, float("nan")):
        with pytest.raises(InvalidArguments):
            connection.keys.create("never", expires_in_s=wrong)


def test_the_last_use_is_noted_at_most_once_a_minute(connection: Connection) -> None:
    made = connection.keys.create("robot")
    assert made.key.last_used_at is None
    connection.keys.check(made.secret)
    (first,) = connection.keys.list()
    assert first.last_used_at == pytest.approx(time.time(), abs=60)
    connection.keys.check(made.secret)
    assert connection.keys.list() == [first]
    with connection.database.connection("write") as direct:
        age = "UPDATE api_keys SET last_used_at = last_used_at - interval '61 seconds'"
        in_transaction(direct, DEFAULT_TENANT, lambda: direct.execute(age))
    connection.keys.check(made.secret)
    (later,) = connection.keys.list()
    assert later.last_used_at is not None
    assert later.last_used_at > first.last_used_at


def test_a_key_tells_whose_it_is_and_shows_no_other(connection: Connection) -> None:
    other = connection.as_tenant(connection.tenants.create("other").tenant_id)
    mine, theirs = connection.keys.create("mine"), other.keys.create("theirs")
    assert connection.keys.check(theirs.secret).tenant_id == str(other.tenant)
    assert [key.name for key in connection.keys.list()] == ["mine"]
    with pytest.raises(KeyNotFound):
        connection.keys.revoke(theirs.key.key_id)
    with connection.database.connection("read") as direct:
        direct.execute(f"BEGIN; SET LOCAL codetriever.key_hash = '{hash_of(mine.secret).hex()}'")
        assert direct.execute("SELECT name FROM api_keys").fetchall() == [("mine",)]
        assert direct.execute("UPDATE api_keys SET scopes = '{admin}'").rowcount == 0, "to see is not to change"
        direct.execute("ROLLBACK")
        assert direct.execute("SELECT name FROM api_keys").fetchall() == []


def test_every_change_is_on_record(connection: Connection) -> None:
    ada = connection.as_tenant(connection.tenant, actor="ada")
    fill(connection, "old")
    ada.tenants.create("harbour")
    ada.keys.create("robot")
    ada.keys.revoke("robot")
    ada.repositories.rename("old", "new")
    ada.repositories.remove("new")
    ada.tenants.remove("harbour")
    entries = connection.tenants.audit()
    assert {entry.actor for entry in entries} == {"ada"}
    assert [entry.action for entry in reversed(entries)] == [
        "create tenant", "create key", "revoke key", "rename repository", "remove repository", "remove tenant",
    ]  # fmt: skip
    assert entries[2].subject == "old -> new"
    assert len(connection.tenants.audit(limit=2)) == 2
    other = connection.as_tenant(connection.tenants.create("other").tenant_id)
    assert other.tenants.audit() == []


# Transactions that stand in each other's way


def test_a_deadlock_is_done_again(database_url: str) -> None:
    with Database(database_url) as database:
        with database.connection("write") as direct:
            for name in ("one", "two"):
                in_transaction(
                    direct, DEFAULT_TENANT,
                    lambda name=name: direct.execute("INSERT INTO repositories (tenant_id, name) VALUES (%s, %s)", (DEFAULT_TENANT, name)),
                )  # fmt: skip
        barrier, attempts = threading.Barrier(2), []

        def work(first: str, second: str) -> None:
            with database.connection("write") as direct:
                turns = [first, second]

                def update() -> None:
                    attempts.append(first)
                    for name in turns:
                        direct.execute("UPDATE repositories SET url = url || %s::text WHERE name = %s", (first, name))
                        if name == first and len(attempts) <= 2:
                            barrier.wait(10)

                in_transaction(direct, DEFAULT_TENANT, update)

        threads = [threading.Thread(target=work, args=names) for names in (("one", "two"), ("two", "one"))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(attempts) == 3, "one of them had to begin again"
        with database.reading(DEFAULT_TENANT) as direct:
            assert [sorted(row[0]) for row in direct.execute("SELECT url FROM repositories").fetchall()] == [sorted("onetwo")] * 2


def test_what_is_undone_again_and_again_is_an_error(database_url: str) -> None:
    with Database(database_url) as database, database.connection("write") as direct:
        attempts = []

        def work() -> None:
            attempts.append(1)
            direct.execute("DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = 'serialization_failure'; END $$")

        with pytest.raises(TransactionUndone):
            in_transaction(direct, DEFAULT_TENANT, work)
        assert len(attempts) == 5
        assert direct.execute("SELECT 1").fetchone() == (1,)
